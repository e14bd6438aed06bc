//! The bus over NATS JetStream, for many instances on one database. The log of events stays what it is, the outbox and the
//! truth: one instance copies it to a stream, in its order and each event once, and all of them read from there. Places are the
//! log's, so that a reader may go from one to the other at any moment: whatever the stream does not have is read from the log
//! (docs/decisions/0011).

mod cold;
mod follow;
mod lead;
mod link;
mod nkey;
mod say;
mod stream;
mod subject;
mod tail;
mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream;
use async_nats::jetstream::context::Context;
use async_trait::async_trait;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::link::{Address, Login, ReadSecret, check};
use self::link::{Line, PATIENCE};
use self::say::Leader;
use self::tail::{Found, Room, Tail};
use self::wire::Carried;
use super::outbox::Outbox;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::bus::{Arrival, Bus, BusHealth, Heard};
use crate::port::logs::{Entry, Log, LogQuery};
use crate::port::records::{Filter, Scope};
use crate::port::store::{Store, StoreFault};

/// Arrivals that a listener may be behind.
const ARRIVALS: usize = 4096;
/// What the end of the stream may take in memory.
const TAIL_BYTES: usize = 64 << 20;

/// How the bus is set up.
#[derive(Clone)]
pub struct Settings {
    /// The servers.
    pub address: Address,
    /// The stream's name, with which all subjects begin.
    pub stream: String,
    /// How many servers keep it.
    pub replicas: usize,
    /// How long it keeps events.
    pub keep: Duration,
    /// How many bytes it keeps at most.
    pub most_bytes: Option<u64>,
    /// Whose stream it is: a few letters and digits that no other installation has.
    pub installation: String,
    /// What those have in common who hear what the others say of their work.
    pub voice: String,
    /// This run of the program.
    pub instance: Uuid,
    /// Events of the stream's end that are kept in memory.
    pub tail_events: usize,
}

/// The bus over NATS JetStream.
pub struct NatsBus {
    settings: Settings,
    store: Arc<dyn Store>,
    log: &'static Log,
    outbox: Outbox,
    line: Arc<Line>,
    client: Mutex<Option<Client>>,
    tail: Mutex<Option<Tail>>,
    cold: cold::Cold,
    leader: Mutex<Leader>,
    leads: AtomicBool,
    /// Something is to be copied.
    nudged: Notify,
    /// Something was committed here.
    committed: Notify,
    arrivals: broadcast::Sender<Arrival>,
    faults: Mutex<BTreeMap<&'static str, String>>,
    counted: Counters,
}

#[derive(Default)]
struct Counters {
    memory: AtomicU64,
    stream: AtomicU64,
    log: AtomicU64,
}

/// How many events were read from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// From the stream's end in memory.
    pub memory: u64,
    /// From further back in the stream.
    pub stream: u64,
    /// From the log.
    pub log: u64,
}

impl NatsBus {
    /// The bus over a log. Nothing is connected before it works.
    ///
    /// # Errors
    /// What of the settings cannot be used, in words.
    pub fn new(settings: Settings, store: Arc<dyn Store>, log: &'static Log) -> Result<Self, String> {
        check(&settings.address)?;
        Ok(Self {
            outbox: Outbox::new(store.clone(), log),
            leader: Mutex::new(Leader::nobody()),
            settings,
            store,
            log,
            line: Arc::new(Line::default()),
            client: Mutex::default(),
            tail: Mutex::default(),
            cold: cold::Cold::default(),
            leads: AtomicBool::new(false),
            nudged: Notify::new(),
            committed: Notify::new(),
            arrivals: broadcast::Sender::new(ARRIVALS),
            faults: Mutex::default(),
            counted: Counters::default(),
        })
    }

    /// The place up to which this instance has followed the stream; `None` before it has begun.
    #[must_use]
    pub fn reached(&self) -> Option<i64> {
        locked(&self.tail).as_ref().map(|tail| tail.last().1)
    }

