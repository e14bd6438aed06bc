//! The relay: delivers events from the log to subscriptions. It hears of every commit, and of what comes on the bus from other
//! instances, and wakes those whom it concerns; each
//! subscription has a worker of its own, so a receiver that hangs holds up nobody else. Where several instances share a store,
//! one delivers for a subscription at a time and another takes over when it is gone (docs/decisions/0009).

mod deliver;
mod held;
mod window;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, Semaphore, broadcast};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::supervise::Supervisor;
use crate::capability::cx::store_fault;
use crate::capability::events::{EVENTS, Event, Ways};
use crate::capability::gate::Gate;
use crate::capability::owned::Stored;
use crate::domain::events::model::letter::DeadLetter;
use crate::domain::events::model::subscription::{Delivery, State, Subscription};
use crate::domain::events::topics::{REDRIVEN, RESUMED, SUBSCRIBED, UNSUBSCRIBED};
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, new_uuid};
use crate::port::bus::Arrival;
use crate::port::records::{Comparison, Document as _, Filter, Place, Query, Record, Scalar, Scope};
use crate::port::store::{Batch, Expect, Step};
use worker::Worker;

/// Also without a sign it is looked whether another instance wrote events.
const LISTEN_EVERY: Duration = Duration::from_secs(1);
/// Also without a sign the subscriptions are read anew.
const LOOK_EVERY: u32 = 10;
/// Old dead letters are removed so often, in rounds of `LISTEN_EVERY`.
const CLEAN_EVERY: u32 = 600;
/// Subscriptions read at once, and dead letters removed at once.
const PAGE: u32 = 500;

/// Delivers events.
pub struct Relay {
    gate: Arc<Gate>,
    /// This instance, as leases name it.
    me: Uuid,
    /// Deliveries under way, over all subscriptions.
    room: Arc<Semaphore>,
}

/// A worker that runs.
struct Running {
    subscription: Arc<Stored<Subscription>>,
    sign: Arc<Sign>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Tells a worker that there is something to do.
#[derive(Default)]
struct Sign {
    wake: Notify,
    /// Dead letters are to be tried again.
    letters: AtomicBool,
}

type Workers = HashMap<(TenantId, Uuid), Running>;

impl Relay {
    /// A relay on a store that other instances may share.
    #[must_use]
    pub fn new(gate: Arc<Gate>) -> Arc<Self> {
        let me = new_uuid(gate.platform().clock.now());
        Self::of(gate, me)
    }

    /// A relay on a store that nobody shares: what an earlier run held is its own, so that after a crash it goes on at once.
    #[must_use]
    pub fn alone(gate: Arc<Gate>) -> Arc<Self> {
        let mut half = [0; 16];
        half.copy_from_slice(&gate.platform().seal.derive("relay", b"alone")[..16]);
        Self::of(gate, Uuid::from_bytes(half))
    }

