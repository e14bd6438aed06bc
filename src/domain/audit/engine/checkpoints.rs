//! Checkpoints: made now and then of the tree as it is, signed, kept in the store and given to the anchors; and held against
//! the log at a start and by `audit_verify`.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::hash::hex;
use super::kept::{CHECKPOINTS, KeptNodes, head_id, platform};
use super::note::{Checkpoint, Signer, may_begin};
use super::sequencer::head;
use super::tree;
use crate::capability::alarms::Alarms;
use crate::capability::cx::store_fault;
use crate::kernel::clock::Clock;
use crate::kernel::fault::Fault;
use crate::kernel::reading;
use crate::kernel::time::Timestamp;
use crate::port::anchors::Anchor;
use crate::port::logs::{Entry, LogQuery};
use crate::port::records::{Filter, Scope};
use crate::port::store::{Batch, Conflict, Expect, Step, Store, StoreFault};

/// How many checkpoints of each place are looked at, the newest. Each of them speaks of everything before it.
const LOOKED_AT: usize = 2000;

/// What the alarms are about.
pub const ALARM_LOG: &str = "audit log";
/// The same for anchors.
pub const ALARM_ANCHOR: &str = "audit anchor";

/// When checkpoints are made.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// After so many entries.
    pub entries: u64,
    /// Or so long after the one before, when there is a new entry.
    pub span: Duration,
}

/// A checkpoint in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Made {
    /// How many entries the tree has.
    pub size: u64,
    /// The signed note.
    pub note: String,
}

/// Makes checkpoints and knows the anchors.
pub struct Checkpoints {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    signer: Signer,
    anchors: Vec<Arc<dyn Anchor>>,
    rhythm: Rhythm,
    /// For each anchor, what it was given last, where that is known.
    given: Mutex<Vec<Option<Checkpoint>>>,
}

