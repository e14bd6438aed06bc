//! Leases: what of a budget is counted in the store, and the documents that tell which of it is not spent yet.

use std::sync::Arc;

use uuid::Uuid;

use super::Budgets;
use super::purse::{Held, Need, Pot, Purse, block};
use crate::capability::cx::{Cx, store_fault};
use crate::capability::events::Event;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::domain::models::model::budget::{Budget, Lease, Warning};
use crate::domain::models::topics;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document as _, Filter, Query, Scalar, Scope, Visibility};
use crate::port::store::{Batch, Conflict, Expect, Put, Step, StoreFault};

/// Money that was spent or leased, in nano-dollars.
pub(super) const MONEY: &str = "model_budget_money";
/// Tokens that were spent or leased.
pub(super) const TOKENS: &str = "model_budget_tokens";
/// Leases of one budget that are looked at.
const MOST_LEASES: u32 = 1000;
/// Other instances may lease between a look at the count and the lease: so often it is tried again.
const MOST_TRIES: usize = 16;

/// The count of a budget in a period.
fn key_of(budget: Uuid, period: &str) -> String {
    format!("{budget}/{period}")
}

/// How a budget stands, by the store alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Spent, or leased and not told to be free.
    pub(crate) money: u64,
    pub(crate) tokens: u64,
    /// Of that, leased by instances that run.
    pub(crate) leased_money: u64,
    pub(crate) leased_tokens: u64,
    /// Of that, leased by runs that ended without giving back.
    pub(crate) left_money: u64,
    pub(crate) left_tokens: u64,
}

