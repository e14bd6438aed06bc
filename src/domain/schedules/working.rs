//! The worker of schedules on one instance: what is due is leased, in the order in which it is due, and dealt with. However many schedules there
//! are, only the first due time is looked at; in memory is only what runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::model::run::RUN;
use super::running::{LEASE, carry_out};
use super::starting::{RUNS, TIMERS};
use super::timing::ring;
use crate::capability::cx::store_fault;
use crate::capability::gate::Gate;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::tasks::Work;
use crate::port::queue::Lease;
use crate::port::records::{Comparison, Filter, Query, Scalar, Scope};
use crate::port::store::{Batch, Expect, Step};

/// Due times that are leased at once.
const TIMERS_AT_ONCE: u32 = 32;
/// So long due times are leased: dealing with one takes no longer than a commit.
const TIMER_LEASE: Duration = Duration::from_secs(30);
/// The longest and the shortest time between two looks.
const LONGEST: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(5);
/// A run of a tenant that has as many as it may waits so long before it is looked at again.
const AGAIN: Duration = Duration::from_millis(500);
/// How long runs may go on when it is time to stop.
const LAST: Duration = Duration::from_secs(1);
/// How often old runs are removed.
const CLEAN_EVERY: Duration = Duration::from_mins(10);
/// Old runs that are removed at once.
const PAGE: u32 = 500;

/// Deals with what is due.
pub struct Worker {
    gate: Arc<Gate>,
}

impl Worker {
    /// The worker of the schedules behind a gate.
    #[must_use]
    pub fn new(gate: Arc<Gate>) -> Arc<Self> {
        Arc::new(Self { gate })
    }

