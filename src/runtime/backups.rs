//! Backups that are made by themselves, when the configuration says so. Where several instances share a store, one of them makes
//! each, and another takes over when it is gone. One that failed is tried again, and raises an alarm until one is whole.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::supervise::Supervisor;
use crate::capability::alarms::Alarms;
use crate::capability::gate::Gate;
use crate::config::backup::Schedule;
use crate::domain::system::{Kept, Lead, Made, Right, Shelf};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// How often it is looked whether it is time.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// So long after one that failed it is tried again.
const AGAIN_AFTER: Duration = Duration::from_mins(10);
/// What the alarm is about.
const ALARM: &str = "backup";

/// Makes backups when it is time.
pub struct Backups {
    gate: Arc<Gate>,
}

/// What a look led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// It is not time.
    NotYet,
    /// Another instance makes one, or has just begun to.
    Elsewhere,
    /// One was made.
    Made(Made),
}

impl Backups {
    /// Of what is behind a gate.
    #[must_use]
    pub fn new(gate: Arc<Gate>) -> Arc<Self> {
        Arc::new(Self { gate })
    }

    /// Starts it as background work, where the configuration has a schedule.
    pub fn start(self: &Arc<Self>, supervisor: &Supervisor) {
        if self.gate.platform().config.backup.schedule().is_none() {
            return;
        }
        let backups = self.clone();
        supervisor.keep("backups", move |stop| {
            let backups = backups.clone();
            async move { backups.run(stop).await }
        });
    }

    async fn run(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let looked = self.look().await;
            match &looked {
                Ok(Look::Made(made)) => {
                    tracing::info!(backup = made.name, bytes = made.size_bytes, "a backup was made");
                }
                // Said once: the alarm stays.
                Err(fault) if !failing => tracing::error!(?fault, "a backup could not be made by itself"),
                Ok(Look::NotYet | Look::Elsewhere) | Err(_) => {}
            }
            failing = looked.is_err();
        }
    }

    /// Looks whether it is time, and makes a backup if so.
    ///
    /// # Errors
    /// Why it could not be made.
    pub async fn look(&self) -> Result<Look, Fault> {
        let platform = self.gate.platform();
        let Some(schedule) = platform.config.backup.schedule() else { return Ok(Look::NotYet) };
        let now = platform.clock.now();
        let mut lead = Lead::read(platform).await?;
        self.tell(lead.kept(), now)?;
        if lead.is_new() {
            lead.begin(platform).await?;
        }
        if !is_due(schedule, lead.kept(), now) {
            return Ok(Look::NotYet);
        }
        if lead.elsewhere(now) {
            return Ok(Look::Elsewhere);
        }
        let right = match Right::take(platform).await {
            Ok(right) => right,
            Err(fault) if fault.code().name == "backup_busy" => return Ok(Look::Elsewhere),
            Err(fault) => return Err(fault),
        };
        // What was read before the lease may be of before another instance made one.
        if !is_due(schedule, right.kept(), now) {
            right.give_up(platform).await?;
            return Ok(Look::NotYet);
        }
        let name = platform.service::<Shelf>()?.new_name(now);
        let (owned, at) = (platform.clone(), now);
        // A server that is told to stop waits for it, as for one that somebody asked for.
        let made = platform.carry_through(async move { right.back_up(&owned, &name, at, true, |_| {}).await }).await;
        let made = made.unwrap_or_else(|| Err(Fault::internal("the backup ended early")));
        self.tell(Lead::read(platform).await?.kept(), platform.clock.now())?;
        made.map(Look::Made)
    }

    /// Raises the alarm or ends it: whichever instance made the last one, all know how it went.
    fn tell(&self, kept: &Kept, now: Timestamp) -> Result<(), Fault> {
        let alarms = self.gate.platform().service::<Alarms>()?;
        match (&kept.failure, kept.failed_at) {
            (Some(failure), Some(at)) => {
                let say = format!(
                    "the backup of {at} could not be made: {failure}. It is tried again every ten minutes; the log has the \
                     cause, and system_backup makes one at once."
                );
                alarms.raise(ALARM, say, now);
            }
            _ => alarms.clear(ALARM),
        }
        Ok(())
    }
}

/// Whether it is time for one.
fn is_due(schedule: Schedule, kept: &Kept, now: Timestamp) -> bool {
    if kept.failed_at.is_some_and(|failed| now < failed.plus(AGAIN_AFTER)) {
        return false;
    }
    let last = kept.last_at.unwrap_or(kept.since);
    match schedule {
        Schedule::Every(span) => now >= last.plus(span),
        Schedule::Daily(minutes) => last_moment(minutes, now) > last,
    }
}

/// The last moment that was so many minutes after midnight, UTC.
fn last_moment(minutes: u64, now: Timestamp) -> Timestamp {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let midnight = now.as_millis() - now.as_millis().rem_euclid(DAY);
    let moment = Timestamp::from_millis(midnight).plus(Duration::from_secs(minutes * 60));
    if moment > now { Timestamp::from_millis(moment.as_millis() - DAY) } else { moment }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_of_the_day_comes_once_a_day_and_is_made_up_for() {
        let moment = |now: &str| last_moment(210, at(now)).to_string();
        assert_eq!(moment("2026-11-20T03:30:00Z"), "2026-11-20T03:30:00.000Z");
        assert_eq!(moment("2026-11-20T03:29:59Z"), "2026-11-19T03:30:00.000Z");
        assert_eq!(moment("2026-11-20T23:00:00Z"), "2026-11-20T03:30:00.000Z");
        assert_eq!(last_moment(0, at("2026-01-01T00:00:00Z")), at("2026-01-01T00:00:00Z"));
    }
}
