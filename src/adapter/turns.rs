//! Whose turn it is: tenants whose jobs are due are dealt leases in turn, each instance going on after the tenant that it served last.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

/// Who was served last, by queue. It is not written anywhere: each instance deals fairly by itself, and so do all together.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Mutex<BTreeMap<&'static str, Uuid>>,
}

impl Turns {
    /// The tenant after which the next turn begins.
    pub(super) fn after(&self, queue: &'static str) -> Uuid {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.get(queue).copied().unwrap_or_else(Uuid::nil)
    }

    /// Who was served last.
    pub(super) fn served(&self, queue: &'static str, tenant: Option<Uuid>) {
        if let Some(tenant) = tenant {
            self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(queue, tenant);
        }
    }
}

/// So many jobs that wait become ready at once, at most: a flood that falls due in one moment holds up neither the others nor the writer.
pub(super) const MOST_READIED: i64 = 2_000;

/// Deals so many leases among tenants, in turn.
#[derive(Debug)]
pub(super) struct Deal {
    left: usize,
    /// Who may still have more, in the order of their turn.
    waiting: Vec<Uuid>,
    last: Option<Uuid>,
}

impl Deal {
    pub(super) fn of(limit: usize, waiting: Vec<Uuid>) -> Self {
        Self { left: limit, waiting, last: None }
    }

    /// Who is asked next, each for how many: all the same. None when all is dealt, or nobody has more.
    pub(super) fn round(&mut self) -> Option<(Vec<Uuid>, usize)> {
        let share = self.left / self.waiting.len().max(1);
        self.waiting.truncate(self.left);
        (!self.waiting.is_empty()).then(|| (self.waiting.clone(), share.max(1)))
    }

    /// What a round gave, by tenant; whoever had less than was asked for has no more.
    pub(super) fn gave(&mut self, share: usize, of: impl Fn(Uuid) -> usize) {
        let given: usize = self.waiting.iter().map(|tenant| of(*tenant)).sum();
        self.last = self.waiting.iter().rev().find(|tenant| of(**tenant) > 0).copied().or(self.last);
        self.waiting.retain(|tenant| of(*tenant) >= share);
        self.left = self.left.saturating_sub(given);
    }

    /// Who had the last turn.
    pub(super) fn last(&self) -> Option<Uuid> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each gets who has so many.
    fn dealt(limit: usize, has: &[usize]) -> Vec<usize> {
        let tenants: Vec<Uuid> = (1..).map(Uuid::from_u128).take(has.len()).collect();
        let mut got = vec![0; has.len()];
        let mut deal = Deal::of(limit, tenants.clone());
        while let Some((asked, share)) = deal.round() {
            let place = |tenant: Uuid| tenants.iter().position(|one| *one == tenant).unwrap();
            let gives: Vec<usize> = has.iter().zip(&got).map(|(has, got)| share.min(has - got)).collect();
            for tenant in &asked {
                got[place(*tenant)] += gives[place(*tenant)];
            }
            deal.gave(share, |tenant| gives[place(tenant)]);
        }
        got
    }

    #[test]
    fn who_has_little_gets_it_and_the_others_share_the_rest() {
        assert_eq!(dealt(10, &[100]), [10]);
        assert_eq!(dealt(10, &[100, 2]), [8, 2]);
        assert_eq!(dealt(10, &[100, 0, 100, 1]), [5, 0, 4, 1]);
        assert_eq!(dealt(3, &[9, 9, 9]), [1, 1, 1]);
        assert_eq!(dealt(2, &[9, 9, 9]), [1, 1, 0]);
        assert_eq!(dealt(5, &[]), [0; 0]);
        assert_eq!(dealt(0, &[1]), [0]);
        assert_eq!(dealt(100, &[3, 4]), [3, 4]);
    }

    #[test]
    fn the_next_turn_begins_after_who_was_served_last() {
        let turns = Turns::default();
        assert_eq!(turns.after("work"), Uuid::nil());
        turns.served("work", Some(Uuid::from_u128(7)));
        turns.served("work", None);
        assert_eq!((turns.after("work"), turns.after("other")), (Uuid::from_u128(7), Uuid::nil()));
    }
}