fn plain(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

impl Budgets {
    /// Leases a block for what a call needs; false where nothing is left. `ahead` leases although there is something.
    pub(super) async fn lease(
        &self,
        platform: &Platform,
        purse: &Purse,
        need: &Need,
        ahead: bool,
    ) -> Result<bool, Fault> {
        let _one = purse.filling.lock().await;
        let budget = purse.budget.load_full();
        let budget = &budget.1;
        let period = budget.period.name(platform.clock.now());
        if purse.held().period != period {
            self.change_period(platform, purse, &period).await?;
        }
        let money_need = Purse::money_of(budget, need).ok().flatten().unwrap_or(1);
        for _ in 0..MOST_TRIES {
            let key = key_of(purse.id, &period);
            let scope = Scope::Tenant(purse.tenant);
            let money = read(platform, scope, MONEY, &key, budget.money.is_some()).await?;
            let tokens = read(platform, scope, TOKENS, &key, budget.tokens.is_some()).await?;
            let (owed, wanted) = {
                let mut held = purse.held();
                (held.money.counted, held.tokens.counted) = (money, tokens);
                // Somebody else has leased meanwhile.
                let there = |pot: &Pot, limited: bool| !limited || pot.free > 0;
                if !ahead && there(&held.money, budget.money.is_some()) && there(&held.tokens, budget.tokens.is_some())
                {
                    return Ok(true);
                }
                let wanted = (
                    wanted(&held.money, budget.money.map(|money| money.0), money_need),
                    wanted(&held.tokens, budget.tokens, need.tokens),
                );
                ((held.money.overdrawn, held.tokens.overdrawn), wanted)
            };
            // Both or none: what one limit has left is of no use where the other has nothing.
            let (Some(more_money), Some(more_tokens)) = wanted else {
                self.write_held(platform, purse).await?;
                return Ok(false);
            };
            if ahead && (more_money, more_tokens) == (0, 0) {
                return Ok(true);
            }
            let mut steps = Vec::new();
            owe(&mut steps, &key, owed);
            for (name, more, limit) in
                [(MONEY, more_money, budget.money.map(|money| money.0)), (TOKENS, more_tokens, budget.tokens)]
            {
                if more > 0 {
                    let (key, at_most) = (key.clone(), limit.map(signed));
                    steps.push(Step::Count { name, key, by: signed(more), at_most });
                }
            }
            let free = {
                let held = purse.held();
                (
                    held.money.free + held.money.reserved + more_money,
                    held.tokens.free + held.tokens.reserved + more_tokens,
                )
            };
            steps.push(self.lease_step(platform, purse, &period, free)?);
            match commit(platform, purse.tenant, steps).await {
                Ok(()) => {
                    let mut held = purse.held();
                    let held = &mut *held;
                    held.written = free;
                    for (pot, more, owed) in
                        [(&mut held.money, more_money, owed.0), (&mut held.tokens, more_tokens, owed.1)]
                    {
                        pot.free += more;
                        pot.overdrawn -= owed;
                        pot.counted += more + owed;
                    }
                    return Ok(true);
                }
                Err(StoreFault::Conflict(Conflict::Bound { .. })) => {}
                Err(fault) => return Err(store_fault(fault)),
            }
        }
        Ok(false)
    }

    /// Writes what calls spent beyond their leases, and how much of the lease is left.
    pub(super) async fn write(&self, platform: &Platform, purse: &Purse) -> Result<(), Fault> {
        let _one = purse.filling.lock().await;
        self.write_held(platform, purse).await
    }

    async fn write_held(&self, platform: &Platform, purse: &Purse) -> Result<(), Fault> {
        let (period, owed, left, written) = {
            let held = purse.held();
            (held.period.clone(), (held.money.overdrawn, held.tokens.overdrawn), left(&held), held.written)
        };
        if period.is_empty() || (owed == (0, 0) && left == written) {
            return Ok(());
        }
        let mut steps = Vec::new();
        owe(&mut steps, &key_of(purse.id, &period), owed);
        steps.push(self.lease_step(platform, purse, &period, left)?);
        commit(platform, purse.tenant, steps).await.map_err(store_fault)?;
        let mut held = purse.held();
        let held = &mut *held;
        held.written = left;
        for (pot, owed) in [(&mut held.money, owed.0), (&mut held.tokens, owed.1)] {
            pot.overdrawn -= owed;
            pot.counted += owed;
        }
        Ok(())
    }

    /// Gives back what is free. What calls that run have set aside stays.
    pub(super) async fn give_back(&self, platform: &Platform, purse: &Purse) -> Result<(), Fault> {
        let _one = purse.filling.lock().await;
        let (period, free, owed, reserved) = {
            let mut held = purse.held();
            if held.period.is_empty() {
                return Ok(());
            }
            // Taken out first: nobody draws on what goes back.
            let free = (std::mem::take(&mut held.money.free), std::mem::take(&mut held.tokens.free));
            let owed = (held.money.overdrawn, held.tokens.overdrawn);
            (held.period.clone(), free, owed, (held.money.reserved, held.tokens.reserved))
        };
        let key = key_of(purse.id, &period);
        let mut steps = Vec::new();
        for (name, free, owed) in [(MONEY, free.0, owed.0), (TOKENS, free.1, owed.1)] {
            let by = signed(owed) - signed(free);
            if by != 0 {
                steps.push(Step::Count { name, key: key.clone(), by, at_most: None });
            }
        }
        let known = purse.held().written;
        if reserved != known {
            steps.push(self.lease_step(platform, purse, &period, reserved)?);
        }
        if !steps.is_empty()
            && let Err(fault) = commit(platform, purse.tenant, steps).await
        {
            let mut held = purse.held();
            held.money.free += free.0;
            held.tokens.free += free.1;
            return Err(store_fault(fault));
        }
        let mut held = purse.held();
        let held = &mut *held;
        held.written = reserved;
        for (pot, free, owed) in [(&mut held.money, free.0, owed.0), (&mut held.tokens, free.1, owed.1)] {
            pot.overdrawn -= owed;
            pot.counted = (pot.counted + owed).saturating_sub(free);
        }
        if reserved == (0, 0) && held.money.overdrawn == 0 && held.tokens.overdrawn == 0 && !held.drawn {
            *held = Held::default();
        }
        Ok(())
    }

    /// The period that was leased in is over. What was owed and what was free in it is settled there.
    async fn change_period(&self, platform: &Platform, purse: &Purse, next: &str) -> Result<(), Fault> {
        let before = {
            let mut held = purse.held();
            std::mem::replace(&mut *held, Held { period: next.to_owned(), drawn: true, ..Held::default() })
        };
        if before.period.is_empty() {
            return Ok(());
        }
        let mut steps = Vec::new();
        let key = key_of(purse.id, &before.period);
        for (name, pot) in [(MONEY, &before.money), (TOKENS, &before.tokens)] {
            let by = signed(pot.overdrawn) - signed(pot.free);
            if by != 0 {
                steps.push(Step::Count { name, key: key.clone(), by, at_most: None });
            }
        }
        if before.written != (0, 0) {
            steps.push(self.lease_step(platform, purse, &before.period, (0, 0))?);
        }
        if steps.is_empty() { Ok(()) } else { commit(platform, purse.tenant, steps).await.map_err(store_fault) }
    }

    /// The step that writes how much of a lease is left; one of which nothing is left goes.
    fn lease_step(
        &self,
        platform: &Platform,
        purse: &Purse,
        period: &str,
        (money, tokens): (u64, u64),
    ) -> Result<Step, Fault> {
        let id = Lease::id(purse.id, period, self.me);
        if (money, tokens) == (0, 0) {
            return Ok(Step::Remove { kind: Lease::KIND, id, expect: Expect::Anything });
        }
        let instance = platform.store.instance();
        let lease = Lease { budget: purse.id, period: period.to_owned(), holder: self.me, instance, money, tokens };
        Ok(Step::Put(Put {
            kind: Lease::KIND,
            id,
            expect: Expect::Anything,
            owner: None,
            workspace: None,
            visibility: Visibility::Private,
            body: serde_json::to_value(lease).map_err(Fault::internal)?,
        }))
    }

    /// How a budget stands in its present period.
    pub(crate) async fn standing(
        &self,
        platform: &Platform,
        tenant: TenantId,
        id: Uuid,
        budget: &Budget,
    ) -> Result<Standing, Fault> {
        let scope = Scope::Tenant(tenant);
        let period = budget.period.name(platform.clock.now());
        let key = key_of(id, &period);
        let mut standing = Standing {
            money: read(platform, scope, MONEY, &key, true).await?,
            tokens: read(platform, scope, TOKENS, &key, true).await?,
            ..Standing::default()
        };
        for (lease, is_left) in self.leases(platform, tenant, id).await? {
            if lease.value.period != period {
                continue;
            }
            let (money, tokens) = (lease.value.money, lease.value.tokens);
            if is_left {
                standing.left_money += money;
                standing.left_tokens += tokens;
            } else {
                standing.leased_money += money;
                standing.leased_tokens += tokens;
            }
        }
        // What this instance has in memory is newer than what it wrote.
        if let Some(purse) = self.purses.get(&id) {
            let held = purse.held();
            if held.period == period {
                standing.money += held.money.overdrawn;
                standing.tokens += held.tokens.overdrawn;
                let newer =
                    |leased: u64, written: u64, pot: &Pot| (leased + pot.free + pot.reserved).saturating_sub(written);
                standing.leased_money = newer(standing.leased_money, held.written.0, &held.money);
                standing.leased_tokens = newer(standing.leased_tokens, held.written.1, &held.tokens);
            }
        }
        Ok(standing)
    }

    /// The leases of a budget, and whether whoever had one is gone.
    async fn leases(
        &self,
        platform: &Platform,
        tenant: TenantId,
        budget: Uuid,
    ) -> Result<Vec<(Stored<Lease>, bool)>, Fault> {
        let query = Query::newest(Filter::is("budget", Scalar::Id(budget)), MOST_LEASES);
        let found = platform.store.find(Scope::Tenant(tenant), Lease::KIND, query).await.map_err(store_fault)?;
        let mut leases = Vec::new();
        for record in found {
            let lease = Stored::<Lease>::read(record)?;
            let is_open = match lease.value.instance {
                _ if lease.value.holder == self.me => true,
                Some(instance) => platform.store.is_open_by(instance).await.map_err(store_fault)?,
                None => false,
            };
            leases.push((lease, !is_open));
        }
        Ok(leases)
    }

    /// Gives back, with the call, what runs that are gone had leased of a budget and not told to have spent.
    pub(crate) async fn settle_left(&self, cx: &Cx, budget: Uuid) -> Result<(), Fault> {
        for (lease, is_left) in self.leases(cx.platform(), cx.tenant(), budget).await? {
            if !is_left {
                continue;
            }
            let key = key_of(budget, &lease.value.period);
            for (name, amount) in [(MONEY, lease.value.money), (TOKENS, lease.value.tokens)] {
                if amount > 0 {
                    cx.count(name, key.clone(), -signed(amount), None);
                }
            }
            // Of two who settle the same lease at the same moment one finds it gone.
            cx.remove(&lease)?;
        }
        Ok(())
    }
}

/// How much more is wanted of a pot: nothing where there is no limit; `None` where nothing is left.
fn wanted(pot: &Pot, limit: Option<u64>, need: u64) -> Option<u64> {
    let Some(limit) = limit else { return Some(0) };
    let left = limit.saturating_sub(pot.counted + pot.overdrawn);
    if left == 0 && pot.free == 0 {
        return None;
    }
    Some(block(limit, need).saturating_sub(pot.free).min(left))
}

fn left(held: &Held) -> (u64, u64) {
    (held.money.free + held.money.reserved, held.tokens.free + held.tokens.reserved)
}

fn owe(steps: &mut Vec<Step>, key: &str, owed: (u64, u64)) {
    for (name, owed) in [(MONEY, owed.0), (TOKENS, owed.1)] {
        if owed > 0 {
            steps.push(Step::Count { name, key: key.to_owned(), by: signed(owed), at_most: None });
        }
    }
}

async fn read(
    platform: &Platform,
    scope: Scope,
    name: &'static str,
    key: &str,
    is_limited: bool,
) -> Result<u64, Fault> {
    if is_limited { platform.store.counter(scope, name, key).await.map(plain).map_err(store_fault) } else { Ok(0) }
}

async fn commit(platform: &Platform, tenant: TenantId, steps: Vec<Step>) -> Result<(), StoreFault> {
    let batch = Batch { tenant, at: platform.clock.now(), steps };
    platform.store.commit(vec![batch]).await.map(drop)
}

/// Tells, once in a period, that a budget is spent to a level.
pub(super) async fn warn(platform: &Platform, purse: &Arc<Purse>) -> Result<(), Fault> {
    let budget = purse.budget.load_full();
    let budget = &budget.1;
    let (period, percent, spent) = {
        let held = purse.held();
        if held.period.is_empty() {
            return Ok(());
        }
        let (money, tokens) = (held.money.spent(), held.tokens.spent());
        let percent = share(money, budget.money.map(|money| money.0)).max(share(tokens, budget.tokens));
        let Some(level) = budget.warn_at.iter().copied().filter(|level| *level <= percent).max() else { return Ok(()) };
        if level <= held.warned {
            return Ok(());
        }
        (held.period.clone(), level, (money, tokens))
    };
    let warning = Warning { budget: purse.id, period: period.clone(), percent };
    let now = platform.clock.now();
    let event = event(purse, budget, &period, percent, spent, now);
    let mark = Step::Put(Put {
        kind: Warning::KIND,
        id: warning.id(),
        expect: Expect::Absent,
        owner: None,
        workspace: None,
        visibility: Visibility::Private,
        body: serde_json::to_value(&warning).map_err(Fault::internal)?,
    });
    match commit(platform, purse.tenant, vec![mark, event.step()?]).await {
        Ok(()) => platform.tell(Arc::new(event)),
        // Another instance, or an earlier run, has told it.
        Err(StoreFault::Conflict(_)) => {}
        Err(fault) => return Err(store_fault(fault)),
    }
    let mut held = purse.held();
    if held.period == period {
        held.warned = percent;
    }
    Ok(())
}

/// How many of a hundred are spent.
fn share(spent: u64, limit: Option<u64>) -> u8 {
    let Some(limit) = limit else { return 0 };
    let percent = (u128::from(spent) * 100).checked_div(u128::from(limit)).unwrap_or(100);
    u8::try_from(percent.min(100)).unwrap_or(100)
}

fn event(
    purse: &Purse,
    budget: &Budget,
    period: &str,
    percent: u8,
    (money, tokens): (u64, u64),
    now: Timestamp,
) -> Event {
    let data = serde_json::json!({
        "scope": budget.scope,
        "period": period,
        "percent": percent,
        "spentNanoDollars": money,
        "spentTokens": tokens,
    });
    Event::by_itself(purse.tenant, now, topics::BUDGET_WARNING, purse.id.to_string(), data)
}
