//! The keeper of the log: sequencer and checkpoints at work behind the calls, and the look at the log when the program starts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::checkpoints::{ALARM_LOG, Checkpoints, Made};
use super::sequencer::{Round, Sequencer};
use super::verify::end_is_good;
use crate::capability::alarms::Alarms;
use crate::kernel::clock::Clock;
use crate::kernel::fault::Fault;
use crate::port::store::Store;

/// How often it looks whether there is anything to chain: an entry is in the chain within a second.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// How often checkpoints are looked at when nothing happens.
const IDLE_LOOKS: u32 = 12;
/// How long another instance that does it is left to it, before it is looked whether it still does: longer than that one's
/// looks are apart, and together with an own look less than a second.
const LEAVE_TO_OTHER: Duration = Duration::from_millis(450);

/// What a keeper knows from one look to the next.
#[derive(Debug, Default)]
pub struct Lookout {
    /// Another instance does it, as far as is known.
    pub elsewhere: bool,
    /// Where the chain ended when it was last found behind, while another does it.
    behind_at: Option<i64>,
    /// Looks in a row that found nothing to do.
    idle: u32,
}

/// Keeps the log provable.
pub struct Keeper {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Adds entries to chains and tree.
    pub sequencer: Sequencer,
    /// Makes checkpoints.
    pub checkpoints: Checkpoints,
    alarms: Arc<Alarms>,
}

impl Keeper {
    /// The keeper of a store's log.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, checkpoints: Checkpoints, alarms: Arc<Alarms>) -> Self {
        let sequencer = Sequencer::new(store.clone(), clock.clone());
        Self { store, clock, sequencer, checkpoints, alarms }
    }

    /// Looks whether the log is the one that the anchors know, and whether its end is as it was. What does not fit raises an
    /// alarm. Answers whether all is well.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look(&self) -> Result<bool, Fault> {
        let misfits = self.checkpoints.held_against_anchors().await?;
        let mut wrong: Vec<String> = misfits.into_iter().map(|misfit| misfit.say).collect();
        wrong.extend(end_is_good(&self.store).await?.err());
        if wrong.is_empty() {
            self.alarms.clear(ALARM_LOG);
        } else {
            self.alarms.raise(ALARM_LOG, wrong.join(" "), self.clock.now());
        }
        Ok(wrong.is_empty())
    }

    /// Says what a verification has found.
    pub fn tell(&self, found: Option<String>) {
        if let Some(say) = found {
            self.alarms.raise(ALARM_LOG, say, self.clock.now());
        }
    }

    /// Chains what there is and says to the anchors that the log begins anew: a backup was restored, and what they keep is of
    /// the log that was there before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_anew(&self) -> Result<(), Fault> {
        self.sequencer.catch_up().await?;
        self.checkpoints.begin_anew(&self.alarms).await
    }

    /// Chains what there is and makes a checkpoint when it is time, or at once. Answers the newest.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_up(&self, checkpoint_now: bool) -> Result<Option<Made>, Fault> {
        self.sequencer.catch_up().await?;
        self.checkpoints.keep_up(&self.alarms, checkpoint_now).await
    }

    /// Works until it is told to stop; then chains what is left and makes a last checkpoint.
    pub async fn work(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut lookout, mut failing) = (Lookout::default(), false);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = ticks.tick() => {}
            }
            let worked = self.turn(&mut lookout).await;
            match &worked {
                Err(fault) if !failing => {
                    tracing::warn!(?fault, "the audit log could not be chained; it is tried again");
                }
                Ok(_) if failing => tracing::info!("the audit log is chained again"),
                Ok(_) | Err(_) => {}
            }
            failing = worked.is_err();
            if let Ok(Round::Elsewhere) = worked {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(LEAVE_TO_OTHER) => {}
                }
            }
        }
        if let Err(fault) = self.keep_up(true).await {
            tracing::warn!(%fault, "the end of the audit log could not be chained; the next start does it");
        }
    }

    /// One look, and what it shows to be done. Of several instances one chains; the others see that it does, since what one of
    /// them finds not chained is chained when it looks again. Where it is not, whoever looked takes over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn turn(&self, lookout: &mut Lookout) -> Result<Round, Fault> {
        let behind = self.sequencer.behind_at().await?;
        if behind.is_some() && lookout.elsewhere && lookout.behind_at != behind {
            lookout.behind_at = behind;
            return Ok(Round::Elsewhere);
        }
        lookout.behind_at = None;
        if behind.is_none() && lookout.idle < IDLE_LOOKS {
            lookout.idle += 1;
            return Ok(Round::Done);
        }
        lookout.idle = 0;
        let mut round = Round::Done;
        if behind.is_some() {
            round = self.sequencer.catch_up().await?;
            lookout.elsewhere = round == Round::Elsewhere;
        }
        if round == Round::Done {
            self.checkpoints.keep_up(&self.alarms, false).await?;
        }
        Ok(round)
    }
}