    fn of(gate: Arc<Gate>, me: Uuid) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(gate.platform().config.events.deliveries.max(1)));
        Arc::new(Self { gate, me, room })
    }

    /// Starts it as background work.
    pub fn start(self: &Arc<Self>, supervisor: &Supervisor) {
        let relay = self.clone();
        supervisor.keep("relay", move |stop| {
            let relay = relay.clone();
            async move { relay.run(stop).await }
        });
    }

    async fn run(self: Arc<Self>, stop: CancellationToken) {
        let platform = self.gate.platform().clone();
        let mut heard = platform.hear();
        let mut arrivals = platform.service::<Ways>().ok().and_then(|ways| ways.bus.arrivals());
        // However this ends, the workers end too.
        let all = CancellationToken::new();
        let _end = all.clone().drop_guard();
        let mut workers = Workers::new();
        let mut ticks = tokio::time::interval(LISTEN_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut rounds, mut last) = (0_u32, 0);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = ticks.tick() => {
                    if rounds.is_multiple_of(LOOK_EVERY) {
                        self.look(&mut workers, &all).await;
                    }
                    if rounds % CLEAN_EVERY == CLEAN_EVERY - 1 && let Err(fault) = self.clean().await {
                        tracing::warn!(?fault, "old dead letters could not be removed");
                    }
                    rounds = rounds.wrapping_add(1);
                    let newest = platform.store.last(&EVENTS).await.unwrap_or(last);
                    if std::mem::replace(&mut last, newest) != newest {
                        platform.events_end_at(newest);
                        wake_all(&workers);
                    }
                }
                event = heard.recv() => match event {
                    Ok(event) => self.hear(&event, &mut workers, &all).await,
                    Err(RecvError::Lagged(_)) => wake_all(&workers),
                    Err(RecvError::Closed) => break,
                },
                arrival = next(&mut arrivals) => match arrival {
                    Arrival::Event { tenant, topic } => wake(&workers, tenant, &topic),
                    Arrival::Anything => wake_all(&workers),
                },
            }
        }
        all.cancel();
        for (_, running) in workers {
            let _ = running.task.await;
        }
    }

    /// Wakes whom an event concerns.
    async fn hear(self: &Arc<Self>, event: &Event, workers: &mut Workers, all: &CancellationToken) {
        if matches!(event.topic.as_str(), SUBSCRIBED | UNSUBSCRIBED | RESUMED | REDRIVEN)
            && let Ok(id) = event.subject.parse::<Uuid>()
        {
            self.look_at(event.tenant_id, id, workers, all).await;
            if let Some(running) = workers.get(&(event.tenant_id, id)) {
                running.sign.letters.store(true, Ordering::Release);
                running.sign.wake.notify_one();
            }
        }
        wake(workers, event.tenant_id, &event.topic);
    }

    /// Reads one subscription anew.
    async fn look_at(self: &Arc<Self>, tenant: TenantId, id: Uuid, workers: &mut Workers, all: &CancellationToken) {
        let store = &self.gate.platform().store;
        match store.get(Scope::Tenant(tenant), Subscription::KIND, id).await {
            Ok(Some(record)) => self.keep(record, workers, all).await,
            Ok(None) => drop(end(workers.remove(&(tenant, id)))),
            Err(fault) => tracing::warn!(%fault, subscription = %id, "a subscription could not be read"),
        }
    }

    /// Reads all subscriptions anew.
    async fn look(self: &Arc<Self>, workers: &mut Workers, all: &CancellationToken) {
        let records = match self.active().await {
            Ok(records) => records,
            Err(fault) => return tracing::warn!(?fault, "the subscriptions could not be read"),
        };
        let there: HashSet<(TenantId, Uuid)> = records.iter().map(|record| (record.tenant, record.id)).collect();
        let gone: Vec<(TenantId, Uuid)> = workers.keys().filter(|key| !there.contains(key)).copied().collect();
        for key in gone {
            drop(end(workers.remove(&key)));
        }
        for record in records {
            self.keep(record, workers, all).await;
        }
    }

    async fn active(&self) -> Result<Vec<Record>, Fault> {
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let filter = Filter::is("state", Scalar::Text(State::Active.name().to_owned()));
            let query = Query { filter, order: "id", descending: false, after, limit: PAGE };
            let found = self.gate.platform().store.find(Scope::Platform, Subscription::KIND, query).await;
            let found = found.map_err(store_fault)?;
            let more = found.len() == PAGE as usize;
            after = found.last().map(|last| Place { key: Scalar::Id(last.id), id: last.id });
            records.extend(found);
            if !more {
                return Ok(records);
            }
        }
    }

    /// Sees to it that a subscription has a worker, if it is to have one, and that it works by what is stored now.
    async fn keep(self: &Arc<Self>, record: Record, workers: &mut Workers, all: &CancellationToken) {
        let (tenant, id) = (record.tenant, record.id);
        let stored = match Stored::<Subscription>::read(record) {
            Ok(stored) => stored,
            Err(fault) => return tracing::error!(?fault, "a subscription cannot be read"),
        };
        let wanted = stored.value.state == State::Active && stored.value.delivery != Delivery::Pull;
        let mut earlier = None;
        if let Some(running) = workers.get(&(tenant, id)) {
            if wanted && running.subscription.revision == stored.revision && !running.task.is_finished() {
                return;
            }
            earlier = end(workers.remove(&(tenant, id)));
        }
        if !wanted {
            return;
        }
        let (subscription, sign, stop) = (Arc::new(stored), Arc::new(Sign::default()), all.child_token());
        // What was redriven while nobody worked.
        sign.letters.store(true, Ordering::Release);
        let worker = Worker::new(self.clone(), tenant, subscription.clone(), sign.clone(), stop.clone());
        let task = tokio::spawn(async move {
            // Two workers of one instance would not notice each other by their lease.
            if let Some(earlier) = earlier {
                let _ = earlier.await;
            }
            worker.run().await;
        });
        workers.insert((tenant, id), Running { subscription, sign, stop, task });
    }

    /// Removes dead letters that are old, and those of subscriptions that are no more.
    async fn clean(&self) -> Result<(), Fault> {
        let platform = self.gate.platform();
        let days = platform.config.events.dead_letter_days;
        if days == 0 {
            return Ok(());
        }
        let now = platform.clock.now();
        let oldest = now.minus(Duration::from_hours(24 * days));
        let filter = Filter::Compare("createdAt", Comparison::Less, Scalar::Time(oldest));
        let query = Query { filter, order: "createdAt", descending: false, after: None, limit: PAGE };
        let old = platform.store.find(Scope::Platform, DeadLetter::KIND, query).await.map_err(store_fault)?;
        let mut batches: HashMap<TenantId, Vec<Step>> = HashMap::new();
        for record in old {
            let step = Step::Remove { kind: DeadLetter::KIND, id: record.id, expect: Expect::Anything };
            batches.entry(record.tenant).or_default().push(step);
        }
        if batches.is_empty() {
            return Ok(());
        }
        let batches = batches.into_iter().map(|(tenant, steps)| Batch { tenant, at: now, steps }).collect();
        platform.store.commit(batches).await.map(drop).map_err(store_fault)
    }
}

/// Ends a worker. Who needs to know when it has ended waits for what this answers.
fn end(running: Option<Running>) -> Option<JoinHandle<()>> {
    let running = running?;
    running.stop.cancel();
    Some(running.task)
}

/// What comes next on the bus. Waits forever where the bus has nothing to tell that the program does not know by itself.
async fn next(arrivals: &mut Option<broadcast::Receiver<Arrival>>) -> Arrival {
    let Some(open) = arrivals else { return std::future::pending().await };
    match open.recv().await {
        Ok(arrival) => arrival,
        Err(RecvError::Lagged(_)) => Arrival::Anything,
        Err(RecvError::Closed) => {
            *arrivals = None;
            Arrival::Anything
        }
    }
}

fn wake(workers: &Workers, tenant: TenantId, topic: &str) {
    for ((of, _), running) in workers {
        if *of == tenant && running.subscription.value.wants(topic) {
            running.sign.wake.notify_one();
        }
    }
}

fn wake_all(workers: &Workers) {
    for running in workers.values() {
        running.sign.wake.notify_one();
    }
}
