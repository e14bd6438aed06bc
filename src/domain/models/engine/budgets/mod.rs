//! Budgets in force. Each instance leases blocks of a budget durably: the lease is counted in the store, with the limit as the
//! bound of the count, so that all instances together never lease more than there is. Calls draw on what is leased in memory.
//! What a lease holds and nobody spent is given back when it lies idle or the program ends; where a crash takes it, it stays
//! counted as spent until an administrator settles it.
//!
//! A call sets aside what it will probably cost, or the rest where there is less. It is refused only where nothing is left. So
//! all concurrent callers together overspend by at most what each one's call in flight costs more than was set aside for it.

mod leases;
mod purse;

use std::sync::{Arc, Weak};
use std::time::Duration;

use dashmap::DashMap;
use futures::{StreamExt as _, stream};
use uuid::Uuid;

pub(crate) use purse::Need;
use purse::{Aside, Purse, Short};

use super::watch::{FRESH, Read, Watch};
use crate::capability::caches::CountedCache;
use crate::capability::cx::store_fault;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::domain::models::faults;
use crate::domain::models::model::budget::{Budget, Scope};
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::money::NanoDollars;
use crate::port::records::{Document as _, Scope as Whose};

/// So many scopes are remembered to have a budget or none.
const REMEMBERED: u64 = 50_000;

/// So many purses are looked after beside each other.
const AT_ONCE: usize = 32;

/// Every budget in force on this instance.
pub(crate) struct Budgets {
    /// This run of the program.
    me: Uuid,
    purses: DashMap<Uuid, Arc<Purse>>,
    known: Arc<CountedCache<(TenantId, Scope), Known>>,
}

#[derive(Clone)]
struct Known {
    read: Read,
    /// Nothing where there is no budget.
    purse: Option<Weak<Purse>>,
}

/// What was set aside for one call. Dropped without an end it goes back whole.
pub(crate) struct Reserved {
    parts: Vec<(Arc<Purse>, String, Aside)>,
}

impl Reserved {
    /// The call spent so much.
    pub(crate) fn settle(mut self, spent: Need) {
        for (purse, period, aside) in std::mem::take(&mut self.parts) {
            purse.settle(&period, aside, spent);
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        for (purse, period, aside) in std::mem::take(&mut self.parts) {
            purse.settle(&period, aside, Need { money: Some(NanoDollars::ZERO), tokens: 0 });
        }
    }
}

impl Budgets {
    pub(crate) fn new(me: Uuid) -> Self {
        Self { me, purses: DashMap::new(), known: CountedCache::new(REMEMBERED) }
    }

    /// Sets aside what a call needs in every budget that holds it.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        platform: &Arc<Platform>,
        watch: &Watch,
        tenant: TenantId,
        scopes: &[Scope],
        need: Need,
    ) -> Result<Reserved, Fault> {
        let mut reserved = Reserved { parts: Vec::new() };
        let now = watch.mark(platform, tenant);
        for scope in scopes {
            let Some(purse) = self.purse(platform, &now, tenant, scope).await? else { continue };
            let aside = match purse.set_aside(&need, platform.clock.now()) {
                Ok(aside) => aside,
                Err(Short::Unpriced) => return Err(unpriced(scope)),
                Err(Short::Empty) => self.lease_and_set_aside(platform, &purse, scope, &need).await?,
            };
            let period = purse.held().period.clone();
            if purse.runs_low(&need) {
                self.lease_ahead(platform, &purse, need);
            }
            reserved.parts.push((purse, period, aside));
        }
        Ok(reserved)
    }

    /// There is nothing in memory: this one call waits for a lease.
    async fn lease_and_set_aside(
        &self,
        platform: &Platform,
        purse: &Arc<Purse>,
        scope: &Scope,
        need: &Need,
    ) -> Result<Aside, Fault> {
        // Whoever else waits may be faster at what was leased.
        for _ in 0..1000 {
            let left = self.lease(platform, purse, need, false).await?;
            match purse.set_aside(need, platform.clock.now()) {
                Ok(aside) => return Ok(aside),
                Err(Short::Unpriced) => return Err(unpriced(scope)),
                Err(Short::Empty) if left => {}
                Err(Short::Empty) => break,
            }
        }
        Err(spent(platform, purse, scope))
    }

    /// Leases more beside the calls.
    fn lease_ahead(self: &Arc<Self>, platform: &Arc<Platform>, purse: &Arc<Purse>, need: Need) {
        if purse.filling.try_lock().is_err() {
            return;
        }
        let (budgets, platform, purse) = (self.clone(), platform.clone(), purse.clone());
        crate::kernel::tasks::spawn(async move {
            let running = platform.clone();
            let leasing = running.carry_through(async move {
                if let Err(fault) = budgets.lease(&platform, &purse, &need, true).await {
                    tracing::warn!(%fault, "a budget could not be leased ahead");
                }
            });
            leasing.await;
        });
    }

