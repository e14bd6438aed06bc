//! A purse: what this instance has of one budget in memory. Calls draw on it and put back what they did not spend; nothing here
//! waits for a disk.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use uuid::Uuid;

use crate::domain::models::model::budget::Budget;
use crate::kernel::id::TenantId;
use crate::kernel::money::NanoDollars;
use crate::kernel::time::Timestamp;

/// One kind of what is spent: money in nano-dollars, or tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pot {
    /// Leased and free.
    pub(super) free: u64,
    /// Leased and set aside for calls that run.
    pub(super) reserved: u64,
    /// Spent beyond what was leased: calls cost more than was set aside for them. Not counted durably yet.
    pub(super) overdrawn: u64,
    /// The durable count, as it was read last: everything that was spent or leased by anybody.
    pub(super) counted: u64,
}

impl Pot {
    /// Sets aside what a call needs, or what is there. Nothing when nothing is there.
    pub(super) fn set_aside(&mut self, need: u64) -> Option<u64> {
        let taken = need.max(1).min(self.free);
        self.free -= taken;
        self.reserved += taken;
        (taken > 0).then_some(taken)
    }

    /// A call for which so much was set aside spent so much.
    pub(super) fn settle(&mut self, aside: u64, spent: u64) {
        self.reserved -= aside.min(self.reserved);
        if spent <= aside {
            self.free += aside - spent;
            return;
        }
        let more = spent - aside;
        let of_free = more.min(self.free);
        self.free -= of_free;
        self.overdrawn += more - of_free;
    }

    /// What is spent by all instances, as far as this one knows: what others have leased counts as spent.
    pub(super) fn spent(&self) -> u64 {
        (self.counted + self.overdrawn).saturating_sub(self.free + self.reserved)
    }
}

/// What is held of a budget.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// The period that it was leased in.
    pub(super) period: String,
    pub(super) money: Pot,
    pub(super) tokens: Pot,
    /// The level that was warned of last in this period.
    pub(super) warned: u8,
    /// The lease as it is on disk.
    pub(super) written: (u64, u64),
    /// Since the last look somebody drew on it.
    pub(super) drawn: bool,
}

/// A budget on this instance.
pub(crate) struct Purse {
    pub(super) id: Uuid,
    pub(super) tenant: TenantId,
    pub(super) budget: ArcSwap<(i64, Budget)>,
    pub(super) held: Mutex<Held>,
    /// One at a time leases more.
    pub(super) filling: tokio::sync::Mutex<()>,
}

/// What was set aside in one purse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Aside {
    pub(super) money: u64,
    pub(super) tokens: u64,
}

/// What a call may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// Its money; `None` where no price is known.
    pub(crate) money: Option<NanoDollars>,
    pub(crate) tokens: u64,
}

/// Which of a budget's limits does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Short {
    /// There is nothing here: more must be leased.
    Empty,
    /// The budget counts money and the model has no price.
    Unpriced,
}

impl Purse {
    pub(super) fn new(id: Uuid, tenant: TenantId, revision: i64, budget: Budget) -> Arc<Self> {
        Arc::new(Self {
            id,
            tenant,
            budget: ArcSwap::from_pointee((revision, budget)),
            held: Mutex::default(),
            filling: tokio::sync::Mutex::default(),
        })
    }

    pub(super) fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a call's money counts as here; `None` where it counts nothing because the budget has no limit of money.
    pub(super) fn money_of(budget: &Budget, need: &Need) -> Result<Option<u64>, Short> {
        if budget.money.is_none() {
            return Ok(None);
        }
        match (need.money, budget.unpriced_million) {
            (Some(money), _) => Ok(Some(money.0)),
            (None, Some(million)) => Ok(Some(unpriced(need.tokens, million))),
            // Without a price only tokens can hold it.
            (None, None) if budget.tokens.is_some() => Ok(None),
            (None, None) => Err(Short::Unpriced),
        }
    }

