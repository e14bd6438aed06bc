//! What every call shares: the ports, the registry, and the services that domains keep alive between calls.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::broadcast;

use super::caches::CacheBook;
use super::events::Event;
use super::registry::Registry;
use crate::config::Config;
pub use crate::config::origins::ConfigOrigins;
use crate::kernel::clock::Clock;
use crate::kernel::fault::Fault;
use crate::kernel::seal::Seal;
use crate::kernel::time::Timestamp;
use crate::port::blobs::Blobs;
use crate::port::store::Store;

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
    /// When the program started.
    pub started_at: Timestamp,
    services: Services,
    events: broadcast::Sender<Arc<Event>>,
    authority: AtomicU64,
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
            started_at,
            services,
            events: broadcast::Sender::new(1024),
            authority: AtomicU64::new(1),
        }
    }

    /// A service that a domain keeps alive between calls.
    ///
    /// # Errors
    /// When `app` did not make one: a fault of the program.
    pub fn service<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Fault> {
        self.services.get::<T>()
    }

    /// Hears every event from now on, in the order of commits. A reader that falls behind loses the oldest and is told.
    #[must_use]
    pub fn hear(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// Tells those who listen of a committed event.
    pub fn tell(&self, event: Arc<Event>) {
        // Nobody listening is not a fault.
        let _ = self.events.send(event);
    }

    /// Grows whenever what callers may do can have changed; a caller resolved under an older number is resolved anew.
    #[must_use]
    pub fn authority(&self) -> u64 {
        self.authority.load(Ordering::Acquire)
    }

    /// Lets every caller be resolved anew.
    pub fn authority_changed(&self) {
        self.authority.fetch_add(1, Ordering::AcqRel);
    }
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

    fn get<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Fault> {
        self.0
            .get(&TypeId::of::<T>())
            .and_then(|service| service.clone().downcast::<T>().ok())
            .ok_or_else(|| Fault::internal(format!("no service of type {}", std::any::type_name::<T>())))
    }
}
