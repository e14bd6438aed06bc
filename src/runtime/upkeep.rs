//! Upkeep: what the program does by itself while it runs. Every few seconds it writes the usage that was added up; every
//! minute it trims the logs to what is kept of them, carries out erasures that are due, forgets operations that have expired
//! and removes old backups.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::supervise::Supervisor;
use crate::capability::cx::store_fault;
use crate::capability::events::EVENTS;
use crate::capability::gate::Gate;
use crate::capability::gate::usage::USAGE;
use crate::config::store::Store as Retention;
use crate::domain::agents::Runs;
use crate::domain::integrations::Vault;
use crate::domain::models::Router;
use crate::domain::prompts::uses::Uses;
use crate::domain::system::{Monitor, Shelf, forget_silent};
use crate::domain::{MODULES, audit, documents, knowledge, memory};
use crate::kernel::fault::Fault;
use crate::port::logs::{Keep, Log};

/// How often usage is written.
const TIDY_EVERY: Duration = Duration::from_secs(5);
/// How often logs are trimmed.
const CLEAN_EVERY: Duration = Duration::from_mins(1);
/// Entries that go in one commit: a small step, so that callers' writes pass between.
const STEP: u32 = 500;
/// Steps in one round for one log; what is left goes in the next.
const STEPS: usize = 400;

/// Looks after a running program.
pub struct Upkeep {
    gate: Arc<Gate>,
    failing: AtomicBool,
}

/// What one round of cleaning removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Entries of logs.
    pub entries: u64,
    /// Operations.
    pub operations: usize,
    /// Backups.
    pub backups: usize,
    /// People whose data was erased from the audit log.
    pub erasures: usize,
}

impl Upkeep {
    /// The upkeep of what is behind a gate.
    #[must_use]
    pub fn new(gate: Arc<Gate>) -> Arc<Self> {
        Arc::new(Self { gate, failing: AtomicBool::new(false) })
    }

    /// Starts it as background work.
    pub fn start(self: &Arc<Self>, supervisor: &Supervisor) {
        let upkeep = self.clone();
        supervisor.keep("tidy", move |stop| {
            let upkeep = upkeep.clone();
            async move {
                every(TIDY_EVERY, stop, || async {
                    let tidied = upkeep.tidy().await;
                    upkeep.tell("usage could not be written", tidied.err());
                })
                .await;
            }
        });
        let upkeep = self.clone();
        supervisor.keep("clean", move |stop| {
            let upkeep = upkeep.clone();
            async move {
                every(CLEAN_EVERY, stop.clone(), || async {
                    let cleaned = upkeep.clean(&stop).await;
                    upkeep.tell("old data could not be removed", cleaned.err());
                })
                .await;
            }
        });
    }

    /// Writes what was added up in memory. A program that was put together without a part has none of it to write.
    async fn tidy(&self) -> Result<(), Fault> {
        let platform = self.gate.platform();
        let calls = self.gate.tidy().await;
        let models = match platform.service::<Router>() {
            Ok(router) => router.tidy(platform).await,
            Err(_) => Ok(()),
        };
        let prompts = match platform.service::<Uses>() {
            Ok(uses) => uses.flush(platform).await,
            Err(_) => Ok(()),
        };
        let runs = match platform.service::<Runs>() {
            Ok(runs) => runs.flush(platform).await,
            Err(_) => Ok(()),
        };
        calls.and(models).and(prompts).and(runs)
    }

    /// One round of cleaning.
    ///
    /// # Errors
    /// When the store or the folder of backups fails.
    pub async fn clean(&self, stop: &CancellationToken) -> Result<Cleaned, Fault> {
        let platform = self.gate.platform();
        let mut cleaned = Cleaned::default();
        for (log, keep) in keeps(&platform.config.store) {
            for _ in 0..STEPS {
                if stop.is_cancelled() {
                    return Ok(cleaned);
                }
                let gone = platform.store.trim(log, keep, platform.clock.now(), STEP).await.map_err(store_fault)?;
                cleaned.entries += gone;
                if gone < u64::from(STEP) {
                    break;
                }
            }
        }
        // The audit log is kept by each tenant's own policy, and what goes is declared.
        cleaned.entries += audit::retention::clean(platform, stop).await?;
        // What is remembered and kept of a person goes first: an erasure that was told as done is.
        for (tenant, person) in audit::erasure::due(platform).await? {
            memory::forgotten::forget_of(platform, tenant, person).await?;
            knowledge::erasing::forget_of(platform, tenant, person).await?;
            documents::erasing::forget_of(platform, tenant, person).await?;
        }
        cleaned.erasures = audit::erasure::carry_out(platform).await?;
        cleaned.operations = self.gate.forget_expired().await?;
        if let Ok(shelf) = platform.service::<Shelf>() {
            shelf.take_in_forgotten(platform).await?;
            cleaned.backups = shelf.prune(platform.clock.now()).await?;
        }
        forget_silent(platform).await?;
        if let Ok(monitor) = platform.service::<Monitor>() {
            monitor.take(platform).await?;
        }
        // What an interrupted rotation left under an old key.
        if let Ok(vault) = platform.service::<Vault>() {
            vault.finish(platform).await?;
        }
        if cleaned != Cleaned::default() {
            tracing::debug!(?cleaned, "old data removed");
        }
        Ok(cleaned)
    }

    /// Tells of the first of many faults, and when it is over: a full disk must not fill the log too.
    fn tell(&self, what: &str, fault: Option<Fault>) {
        let failed = fault.is_some();
        let failed_before = self.failing.swap(failed, Ordering::Relaxed);
        match fault {
            Some(fault) if !failed_before => tracing::warn!(?fault, "{what}"),
            None if failed_before => tracing::info!("upkeep works again"),
            Some(_) | None => {}
        }
    }
}

/// How much of each log is kept. What the configuration does not name is kept as the log itself says.
fn keeps(retention: &Retention) -> Vec<(&'static Log, Keep)> {
    let mut keeps = vec![
        (&EVENTS, kept(retention.events_days, retention.events_entries)),
        (&USAGE, kept(retention.usage_days, USAGE.keep.entries)),
    ];
    keeps.extend(MODULES.iter().flat_map(|module| module.logs).map(|log| (*log, log.keep)));
    keeps
}

/// 0 is no bound.
fn kept(days: u64, entries: u64) -> Keep {
    let bound = |number: u64| if number == 0 { u64::MAX } else { number };
    Keep { age: Duration::from_secs(bound(days).saturating_mul(24 * 60 * 60)), entries: bound(entries) }
}

/// Does something now and then until it is time to stop.
async fn every<Round: Future<Output = ()>>(period: Duration, stop: CancellationToken, round: impl Fn() -> Round) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick comes at once; a start has better things to do.
    ticks.tick().await;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = ticks.tick() => round().await,
        }
    }
}