    /// Sets aside what a call needs.
    pub(super) fn set_aside(&self, need: &Need, now: Timestamp) -> Result<Aside, Short> {
        let budget = self.budget.load();
        let budget = &budget.1;
        let money = Self::money_of(budget, need)?;
        let mut held = self.held();
        if held.period != budget.period.name(now) {
            return Err(Short::Empty);
        }
        held.drawn = true;
        let mut aside = Aside::default();
        if let Some(money) = money {
            aside.money = held.money.set_aside(money).ok_or(Short::Empty)?;
        }
        if budget.tokens.is_some() {
            let Some(tokens) = held.tokens.set_aside(need.tokens) else {
                held.money.settle(aside.money, 0);
                return Err(Short::Empty);
            };
            aside.tokens = tokens;
        }
        Ok(aside)
    }

    /// A call ended. Where it was set aside in a period that is over, the count of that period has it as spent already.
    pub(super) fn settle(&self, period: &str, aside: Aside, spent: Need) {
        let budget = self.budget.load();
        let money = Self::money_of(&budget.1, &spent).ok().flatten().unwrap_or(0);
        let mut held = self.held();
        if held.period != period {
            return;
        }
        held.money.settle(aside.money, if budget.1.money.is_some() { money } else { 0 });
        held.tokens.settle(aside.tokens, if budget.1.tokens.is_some() { spent.tokens } else { 0 });
    }

    /// Whether so little is left that more should be leased before somebody has to wait for it.
    pub(super) fn runs_low(&self, need: &Need) -> bool {
        let budget = self.budget.load();
        let held = self.held();
        let low = |pot: &Pot, limit: Option<u64>, need: u64| {
            limit.is_some_and(|limit| pot.counted < limit && pot.free < block(limit, need) / 4)
        };
        low(&held.money, budget.1.money.map(|money| money.0), need.money.map_or(0, |money| money.0))
            || low(&held.tokens, budget.1.tokens, need.tokens)
    }
}

/// What tokens of a model without a price count as.
fn unpriced(tokens: u64, million: NanoDollars) -> u64 {
    u64::try_from(u128::from(tokens) * u128::from(million.0) / 1_000_000).unwrap_or(u64::MAX)
}

/// So much is leased at a time: enough for some calls, and no more than a part of the budget, since other instances want to
/// spend too.
pub(super) fn block(limit: u64, need: u64) -> u64 {
    (limit / 64).max(need.saturating_mul(8)).max(1).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_spent_comes_back_and_what_is_overspent_is_owed() {
        let mut pot = Pot { free: 100, counted: 100, ..Pot::default() };
        assert_eq!((pot.set_aside(30), pot.set_aside(90), pot.set_aside(1)), (Some(30), Some(70), None));
        pot.settle(30, 10);
        assert_eq!((pot.free, pot.spent()), (20, 10));
        pot.settle(70, 95);
        assert_eq!((pot.free, pot.reserved, pot.overdrawn, pot.spent()), (0, 0, 5, 105));
    }

    #[test]
    fn a_model_without_a_price_is_held_by_tokens_or_a_stated_ceiling() {
        let budget = |money: Option<u64>, tokens, ceiling: Option<u64>| Budget {
            scope: "tenant".to_owned(),
            period: super::super::super::super::model::budget::Period::Total,
            money: money.map(NanoDollars),
            tokens,
            warn_at: Vec::new(),
            unpriced_million: ceiling.map(NanoDollars),
        };
        let need = Need { money: None, tokens: 2_000_000 };
        assert_eq!(Purse::money_of(&budget(Some(5), None, None), &need), Err(Short::Unpriced));
        assert_eq!(Purse::money_of(&budget(Some(5), Some(9), None), &need), Ok(None));
        assert_eq!(Purse::money_of(&budget(Some(5), None, Some(7)), &need), Ok(Some(14)));
        assert_eq!(Purse::money_of(&budget(None, Some(9), Some(7)), &need), Ok(None));
        let priced = Need { money: Some(NanoDollars(3)), tokens: 1 };
        assert_eq!(Purse::money_of(&budget(Some(5), None, Some(7)), &priced), Ok(Some(3)));
    }
}
