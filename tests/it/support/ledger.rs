//! What the store holds of calls: audit entries, usage rows, events, operations. Tests look before and after a call.

use convoke::capability::events::EVENTS;
use convoke::capability::gate::audit::{AUDIT, opened};
use convoke::capability::gate::operation::OPERATION;
use convoke::capability::gate::sealing::Sealer;
use convoke::capability::gate::usage::USAGE;
use convoke::port::logs::{Log, LogQuery};
use convoke::port::records::{Filter, Scope};
use serde_json::Value;

use super::app::TestApp;

/// How much there is of what calls leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Audit entries.
    pub(crate) audit: usize,
    /// Usage rows.
    pub(crate) usage: usize,
    /// Events.
    pub(crate) events: usize,
    /// Operations.
    pub(crate) operations: u64,
}

impl TestApp {
    /// How much there is over all tenants.
    pub(crate) async fn ledger(&self) -> Ledger {
        Ledger {
            audit: self.entries(&AUDIT).await.len(),
            usage: self.entries(&USAGE).await.len(),
            events: self.entries(&EVENTS).await.len(),
            operations: self.app.platform().store.count(Scope::Platform, &OPERATION, Filter::All).await.unwrap(),
        }
    }

    /// The entries of a log over all tenants, oldest first.
    pub(crate) async fn entries(&self, log: &'static Log) -> Vec<Value> {
        self.app.gate().write_waiting().await.unwrap();
        let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 100_000 };
        let entries = self.app.platform().store.entries(Scope::Platform, log, query).await.unwrap();
        entries.into_iter().map(|entry| entry.body).collect()
    }

    /// The entries of the audit log over all tenants as people see them, oldest first: what is sealed is opened.
    pub(crate) async fn audited(&self) -> Vec<Value> {
        let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 100_000 };
        self.app.gate().write_waiting().await.unwrap();
        let platform = self.app.platform();
        let sealer = platform.service::<Sealer>().unwrap();
        let mut seen = Vec::new();
        for entry in platform.store.entries(Scope::Platform, &AUDIT, query).await.unwrap() {
            seen.push(serde_json::to_value(opened(&sealer, entry).await.unwrap()).unwrap());
        }
        seen
    }

    /// The value of a counter in the default tenant.
    pub(crate) async fn counter(&self, name: &'static str, key: &str) -> i64 {
        self.app.platform().store.counter(Scope::Tenant(self.admin.tenant), name, key).await.unwrap()
    }
}

impl TestApp {
    /// The documents of a kind over all tenants.
    pub(crate) async fn documents(&self, kind: &'static convoke::port::records::Kind) -> Vec<Value> {
        let query = convoke::port::records::Query::newest(Filter::All, 10_000);
        let records = self.app.platform().store.find(Scope::Platform, kind, query).await.unwrap();
        records.into_iter().map(|record| record.body).collect()
    }
}
