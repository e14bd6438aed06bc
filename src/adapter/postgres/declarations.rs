//! The plans of everything that is declared.

use std::collections::HashMap;
use std::sync::Arc;

use super::fault::misuse;
use super::plan::{KindPlan, LogPlan};
use crate::port::logs::Log;
use crate::port::records::Kind;
use crate::port::store::StoreFault;

/// The plans of everything that is declared.
#[derive(Debug)]
pub(super) struct Declarations {
    kinds: HashMap<&'static str, Arc<KindPlan>>,
    logs: HashMap<&'static str, Arc<LogPlan>>,
    /// In the order of the configuration, for what goes through all.
    pub(super) ordered_kinds: Vec<Arc<KindPlan>>,
    pub(super) ordered_logs: Vec<Arc<LogPlan>>,
}

impl Declarations {
    /// The plans of these kinds and logs.
    pub(super) fn of(kinds: &[&'static Kind], logs: &[&'static Log]) -> Result<Self, StoreFault> {
        let ordered_kinds = kinds.iter().map(|kind| KindPlan::of(kind).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        let ordered_logs = logs.iter().map(|log| LogPlan::of(log).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        let kinds: HashMap<_, _> = ordered_kinds.iter().map(|plan| (plan.kind.name, Arc::clone(plan))).collect();
        let logs: HashMap<_, _> = ordered_logs.iter().map(|plan| (plan.log.name, Arc::clone(plan))).collect();
        if kinds.len() != ordered_kinds.len() || logs.len() != ordered_logs.len() {
            return Err(misuse("two kinds or two logs have the same name"));
        }
        Ok(Self { kinds, logs, ordered_kinds, ordered_logs })
    }

    /// The plan of a kind.
    pub(super) fn kind(&self, kind: &'static Kind) -> Result<Arc<KindPlan>, StoreFault> {
        self.kind_named(kind.name).ok_or_else(|| misuse(format!("kind '{}' is not declared to this store", kind.name)))
    }

    /// The plan of a kind's name.
    pub(super) fn kind_named(&self, name: &str) -> Option<Arc<KindPlan>> {
        self.kinds.get(name).cloned()
    }

    /// The plan of a log.
    pub(super) fn log(&self, log: &'static Log) -> Result<Arc<LogPlan>, StoreFault> {
        self.log_named(log.name).ok_or_else(|| misuse(format!("log '{}' is not declared to this store", log.name)))
    }

    /// The plan of a log's name.
    pub(super) fn log_named(&self, name: &str) -> Option<Arc<LogPlan>> {
        self.logs.get(name).cloned()
    }
}