impl Checkpoints {
    /// Checkpoints of a store's log.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        signer: Signer,
        anchors: Vec<Arc<dyn Anchor>>,
        rhythm: Rhythm,
    ) -> Self {
        let given = Mutex::new(vec![None; anchors.len()]);
        Self { store, clock, signer, anchors, rhythm, given }
    }

    /// Who signs.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Makes a checkpoint when it is time for one, or at once where that is wanted and there is something new; and gives the
    /// newest to the anchors that do not have it. Answers the newest.
    ///
    /// # Errors
    /// When the store fails. An anchor that does raises an alarm, and is given the checkpoint later.
    pub async fn keep_up(&self, alarms: &Alarms, now_or_never: bool) -> Result<Option<Made>, Fault> {
        // Held from before the look: what was looked up before a beginning is not given after it.
        let mut given = self.given.lock().await;
        // One that another key has signed came with a restored store.
        let before = newest(&*self.store).await?.filter(|(made, _)| self.signer.verifier().open(&made.note).is_some());
        let newest = match before {
            Some((made, at)) if !self.is_due(&made, at, now_or_never).await? => Some(made),
            before => match self.make(false).await? {
                Some(made) => Some(made),
                None => before.map(|(made, _)| made),
            },
        };
        if let Some(made) = &newest {
            self.give(made, &mut given, alarms).await;
        }
        Ok(newest)
    }

    async fn is_due(&self, made: &Made, at: Timestamp, now_or_never: bool) -> Result<bool, Fault> {
        let size = head(&*self.store).await?.map_or(0, |(head, _)| head.size);
        let new = size.saturating_sub(made.size);
        Ok(new >= self.rhythm.entries.max(1)
            || new > 0 && (now_or_never || self.clock.now().since(at) >= self.rhythm.span))
    }

    /// Says to the anchors that the log begins anew with what there is: a backup was restored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_anew(&self, alarms: &Alarms) -> Result<(), Fault> {
        let mut given = self.given.lock().await;
        if let Some(made) = self.make(true).await? {
            *given = vec![None; self.anchors.len()];
            self.give(&made, &mut given, alarms).await;
            // Whatever did not fit was about the log that is gone, or seen between its going and this.
            alarms.clear(ALARM_LOG);
        }
        Ok(())
    }

    async fn make(&self, begins: bool) -> Result<Option<Made>, Fault> {
        let Some((head, revision)) = head(&*self.store).await?.filter(|(head, _)| head.size > 0) else {
            return Ok(None);
        };
        let root = tree::root(&mut KeptNodes::new(self.store.clone()), head.size).await?;
        let sign = if begins { Signer::sign_beginning } else { Signer::sign };
        let made = Made { size: head.size, note: sign(&self.signer, head.size, root) };
        let steps = vec![
            // A head that has moved meanwhile has a checkpoint of its own soon.
            Step::Check { kind: &super::kept::HEAD, id: head_id(), expect: Expect::Revision(revision) },
            Step::Append {
                log: &CHECKPOINTS,
                stream: String::new(),
                body: serde_json::to_value(&made).map_err(Fault::internal)?,
            },
        ];
        match self.store.commit(vec![Batch { tenant: platform(), at: self.clock.now(), steps }]).await {
            Ok(_) => Ok(Some(made)),
            Err(StoreFault::Conflict(Conflict::Changed { .. })) => Ok(None),
            Err(fault) => Err(store_fault(fault)),
        }
    }

    /// Gives a checkpoint to the anchors that do not have it: to each only where the log still goes on from what it was given
    /// before. So the newest that an anchor keeps speaks for all before it, and one that knows better is not talked over.
    async fn give(&self, made: &Made, given: &mut [Option<Checkpoint>], alarms: &Alarms) {
        let Some(checkpoint) = self.signer.verifier().open(&made.note) else { return };
        let (mut silent, mut forked) = (Vec::new(), Vec::new());
        for (anchor, has) in self.anchors.iter().zip(given.iter_mut()) {
            if has.as_ref() == Some(&checkpoint) {
                continue;
            }
            match self.give_one(&**anchor, has.as_ref(), made, &checkpoint).await {
                Ok(true) => *has = Some(checkpoint.clone()),
                Ok(false) => forked.push(anchor.name()),
                Err(fault) => silent.push(format!("{} cannot be given a checkpoint: {fault}", anchor.name())),
            }
        }
        if silent.is_empty() {
            alarms.clear(ALARM_ANCHOR);
        } else {
            alarms.raise(ALARM_ANCHOR, silent.join("; "), self.clock.now());
        }
        if !forked.is_empty() {
            let say = format!(
                "the log does not go on from the checkpoint that {} keeps, which is given no more: audit_verify says where they \
                 fall apart, and the next start what to do.",
                forked.join(" and ")
            );
            alarms.raise_first(ALARM_LOG, say, self.clock.now());
        }
    }

    /// False where the log does not go on from what the anchor keeps.
    async fn give_one(
        &self,
        anchor: &dyn Anchor,
        has: Option<&Checkpoint>,
        made: &Made,
        checkpoint: &Checkpoint,
    ) -> Result<bool, StoreFault> {
        let mut before = has.cloned();
        if before.is_none()
            && let Some(kept) = anchor.kept().await?
            && let Some(last) = kept.last()
        {
            // After a start, it is not given the same twice.
            if *last == made.note {
                return Ok(true);
            }
            before = self.signer.verifier().open(last);
            if before.is_none() && !checkpoint.begins {
                return Ok(false);
            }
        }
        if let Some(before) = before.filter(|_| !checkpoint.begins) {
            let mut nodes = KeptNodes::new(self.store.clone());
            let goes_on = before.size <= checkpoint.size
                && tree::root(&mut nodes, before.size).await.is_ok_and(|root| root == before.root);
            if !goes_on {
                return Ok(false);
            }
        }
        anchor.keep(&made.note).await.map(|()| true)
    }

    /// Holds what the anchors keep against the log. Answers what does not fit, in words, worst first; nothing when all is well.
    ///
    /// # Errors
    /// When the store fails. An anchor that cannot be read does not fit.
    pub async fn held_against_anchors(&self) -> Result<Vec<Misfit>, Fault> {
        let size = head(&*self.store).await?.map_or(0, |(head, _)| head.size);
        let mut misfits = Vec::new();
        for anchor in &self.anchors {
            let name = anchor.name();
            match anchor.kept().await {
                Ok(None) => {}
                Ok(Some(kept)) => misfits.extend(self.misfit_of(&name, &kept, size).await?),
                Err(fault) => {
                    misfits.push(Misfit { size: 0, intact: 0, say: format!("{name} cannot be read: {fault}") });
                }
            }
        }
        Ok(misfits)
    }

    /// The notes that an anchor keeps of this log: from the last one on with which it began, and of these the newest.
    fn since_the_beginning<'a>(&self, kept: &'a [String]) -> &'a [String] {
        let begins = |note: &String| {
            may_begin(note) && self.signer.verifier().open(note).is_some_and(|checkpoint| checkpoint.begins)
        };
        let begin = kept.iter().rposition(begins).unwrap_or(0);
        let first = begin.max(kept.len().saturating_sub(LOOKED_AT));
        kept.get(first..).unwrap_or_default()
    }

    /// The first misfit of an anchor's checkpoints. Those before it say how far the log is as it was.
    async fn misfit_of(&self, anchor: &str, kept: &[String], size: u64) -> Result<Option<Misfit>, Fault> {
        let kept = self.since_the_beginning(kept);
        let mut nodes = KeptNodes::new(self.store.clone());
        // Where the largest one fits, those before it did when it was given: a start does not read through years of them.
        if let Some(largest) = kept.iter().max_by_key(|note| size_of(note))
            && let Some(checkpoint) = self.signer.verifier().open(largest)
            && checkpoint.size <= size
            && tree::root(&mut nodes, checkpoint.size).await.ok() == Some(checkpoint.root)
            && kept.last().is_none_or(|last| self.signer.verifier().open(last).is_some())
        {
            return Ok(None);
        }
        let mut intact = 0;
        let mut checkpoints: Vec<Checkpoint> =
            kept.iter().filter_map(|note| self.signer.verifier().open(note)).collect();
        if checkpoints.len() < kept.len() {
            let say = format!(
                "{anchor} keeps checkpoints that another key has signed: this is another installation's log, or the key was \
                 lost. Where you know why, move the anchor's file aside, or name another place for it, and keep it as evidence."
            );
            return Ok(Some(Misfit { size: 0, intact: 0, say }));
        }
        checkpoints.sort_by_key(|checkpoint| checkpoint.size);
        for checkpoint in checkpoints {
            let wanted = checkpoint.size;
            if wanted > size {
                let say = format!(
                    "the log has {size} entries in its chain and {anchor} keeps a checkpoint of {wanted}: it was cut, or an \
                     older store was put in its place. Where you restored a backup, move the anchor's file aside, or name another \
                     place for it, keep it as evidence, and start again."
                );
                return Ok(Some(Misfit { size: wanted, intact, say }));
            }
            // A node that cannot be read is one that was tampered with.
            let root = tree::root(&mut nodes, wanted).await.ok();
            if root != Some(checkpoint.root) {
                let told =
                    root.as_ref().map_or_else(|| "no root at all".to_owned(), |root| format!("root {}", hex(root)));
                let say = format!(
                    "the log was rewritten: its first {wanted} entries give {told}, {anchor} keeps a checkpoint of them with \
                     root {}. Up to entry {intact} it is as it was.",
                    hex(&checkpoint.root)
                );
                return Ok(Some(Misfit { size: wanted, intact, say }));
            }
            intact = wanted;
        }
        Ok(None)
    }

    /// Every checkpoint that is known with a good signature, from the store and the anchors, by size.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn known(&self) -> Result<Vec<(String, Checkpoint)>, Fault> {
        let mut known: Vec<(String, Checkpoint)> = Vec::new();
        for entry in stored(&*self.store).await? {
            let made = reading::read::<Made>(entry.body).ok();
            let checkpoint = made.and_then(|made| self.signer.verifier().open(&made.note));
            known.extend(checkpoint.map(|checkpoint| ("the store".to_owned(), checkpoint)));
        }
        for anchor in &self.anchors {
            let Ok(Some(kept)) = anchor.kept().await else { continue };
            let opened = self.since_the_beginning(&kept).iter().filter_map(|note| self.signer.verifier().open(note));
            known.extend(opened.map(|checkpoint| (anchor.name(), checkpoint)));
        }
        known.sort_by_key(|(_, checkpoint)| checkpoint.size);
        Ok(known)
    }
}

