//! A queue in which tenants take turns, so that one with a thousand calls does not keep another's only call waiting; among calls
//! of one tenant the first comes first.

use std::collections::VecDeque;

use crate::kernel::id::TenantId;

/// The queue.
pub(crate) struct Turns<T> {
    /// Tenants that wait, the one whose turn is next first; each with its calls.
    waiting: VecDeque<(TenantId, VecDeque<T>)>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<T> Turns<T> {
    /// Adds a call.
    pub(crate) fn add(&mut self, tenant: TenantId, call: T) {
        match self.waiting.iter_mut().find(|(waiting, _)| *waiting == tenant) {
            Some((_, calls)) => calls.push_back(call),
            None => self.waiting.push_back((tenant, VecDeque::from([call]))),
        }
    }

    /// The call whose turn it is.
    pub(crate) fn first(&self) -> Option<&T> {
        self.waiting.front().and_then(|(_, calls)| calls.front())
    }

    /// Takes the call whose turn it is; its tenant goes behind the others.
    pub(crate) fn next(&mut self) -> Option<T> {
        let (tenant, mut calls) = self.waiting.pop_front()?;
        let next = calls.pop_front();
        if !calls.is_empty() {
            self.waiting.push_back((tenant, calls));
        }
        next
    }

    /// Every call that waits.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.waiting.iter().flat_map(|(_, calls)| calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn tenants_take_turns() {
        let mut turns = Turns::default();
        for (number, of) in [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)] {
            turns.add(TenantId::from_uuid(Uuid::from_u128(of)), number);
        }
        assert_eq!((turns.first(), turns.iter().count()), (Some(&1), 5));
        let order: Vec<_> = std::iter::from_fn(|| turns.next()).collect();
        assert_eq!(order, [1, 4, 2, 5, 3]);
    }
}