    /// Whether this instance copies the log to the stream.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.leads.load(Ordering::Acquire)
    }

    /// How many events were read from where.
    #[must_use]
    pub fn counted(&self) -> Counted {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted { memory: of(&self.counted.memory), stream: of(&self.counted.stream), log: of(&self.counted.log) }
    }

    fn room(&self) -> Room {
        Room { events: self.settings.tail_events, bytes: TAIL_BYTES }
    }

    fn client(&self) -> Option<Client> {
        locked(&self.client).clone()
    }

    fn context(client: &Client) -> Context {
        let mut context = jetstream::new(client.clone());
        context.set_timeout(PATIENCE);
        context
    }

    /// Keeps what is wrong with a part of the work, or that nothing is.
    fn note(&self, part: &'static str, fault: Option<String>) {
        let mut faults = locked(&self.faults);
        match fault {
            Some(fault) if faults.get(part) == Some(&fault) => {}
            Some(fault) => {
                tracing::warn!(part, fault, "events do not go over NATS now; the log has them");
                faults.insert(part, fault);
            }
            None => drop(faults.remove(part)),
        }
    }

    /// Whether nothing was committed before a moment ago that is not in the stream up to here.
    fn is_complete(&self, through: i64) -> bool {
        self.line.is_up() && locked(&self.leader).has_told_all(through)
    }

    /// Reads on from wherever the reader is: from further back in the stream, from its end in memory, from the log.
    async fn gather(
        &self,
        tenant: TenantId,
        filter: &Filter,
        after: i64,
        limit: u32,
        complete: bool,
    ) -> Result<Heard, StoreFault> {
        let most = limit as usize;
        let floor = locked(&self.tail).as_ref().map(Tail::floor);
        let (mut events, mut from, mut scanned) = (Vec::new(), after, after);
        if let Some(floor) = floor
            && after < floor
        {
            let Some(carried) = self.cold(tenant, filter, after, most).await else {
                return self.of_log(tenant, filter, after, limit).await;
            };
            let full = carried.len() >= most;
            scanned = carried.last().map_or(after, |last| last.position);
            from = scanned.max(floor);
            self.counted.stream.fetch_add(carried.len() as u64, Ordering::Relaxed);
            self.unpack(&mut events, carried).await?;
            if full {
                return Ok(Heard { events, scanned, more: true });
            }
        }
        let rest = most - events.len().min(most);
        let found = locked(&self.tail).as_ref().and_then(|tail| tail.read(tenant, filter, from, rest));
        let through = match found {
            None if from > after => return Ok(Heard { events, scanned: from, more: true }),
            None => return self.of_log(tenant, filter, after, limit).await,
            Some(found) => {
                let Found { carried, scanned: seen, through, more } = found;
                if seen > from {
                    scanned = seen;
                }
                self.counted.memory.fetch_add(carried.len() as u64, Ordering::Relaxed);
                self.unpack(&mut events, carried.iter().map(|one| (**one).clone()).collect()).await?;
                if more {
                    return Ok(Heard { events, scanned, more });
                }
                through
            }
        };
        if from > after {
            // Who read back has passed what does not fit, too: up to what there is of the tenant.
            scanned = scanned.max(self.outbox.newest(tenant).await?.min(through));
        }
        if !complete && self.is_complete(through) {
            return Ok(Heard { events, scanned, more: false });
        }
        let rest = limit - u32::try_from(events.len()).unwrap_or(limit).min(limit);
        let newer = self.of_log(tenant, filter, through, rest).await?;
        if newer.scanned > through {
            scanned = newer.scanned;
        }
        events.extend(newer.events);
        Ok(Heard { events, scanned, more: newer.more })
    }

    async fn of_log(&self, tenant: TenantId, filter: &Filter, after: i64, limit: u32) -> Result<Heard, StoreFault> {
        let heard = self.outbox.read(tenant, filter, after, limit).await?;
        self.counted.log.fetch_add(heard.events.len() as u64, Ordering::Relaxed);
        Ok(heard)
    }

    /// Reads from further back in the stream; `None` where that cannot be.
    async fn cold(&self, tenant: TenantId, filter: &Filter, after: i64, most: usize) -> Option<Vec<Carried>> {
        let client = self.client().filter(|_| self.line.is_up())?;
        let wanted = cold::Wanted { tenant, filter, after, most };
        match tokio::time::timeout(PATIENCE, self.cold.read(&client, wanted)).await {
            Ok(Ok(found)) => found,
            Ok(Err(why)) => {
                tracing::debug!(why, "the stream cannot be read back, the log is read");
                None
            }
            Err(_) => None,
        }
    }

    /// The entries of messages. What was too large for one is in the log.
    async fn unpack(&self, into: &mut Vec<Entry>, carried: Vec<Carried>) -> Result<(), StoreFault> {
        for one in carried {
            if let Some(entry) = one.entry()? {
                into.push(entry);
                continue;
            }
            let query = LogQuery { filter: Filter::All, beyond: Some(one.position - 1), descending: false, limit: 1 };
            let found = self.store.entries(Scope::Tenant(one.tenant), self.log, query).await?;
            into.extend(found.into_iter().filter(|entry| entry.position == one.position));
        }
        Ok(())
    }
}

#[async_trait]
impl Bus for NatsBus {
    async fn read(&self, tenant: TenantId, filter: &Filter, after: i64, limit: u32) -> Result<Heard, StoreFault> {
        self.gather(tenant, filter, after, limit, true).await
    }

    async fn follow(&self, tenant: TenantId, filter: &Filter, after: i64, limit: u32) -> Result<Heard, StoreFault> {
        self.gather(tenant, filter, after, limit, false).await
    }

    // What is committed is in the log a moment before it is in the stream, and times are the events', not the messages'.

    async fn newest(&self, tenant: TenantId) -> Result<i64, StoreFault> {
        self.outbox.newest(tenant).await
    }

    async fn before(&self, tenant: TenantId, moment: Timestamp) -> Result<i64, StoreFault> {
        self.outbox.before(tenant, moment).await
    }

    fn arrivals(&self) -> Option<broadcast::Receiver<Arrival>> {
        Some(self.arrivals.subscribe())
    }

    fn committed(&self) {
        self.committed.notify_one();
    }

    async fn work(self: Arc<Self>, stop: CancellationToken) {
        let client = loop {
            match link::connect(&self.settings.address, self.line.clone()).await {
                Ok(client) => break client,
                Err(why) => self.line.set(Some(why)),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PATIENCE) => {}
            }
        };
        *locked(&self.client) = Some(client.clone());
        tokio::select! {
            () = stop.cancelled() => {}
            () = say::hear(&self, &client) => {}
            () = say::tell(&self, &client) => {}
            () = follow::follow(&self, &client) => {}
            () = lead::lead(&self, &client) => {}
        }
        if self.leads.swap(false, Ordering::AcqRel) {
            say::go(&self, &client).await;
        }
        *locked(&self.client) = None;
        *locked(&self.tail) = None;
    }

    fn health(&self) -> Option<BusHealth> {
        let version = self.client().map(|client| client.server_info().version).filter(|version| !version.is_empty());
        let product = version.map(|version| format!("NATS {version}, stream '{}'", self.settings.stream));
        let fault = self.line.fault().or_else(|| {
            let faults = locked(&self.faults);
            let all: Vec<&str> = faults.values().map(String::as_str).collect();
            (!all.is_empty()).then(|| all.join("; "))
        });
        Some(BusHealth { product, fault })
    }
}

/// What a lock holds. Nothing that panics can leave it half changed.
fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