/// Where the log and an anchor fall apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The size of the checkpoint that does not fit, 0 where there is none.
    pub size: u64,
    /// How many entries an earlier checkpoint shows to be as they were.
    pub intact: u64,
    /// What was found, and what to do.
    pub say: String,
}

/// The newest checkpoint in the store and when it was made.
///
/// # Errors
/// When the store fails.
pub async fn newest(store: &dyn Store) -> Result<Option<(Made, Timestamp)>, Fault> {
    let query = LogQuery { filter: Filter::All, beyond: None, descending: true, limit: 1 };
    let found = store.entries(Scope::Tenant(platform()), &CHECKPOINTS, query).await.map_err(store_fault)?;
    Ok(found.into_iter().next().and_then(|entry| Some((reading::read(entry.body).ok()?, entry.at))))
}

/// The newest checkpoints in the store.
async fn stored(store: &dyn Store) -> Result<Vec<Entry>, Fault> {
    let limit = u32::try_from(LOOKED_AT).unwrap_or(u32::MAX);
    let query = LogQuery { filter: Filter::All, beyond: None, descending: true, limit };
    store.entries(Scope::Tenant(platform()), &CHECKPOINTS, query).await.map_err(store_fault)
}

/// The size that a note names, whoever signed it.
fn size_of(note: &str) -> u64 {
    note.lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or(0)
}
