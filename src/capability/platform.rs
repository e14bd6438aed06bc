//! What every call shares: the ports, the registry, and the services that domains keep alive between calls.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use dashmap::DashMap;
use tokio::sync::{broadcast, watch};
use tokio_util::task::TaskTracker;

use super::caches::CacheBook;
use super::events::Event;
use super::gate::Gate;
use super::registry::Registry;
use super::spans::Spans;
use crate::config::Config;
pub use crate::config::mask::Shown as Setting;
pub use crate::config::origins::ConfigOrigins;
use crate::kernel::clock::Clock;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, UserId};
use crate::kernel::seal::Seal;
use crate::kernel::tasks::{Answer, Work};
use crate::kernel::time::Timestamp;
use crate::port::blobs::Blobs;
use crate::port::store::Store;

/// Changes of single users' rights that are remembered one by one.
const MOST_CHANGES: usize = 50_000;

/// The ports and everything else that lives as long as the program.
pub struct Platform {
    /// Records, logs and queue.
    pub store: Arc<dyn Store>,
    /// Large bytes.
    pub blobs: Arc<dyn Blobs>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The tools.
    pub registry: Arc<Registry>,
    /// Seals page tokens and request states.
    pub seal: Seal,
    /// The configuration.
    pub config: Arc<Config>,
    /// The caches.
    pub caches: CacheBook,
    /// What happened, for those who collect traces.
    pub spans: Spans,
    /// When the program started.
    pub started_at: Timestamp,
    services: Services,
    gate: OnceLock<Weak<Gate>>,
    running: TaskTracker,
    events: broadcast::Sender<Arc<Event>>,
    /// Where the log of events ends, as far as it was looked.
    end_of_events: watch::Sender<i64>,
    authority: AtomicU64,
    authority_floor: AtomicU64,
    authority_changes: DashMap<(TenantId, Option<UserId>), u64>,
    authority_told: watch::Sender<u64>,
    elsewhere: Elsewhere,
}

