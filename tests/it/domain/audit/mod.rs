//! The audit domain.

mod anchored;
mod anchors;
mod audit_query;
mod audit_record;
mod audit_verify;
mod chain;
mod compliance_report;
mod export;
mod forged;
mod gdpr_delete_request;
mod retention;
mod sealing;

use std::sync::Arc;

use convoke::capability::gate::audit::AUDIT;
use convoke::domain::audit::engine::keeper::Keeper;
use convoke::kernel::clock::Clock as _;
use convoke::kernel::id::{CallId, TenantId};
use convoke::port::store::{Batch, Step};
use serde_json::{Value, json};

use crate::support::app::TestApp;

impl TestApp {
    /// The keeper of the log.
    pub(crate) fn keeper(&self) -> Arc<Keeper> {
        self.app.platform().service::<Keeper>().unwrap()
    }

    /// Chains everything and makes a checkpoint.
    pub(crate) async fn chained(&self) {
        self.keeper().keep_up(true).await.unwrap();
    }

    /// Appends entries as other calls might have, without making the calls.
    pub(crate) async fn append_entries(&self, tenant: TenantId, count: u32) {
        let at = self.clock.now();
        let body = |number: u32| {
            json!({
                "timestamp": at, "actor": self.admin.user, "principal": "test", "action": "thing_change", "effect": "change",
                "resourceType": "thing", "resourceId": number.to_string(), "changes": null, "also": null, "tenantId": tenant,
                "requestId": CallId::new(at), "door": "inside", "outcome": "done",
            })
        };
        let steps = (0..count).map(|number| Step::Append { log: &AUDIT, stream: String::new(), body: body(number) });
        let batch = Batch { tenant, at, steps: steps.collect() };
        self.app.platform().store.commit(vec![batch]).await.unwrap();
    }

    /// Works on the store's file as somebody with a shell might, past the program.
    pub(crate) fn tamper(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.app.data().join("convoke.db")).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
        let mut triggers = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
        let names: Vec<String> = triggers.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for name in names {
            connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        }
        connection.execute_batch(sql).unwrap();
    }

    pub(crate) async fn verified(&self) -> Value {
        self.call(&self.admin, "audit_verify", json!({})).await.unwrap()
    }

    /// What health says, to somebody who may know.
    pub(crate) async fn health(&self) -> Value {
        self.call(&self.admin, "system_health", json!({})).await.unwrap()
    }
}
