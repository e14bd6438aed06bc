//! Knowing when what is kept in memory is stale. Whatever changes routes, budgets, providers or credentials tells an event in its
//! own commit; before anything kept is used, the events since the last look are read, which costs next to nothing when there are
//! none. So a change on this instance is in force from the moment that its call is answered. Changes on other instances are told
//! by the store in the commit that makes them (`Kind::remembered`); while it cannot be heard, everything counts as changed again
//! and again. Whatever comes of that, nothing is used for longer than `FRESH`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::broadcast::{self, error::TryRecvError};

use crate::capability::events::Event;
use crate::capability::platform::Platform;
use crate::kernel::id::TenantId;

/// So long what was read is used without a look.
pub(super) const FRESH: Duration = Duration::from_secs(5);

/// First words of topics that make something stale.
const STALE_BY: [&str; 4] = ["model_route", "model_budget", "model_provider", "secret"];

/// Hears of changes.
#[derive(Default)]
pub(crate) struct Watch {
    events: OnceLock<Mutex<broadcast::Receiver<Arc<Event>>>>,
    /// Grows when everything may have changed.
    all: AtomicU64,
    of_tenant: DashMap<TenantId, u64>,
}

/// When something was read. It is good while nothing has changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    all: u64,
    of_tenant: u64,
    /// What other instances told.
    elsewhere: (u64, u64),
    at: Duration,
}

impl Watch {
    /// The mark for what is read from now on.
    pub(crate) fn mark(&self, platform: &Platform, tenant: TenantId) -> Read {
        self.look(platform);
        Read {
            all: self.all.load(Ordering::Acquire),
            of_tenant: self.of_tenant.get(&tenant).map_or(0, |count| *count),
            elsewhere: platform.changes_elsewhere(tenant),
            at: platform.clock.elapsed(),
        }
    }

    fn look(&self, platform: &Platform) {
        // Nothing can have been read before the first look.
        let events = self.events.get_or_init(|| Mutex::new(platform.hear()));
        let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match events.try_recv() {
                Ok(event) => {
                    if event.topic.split('.').next().is_some_and(|word| STALE_BY.contains(&word)) {
                        *self.of_tenant.entry(event.tenant_id).or_default() += 1;
                    }
                }
                Err(TryRecvError::Lagged(_)) => {
                    self.all.fetch_add(1, Ordering::AcqRel);
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }
}

impl Read {
    /// Whether what was read then is still good now.
    pub(crate) fn is_good(&self, now: &Self, within: Duration) -> bool {
        let same = (self.all, self.of_tenant, self.elsewhere) == (now.all, now.of_tenant, now.elsewhere);
        same && now.at.saturating_sub(self.at) < within
    }
}
