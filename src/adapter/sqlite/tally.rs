//! How much of each log each tenant has, added up in memory as the log grows: counting anew would read whole logs again and
//! again. After a start the sums are caught up with bit by bit; until then less is known than there is, and less goes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::fault::OrFault as _;
use super::plan::LogPlan;
use crate::port::logs::ENTRY_BYTES;
use crate::port::store::StoreFault;

/// Entries that are added up at most in one go.
const STRETCH: u32 = 250_000;

/// The sums of all logs.
#[derive(Debug, Default)]
pub(super) struct Tallies(Mutex<HashMap<&'static str, Tally>>);

/// The sums of one log.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    /// Everything up to this position is in them.
    upto: i64,
    /// For each tenant, entries in the measure of `weight`.
    weights: HashMap<Uuid, u64>,
}

/// What an entry counts: one, and one more for each `ENTRY_BYTES` that it has beyond the first.
pub(super) fn weight(bytes: i64) -> u64 {
    bytes.unsigned_abs().div_ceil(ENTRY_BYTES).max(1)
}

impl Tally {
    /// Adds what came since, up to a stretch of it.
    pub(super) fn catch_up(&mut self, connection: &Connection, plan: &LogPlan) -> Result<(), StoreFault> {
        let table = &plan.table.name;
        let text = format!(
            "SELECT position, tenant, octet_length(body) FROM {table} WHERE position > ?1 ORDER BY position LIMIT ?2"
        );
        let mut statement = connection.prepare_cached(&text).or_fault()?;
        let mut rows = statement.query(params![self.upto, STRETCH]).or_fault()?;
        while let Some(row) = rows.next().or_fault()? {
            self.upto = row.get(0).or_fault()?;
            let tenant = Uuid::from_bytes(row.get(1).or_fault()?);
            *self.weights.entry(tenant).or_default() += weight(row.get(2).or_fault()?);
        }
        Ok(())
    }

    /// The tenants that have more than is kept, each with how much more.
    pub(super) fn beyond(&self, keep: u64) -> Vec<(Uuid, u64)> {
        let mut beyond: Vec<_> = self
            .weights
            .iter()
            .filter(|(_, weight)| **weight > keep)
            .map(|(tenant, weight)| (*tenant, weight - keep))
            .collect();
        beyond.sort_unstable();
        beyond
    }

    /// Takes out an entry that went.
    fn take_out(&mut self, position: i64, tenant: Uuid, weight: u64) {
        if position <= self.upto
            && let Some(sum) = self.weights.get_mut(&tenant)
        {
            *sum = sum.saturating_sub(weight);
        }
    }
}

impl Tallies {
    /// The sums of a log as they are known.
    pub(super) fn of(&self, log: &'static str) -> Tally {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(log).cloned().unwrap_or_default()
    }

    /// Keeps the sums of a log.
    pub(super) fn keep(&self, log: &'static str, tally: Tally) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(log, tally);
    }

    /// Takes out entries that went.
    pub(super) fn take_out(&self, log: &'static str, gone: impl IntoIterator<Item = (i64, Uuid, u64)>) {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tally) = tallies.get_mut(log) else { return };
        for (position, tenant, weight) in gone {
            tally.take_out(position, tenant, weight);
        }
    }

    /// Begins anew: everything was replaced.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