impl Platform {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        blobs: Arc<dyn Blobs>,
        clock: Arc<dyn Clock>,
        registry: Arc<Registry>,
        seal: Seal,
        config: Arc<Config>,
        services: Services,
    ) -> Self {
        let started_at = clock.now();
        Self {
            store,
            blobs,
            clock,
            registry,
            seal,
            config,
            caches: CacheBook::default(),
            spans: Spans::default(),
            started_at,
            services,
            gate: OnceLock::new(),
            running: TaskTracker::new(),
            events: broadcast::Sender::new(1024),
            end_of_events: watch::Sender::new(0),
            authority: AtomicU64::new(0),
            authority_floor: AtomicU64::new(0),
            authority_changes: DashMap::new(),
            authority_told: watch::Sender::new(0),
            elsewhere: Elsewhere::default(),
        }
    }

    /// A service that a domain keeps alive between calls.
    ///
    /// # Errors
    /// When `app` did not make one: a fault of the program.
    pub fn service<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Fault> {
        self.services.get::<T>()
    }

    /// The gate, for what calls within calls.
    ///
    /// # Errors
    /// When there is none: the program is ending.
    pub(super) fn gate(&self) -> Result<Arc<Gate>, Fault> {
        let ending = || Fault::new(&codes::UNAVAILABLE, "the server is stopping");
        self.gate.get().and_then(Weak::upgrade).ok_or_else(ending)
    }

    /// Sets the gate before it.
    pub(super) fn stands_behind(&self, gate: &Arc<Gate>) {
        // There is one for as long as the program runs.
        let _ = self.gate.set(Arc::downgrade(gate));
    }

    /// Runs something to its end even when whoever waits for it goes away, and before the program ends. `None` when it
    /// panicked.
    pub async fn carry_through<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let answer = Answer::default();
        let told = answer.clone();
        let work: Work = Box::pin(async move { told.give(work.await) });
        self.running.spawn(work).await.ok()?;
        answer.take()
    }

    /// What runs and must end before the program does.
    #[must_use]
    pub fn running(&self) -> &TaskTracker {
        &self.running
    }

    /// Every setting in force as people may see it: with where it comes from, secrets masked.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        // A start that was given no origins runs on the defaults.
        let origins = self.service::<ConfigOrigins>().unwrap_or_default();
        crate::config::mask::shown(&self.config, &origins)
    }

    /// Hears every event from now on, in the order of commits. A reader that falls behind loses the oldest and is told.
    #[must_use]
    pub fn hear(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// Hears when the log of events has grown, whoever appended to it: within a second, also where another instance did.
    #[must_use]
    pub fn end_of_events(&self) -> watch::Receiver<i64> {
        self.end_of_events.subscribe()
    }

    /// The log of events ends here.
    pub fn events_end_at(&self, position: i64) {
        self.end_of_events.send_if_modified(|end| std::mem::replace(end, position) != position);
    }

    /// Tells those who listen of a committed event.
    pub fn tell(&self, event: Arc<Event>) {
        // Nobody listening is not a fault.
        let _ = self.events.send(event);
    }

    /// Counts changes of what callers may do, over all tenants. A caller is resolved under the count read before.
    #[must_use]
    pub fn authority(&self) -> u64 {
        self.authority.load(Ordering::Acquire)
    }

    /// Tells of every change of what callers may do: the count. What holds a caller for long looks again then.
    #[must_use]
    pub fn authority_changes(&self) -> watch::Receiver<u64> {
        self.authority_told.subscribe()
    }

    /// The count at the last change of a user's rights: a caller resolved under a smaller one is resolved anew.
    #[must_use]
    pub fn authority_changed_at(&self, tenant: TenantId, user: UserId) -> u64 {
        let of = |user| self.authority_changes.get(&(tenant, user)).map_or(0, |count| *count);
        self.authority_floor.load(Ordering::Acquire).max(of(None)).max(of(Some(user)))
    }

    /// Counts the changes of a tenant's documents that other instances told of, of kinds that are remembered. What was read
    /// under another count is read anew.
    #[must_use]
    pub fn changes_elsewhere(&self, tenant: TenantId) -> (u64, u64) {
        let of_tenant = self.elsewhere.of_tenant.get(&tenant).map_or(0, |count| *count);
        (self.elsewhere.everything.load(Ordering::Acquire), of_tenant)
    }

    /// Another instance has changed what is remembered of a tenant; of all of them where none is named.
    pub fn changed_elsewhere(&self, tenant: Option<TenantId>) {
        match tenant {
            Some(tenant) => *self.elsewhere.of_tenant.entry(tenant).or_default() += 1,
            None => drop(self.elsewhere.everything.fetch_add(1, Ordering::AcqRel)),
        }
    }

    /// Lets every caller be resolved anew: after a restore, when everything is another.
    pub fn authority_changed_everywhere(&self) {
        let now = self.authority.fetch_add(1, Ordering::AcqRel) + 1;
        self.authority_floor.fetch_max(now, Ordering::AcqRel);
        self.authority_told.send_replace(now);
    }

    /// Lets the callers of a tenant be resolved anew: those who act as this user, or all of them.
    pub fn authority_changed(&self, tenant: TenantId, user: Option<UserId>) {
        // Single users are remembered only while there are few: forgetting them all is one more look at the store for each.
        if self.authority_changes.len() >= MOST_CHANGES {
            self.authority_changed_everywhere();
            // What came in meanwhile is above the floor and stays.
            let floor = self.authority_floor.load(Ordering::Acquire);
            self.authority_changes.retain(|_, count| *count > floor);
        }
        let now = {
            let mut changed = self.authority_changes.entry((tenant, user)).or_default();
            *changed = self.authority.fetch_add(1, Ordering::AcqRel) + 1;
            *changed
        };
        self.authority_told.send_replace(now);
    }
}

/// What other instances have told of: counts of changes.
#[derive(Default)]
struct Elsewhere {
    everything: AtomicU64,
    of_tenant: DashMap<TenantId, u64>,
}

/// Services by their type.
#[derive(Default)]
pub struct Services(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Services {
    /// Adds a service.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(mut self, service: Arc<T>) -> Self {
        self.0.insert(TypeId::of::<T>(), service);
        self
    }

    /// Adds a service unless there is one of its type: what a start was given goes before what the program brings.
    #[must_use]
    pub fn unless_given<T: Send + Sync + 'static>(mut self, service: impl FnOnce() -> T) -> Self {
        self.0.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(service()));
        self
    }

    fn get<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Fault> {
        self.0
            .get(&TypeId::of::<T>())
            .and_then(|service| service.clone().downcast::<T>().ok())
            .ok_or_else(|| Fault::internal(format!("no service of type {}", std::any::type_name::<T>())))
    }
}