    /// Makes runs of what is due now, as long as there is some; answers how many due times were dealt with.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn timers(&self) -> Result<usize, Fault> {
        let (platform, mut count) = (self.gate.platform(), 0);
        loop {
            let now = platform.clock.now();
            let leases = platform.store.lease(TIMERS, now, TIMER_LEASE, TIMERS_AT_ONCE).await.map_err(store_fault)?;
            if leases.is_empty() {
                return Ok(count);
            }
            count += leases.len();
            for lease in leases {
                ring(platform, &lease).await?;
            }
        }
    }

    /// Everything that is due now, and the runs of it until no more are left; for whoever does not want to wait for the worker.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn round(&self) -> Result<usize, Fault> {
        let mut count = 0;
        loop {
            let mut some = self.timers().await?;
            let now = self.gate.platform().clock.now();
            let leases = self.gate.platform().store.lease(RUNS, now, LEASE, 64).await.map_err(store_fault)?;
            for lease in leases {
                some += 1;
                carry_out(&self.gate, &lease).await?;
            }
            if some == 0 {
                return Ok(count);
            }
            count += some;
        }
    }

    /// Works until it is told to stop.
    pub async fn work(self: Arc<Self>, stop: CancellationToken) {
        let mut flying = Flying { set: JoinSet::new(), of: HashMap::new(), leases: HashMap::new() };
        let (mut failing, mut cleaned) = (false, None::<Instant>);
        while !stop.is_cancelled() {
            let looked = self.look(&mut flying).await;
            if let Err(fault) = &looked
                && !failing
            {
                tracing::warn!(?fault, "schedules cannot be worked on");
            }
            failing = looked.is_err();
            if cleaned.is_none_or(|at| at.elapsed() >= CLEAN_EVERY) {
                cleaned = Some(Instant::now());
                if let Err(fault) = self.clean().await {
                    tracing::warn!(?fault, "old runs of schedules could not be removed");
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                landed = flying.set.join_next_with_id(), if !flying.set.is_empty() => flying.land(landed),
                () = tokio::time::sleep(looked.unwrap_or(LONGEST)) => {}
            }
        }
        self.end(flying).await;
    }

    /// Deals with what is due, and begins as many runs as there is room for; answers how long to wait.
    async fn look(&self, flying: &mut Flying) -> Result<Duration, Fault> {
        let platform = self.gate.platform();
        self.timers().await?;
        let settings = &platform.config.schedules;
        let room = settings.runs.saturating_sub(flying.set.len());
        if room > 0 {
            let now = platform.clock.now();
            let limit = u32::try_from(room).unwrap_or(u32::MAX);
            for lease in platform.store.lease(RUNS, now, LEASE, limit).await.map_err(store_fault)? {
                let of = flying.of.entry(lease.tenant).or_default();
                if *of >= settings.runs_per_tenant {
                    // Others come first.
                    platform.store.put_back(&lease, now.plus(AGAIN)).await.map_err(store_fault)?;
                    continue;
                }
                *of += 1;
                let (gate, told) = (self.gate.clone(), lease.clone());
                let work: Work = Box::pin(async move {
                    if let Err(fault) = carry_out(&gate, &lease).await {
                        tracing::warn!(%fault, "a run of a schedule could not be carried out and waits to be taken up again");
                    }
                });
                let id = flying.set.spawn(work).id();
                flying.leases.insert(id, told);
            }
        }
        let mut wait = LONGEST;
        let full = flying.set.len() >= settings.runs;
        for queue in [Some(TIMERS), (!full).then_some(RUNS)].into_iter().flatten() {
            if let Some(next) = platform.store.next_due(queue).await.map_err(store_fault)? {
                wait = wait.min(next.since(platform.clock.now()).max(SHORTEST));
            }
        }
        Ok(wait)
    }

    /// Lets what runs end, and gives back what does not end in time: another instance, or the next start, goes on with it.
    async fn end(&self, mut flying: Flying) {
        let until = Instant::now() + LAST;
        while let Ok(Some(landed)) = tokio::time::timeout_at(until, flying.set.join_next_with_id()).await {
            flying.land(Some(landed));
        }
        flying.set.shutdown().await;
        let platform = self.gate.platform();
        for lease in flying.leases.into_values() {
            // Where this fails the lease ends by itself.
            let _ = platform.store.put_back(&lease, platform.clock.now()).await;
        }
    }

    /// Removes some of the runs that are older than they are kept, over all tenants.
    async fn clean(&self) -> Result<(), Fault> {
        let platform = self.gate.platform();
        let days = platform.config.schedules.kept_days;
        if days == 0 {
            return Ok(());
        }
        let now = platform.clock.now();
        let before = now.minus(Duration::from_hours(days.saturating_mul(24)));
        let old = Filter::Compare("dueAt", Comparison::Less, Scalar::Time(before));
        loop {
            let query = Query { filter: old.clone(), order: "dueAt", descending: false, after: None, limit: PAGE };
            let found = platform.store.find(Scope::Platform, &RUN, query).await.map_err(store_fault)?;
            let more = found.len() == PAGE as usize;
            let mut batches: HashMap<TenantId, Vec<Step>> = HashMap::new();
            for run in found {
                let step = Step::Remove { kind: &RUN, id: run.id, expect: Expect::Anything };
                batches.entry(run.tenant).or_default().push(step);
            }
            let batches = batches.into_iter().map(|(tenant, steps)| Batch { tenant, at: now, steps }).collect();
            platform.store.commit(batches).await.map_err(store_fault)?;
            if !more {
                return Ok(());
            }
        }
    }
}

/// The runs under way on this instance.
struct Flying {
    set: JoinSet<()>,
    of: HashMap<TenantId, usize>,
    leases: HashMap<tokio::task::Id, Lease>,
}

impl Flying {
    fn land(&mut self, landed: Option<Result<(tokio::task::Id, ()), tokio::task::JoinError>>) {
        let id = match landed {
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => {
                tracing::error!(%error, "a run of a schedule panicked and is taken up again when its lease ends");
                error.id()
            }
            None => return,
        };
        let Some(lease) = self.leases.remove(&id) else { return };
        if let Some(of) = self.of.get_mut(&lease.tenant) {
            *of -= 1;
            if *of == 0 {
                self.of.remove(&lease.tenant);
            }
        }
    }
}
