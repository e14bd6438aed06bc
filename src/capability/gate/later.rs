//! Entries that nobody waits for: of calls that ask something outside which keeps nothing of them, and write nothing here. Many
//! share one commit behind them.
//!
//! What a crash loses are the entries of the last moment: those of a twentieth of a second and of the commit under way. Where the
//! store takes nothing, calls go on for some seconds; then each waits for its own entry again, and ends by the store's fault.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Gate;
use super::audit::{self, Told};
use super::sealing::Sealing;
use super::usage::Row;
use crate::capability::cx::{Call, Pending};
use crate::capability::platform::Platform;
use crate::kernel::id::TenantId;
use crate::port::store::{Batch, Step, StoreFault};

/// How long entries gather before they are written.
const GATHER: Duration = Duration::from_millis(50);
/// With so many that wait, or one that has waited for so long, calls wait for the disk again.
const MOST: usize = 2_000;
const LONGEST: Duration = Duration::from_secs(5);

/// A call whose entry is to be written, and the row of its usage where it ended well.
struct Entry {
    call: Arc<Call>,
    took: Option<Duration>,
    outcome: &'static str,
}

/// Entries that wait.
#[derive(Default)]
pub(super) struct Later {
    waiting: Mutex<Waiting>,
    /// One commit at a time: entries stay in their order.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Waiting {
    entries: Vec<Entry>,
    /// Since when at most the first of them waits, or of those that are being written.
    since: Option<Instant>,
    /// How many more are being written just now: whether they can be is not known yet.
    under_way: usize,
    /// Whether somebody is about to write them.
    is_due: bool,
}

impl Waiting {
    fn count(&self) -> usize {
        self.entries.len() + self.under_way
    }
}

impl Gate {
    /// Writes the entry of a call behind it, and the row of its usage where it ended well. Waits only where too much is waiting.
    pub(super) async fn write_behind(
        &self,
        call: &Arc<Call>,
        took: Option<Duration>,
        outcome: &'static str,
    ) -> Result<(), StoreFault> {
        let entry = Entry { call: call.clone(), took, outcome };
        if let Some(entry) = self.later.add(&self.platform, entry) {
            // In its place behind those that wait.
            self.later.write(&self.platform).await?;
            write(&self.platform, &[entry]).await?;
        }
        Ok(())
    }
}

impl Later {
    /// Takes an entry, or gives it back where too much is waiting.
    fn add(self: &Arc<Self>, platform: &Arc<Platform>, entry: Entry) -> Option<Entry> {
        let mut waiting = self.lock();
        let longest = waiting.since.map_or(Duration::ZERO, |since| since.elapsed());
        if waiting.count() >= MOST || longest >= LONGEST {
            return Some(entry);
        }
        waiting.since.get_or_insert_with(Instant::now);
        waiting.entries.push(entry);
        if !std::mem::replace(&mut waiting.is_due, true) {
            let (later, platform) = (self.clone(), platform.clone());
            // The program does not end before it is written.
            platform.clone().running().spawn(async move {
                tokio::time::sleep(GATHER).await;
                if let Err(fault) = later.write(&platform).await {
                    tracing::error!(%fault, "audit entries of calls that did not wait for them could not be written yet");
                }
            });
        }
        None
    }

    /// Whether nothing waits or is being written.
    pub(super) fn is_empty(&self) -> bool {
        self.writing.try_lock().is_ok() && self.lock().entries.is_empty()
    }

    /// Writes what waits. What cannot be written stays. Not to be given up on the way.
    pub(super) async fn write(&self, platform: &Platform) -> Result<(), StoreFault> {
        let _one = self.writing.lock().await;
        let began = Instant::now();
        let taken = {
            let mut waiting = self.lock();
            waiting.is_due = false;
            let taken = std::mem::take(&mut waiting.entries);
            waiting.under_way = taken.len();
            taken
        };
        if taken.is_empty() {
            return Ok(());
        }
        let written = write(platform, &taken).await;
        let (mut waiting, mut taken) = (self.lock(), taken);
        waiting.under_way = 0;
        if written.is_ok() {
            // What waits now came since.
            waiting.since = (!waiting.entries.is_empty()).then_some(began);
        } else {
            taken.append(&mut waiting.entries);
            waiting.entries = taken;
        }
        written
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a call wrote nothing and tells of nothing but itself.
pub(super) fn is_silent(pending: &Pending) -> bool {
    let told = pending.subject.is_some() || pending.record.is_some() || !pending.events.is_empty();
    let wrote = !pending.steps.is_empty() || !pending.authority.is_empty() || pending.committed_before;
    !told && !wrote && pending.ending.is_none()
}

/// Writes entries in one commit. They are made only now: nobody waits for it, and a key that was destroyed meanwhile seals none.
/// Usage of one principal and tool is added up.
async fn write(platform: &Platform, entries: &[Entry]) -> Result<(), StoreFault> {
    let told = Told { subject: None, changes: &[], record: None };
    let mut of_tenants: HashMap<TenantId, (Vec<Step>, Vec<Row>)> = HashMap::new();
    let mut sealings = Vec::with_capacity(entries.len());
    for Entry { call, took, outcome } in entries {
        let mut sealing = Box::pin(audit::entry(platform, call, &told, outcome)).await?;
        let (steps, used) = of_tenants.entry(call.caller.tenant).or_default();
        steps.append(&mut sealing.steps);
        sealings.push(sealing);
        if let Some(row) = took.map(|took| Row::of(call, took))
            && !used.iter_mut().any(|one| one.add(&row))
        {
            used.push(row);
        }
    }
    let at = platform.clock.now();
    let batch = |(tenant, (mut steps, used)): (TenantId, (Vec<Step>, Vec<Row>))| {
        for row in used {
            steps.push(row.step().map_err(|fault| StoreFault::Broken(fault.to_string()))?);
        }
        Ok(Batch { tenant, at, steps })
    };
    let batches = of_tenants.into_iter().map(batch).collect::<Result<_, StoreFault>>()?;
    platform.store.commit(batches).await?;
    sealings.iter().for_each(Sealing::committed);
    Ok(())
}