    /// The purse of a scope; `None` where it has no budget.
    async fn purse(
        &self,
        platform: &Platform,
        now: &Read,
        tenant: TenantId,
        scope: &Scope,
    ) -> Result<Option<Arc<Purse>>, Fault> {
        let key = (tenant, scope.clone());
        if let Some(known) = self.known.get_if(&key, |known| known.read.is_good(now, FRESH)) {
            match known.purse {
                None => return Ok(None),
                // One that held nothing for a while was forgotten.
                Some(purse) => {
                    if let Some(purse) = purse.upgrade() {
                        return Ok(Some(purse));
                    }
                }
            }
        }
        let id = Budget::id(tenant, scope);
        let found = platform.store.get(Whose::Tenant(tenant), Budget::KIND, id).await.map_err(store_fault)?;
        let purse = match found.map(Stored::<Budget>::read).transpose()? {
            None => None,
            Some(stored) => {
                let purse = self
                    .purses
                    .entry(id)
                    .or_insert_with(|| Purse::new(id, tenant, stored.revision, stored.value.clone()));
                let purse = purse.clone();
                let now = (stored.revision, stored.value);
                if **purse.budget.load() != now {
                    // The limit may be another: what is free here is leased anew under it.
                    purse.budget.store(Arc::new(now));
                    self.give_back(platform, &purse).await?;
                }
                Some(purse)
            }
        };
        self.known.insert(key, Known { read: *now, purse: purse.as_ref().map(Arc::downgrade) });
        Ok(purse)
    }

    /// Writes what calls owe, gives back what lies idle, and tells of budgets that are nearly spent.
    pub(crate) async fn tidy(&self, platform: &Platform) -> Result<(), Fault> {
        let purses: Vec<Arc<Purse>> = self.purses.iter().map(|purse| purse.clone()).collect();
        // Beside each other, so that the store writes many in one commit.
        let mut tidied = stream::iter(purses).map(|purse| self.tidy_one(platform, purse)).buffer_unordered(AT_ONCE);
        let mut result = Ok(());
        while let Some(one) = tidied.next().await {
            result = result.and(one);
        }
        result
    }

    async fn tidy_one(&self, platform: &Platform, purse: Arc<Purse>) -> Result<(), Fault> {
        let idle = !std::mem::replace(&mut purse.held().drawn, false);
        if idle {
            self.give_back(platform, &purse).await?;
        } else {
            self.write(platform, &purse).await?;
        }
        leases::warn(platform, &purse).await?;
        let is_over = idle && *purse.held() == purse::Held::default();
        if is_over {
            // It holds nothing. Where a call has just got it, it stays.
            self.purses.remove_if(&purse.id, |_, known| Arc::strong_count(known) <= 2);
        }
        Ok(())
    }

    /// Gives back everything that is free: the program ends.
    pub(crate) async fn close(&self, platform: &Platform) -> Result<(), Fault> {
        let purses: Vec<Arc<Purse>> = self.purses.iter().map(|purse| purse.clone()).collect();
        let mut given = stream::iter(purses)
            .map(|purse| async move { self.give_back(platform, &purse).await })
            .buffer_unordered(AT_ONCE);
        let mut result = Ok(());
        while let Some(one) = given.next().await {
            result = result.and(one);
        }
        result
    }
}

fn unpriced(scope: &Scope) -> Fault {
    let say = format!("the budget of {scope} counts money, and the price of the model is not known");
    Fault::new(&faults::PRICE_UNKNOWN, say).with_detail(serde_json::json!({ "scope": scope.to_string() }))
}

fn spent(platform: &Platform, purse: &Purse, scope: &Scope) -> Fault {
    let now = platform.clock.now();
    let budget = purse.budget.load();
    let budget = &budget.1;
    let held = purse.held();
    let fault =
        Fault::new(&faults::BUDGET_SPENT, format!("the budget of {scope} is spent")).with_detail(serde_json::json!({
            "scope": scope.to_string(),
            "limitNanoDollars": budget.money,
            "limitTokens": budget.tokens,
            "wholeAgainAt": budget.period.next(now),
        }));
    // What calls that run have set aside may come back.
    if held.money.reserved > 0 || held.tokens.reserved > 0 {
        return fault.with_retry_after(Duration::from_secs(1));
    }
    match budget.period.next(now) {
        Some(next) => fault.with_retry_after(next.since(now)),
        None => fault,
    }
}
