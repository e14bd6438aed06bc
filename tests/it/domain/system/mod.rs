//! The system domain: health, metrics, configuration, logs, backups, caches; and the upkeep of what they stand on.

mod backup;
mod caches;
mod config;
mod gateway;
mod health;
mod logs;
mod metrics;
mod migrate;
mod monitor;
mod packs;
mod restore;
mod schedule;
mod services;
mod telemetry;
mod upkeep;
mod upstream;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use convoke::app::{App, Settings};
use convoke::capability::caller::{Credential, Door, Origin};
use convoke::capability::gate::Request;
use convoke::kernel::clock::{Clock as _, ManualClock};
use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use convoke::kernel::id::CallId;
use convoke::kernel::secret::Secret;
use convoke::kernel::time::Timestamp;
use serde_json::{Value, json};

use crate::support::app::{TestApp, config, value};

/// The program on a folder that outlives it, with nothing in it but what the first start makes.
pub(super) struct Bare {
    pub(super) app: Arc<App>,
    pub(super) clock: Arc<ManualClock>,
    /// The administrator's key.
    pub(super) key: Secret,
}

impl Bare {
    pub(super) async fn start(folder: &Path) -> Self {
        Self::start_with(folder, |_| {}).await
    }

    pub(super) async fn start_with(folder: &Path, alter: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(ManualClock::at("2026-11-20T12:00:00Z".parse::<Timestamp>().unwrap()));
        let mut settings = Settings::new(config(), folder.to_owned(), clock.clone());
        alter(&mut settings);
        let app = App::open(settings).await.unwrap();
        let key = app.first_key().unwrap().clone();
        Self { app, clock, key }
    }

    pub(super) async fn call(&self, tool: &str, input: Value) -> Result<Value, Fault> {
        self.call_with(&self.key, tool, input, |_| {}).await
    }

    pub(super) async fn call_with(
        &self,
        key: &Secret,
        tool: &str,
        input: Value,
        alter: impl FnOnce(&mut Request),
    ) -> Result<Value, Fault> {
        let caller = self.app.gate().identify(&Credential::Bearer(key.clone()), None).await?;
        let origin = Origin { door: Door::Inside, address: None };
        let mut request = Request::new(CallId::new(self.clock.now()), caller, origin, tool, input);
        alter(&mut request);
        value(self.app.gate().call(request).await)
    }

    pub(super) async fn close(self) {
        self.app.close(Duration::from_secs(5)).await;
    }
}

/// Every tool of the domain that is not public, with an input that fits.
const GUARDED: [(&str, &str); 10] = [
    ("system_metrics", "{}"),
    ("system_config", "{}"),
    ("system_logs", "{}"),
    ("system_backup", "{}"),
    ("system_backups", "{}"),
    ("system_restore", r#"{"name":"backup-1"}"#),
    ("system_migrate", "{}"),
    ("system_cache_stats", "{}"),
    ("system_monitor", "{}"),
    ("system_cache_clear", "{}"),
];

#[tokio::test]
async fn the_installation_is_the_business_of_its_administrators() {
    let app = TestApp::start().await;
    for (tool, input) in GUARDED {
        let input: Value = serde_json::from_str(input).unwrap();
        for (who, person) in [("no role", &app.nobody), ("the administrator of another tenant", &app.stranger)] {
            let fault = app.call(person, tool, input.clone()).await.unwrap_err();
            assert!(fault.is(&codes::FORBIDDEN), "{tool}, {who}: {fault}");
        }
        let anonymous = app.app.gate().identify(&Credential::None, None).await.unwrap();
        let fault = value(app.reply(anonymous, tool, input, |_| {}).await).unwrap_err();
        assert!(fault.is(&codes::UNAUTHENTICATED), "{tool}: {fault}");
    }
}

#[tokio::test]
async fn unknown_properties_are_refused() {
    let app = TestApp::start().await;
    for (tool, _) in GUARDED {
        let fault = app.call(&app.admin, tool, json!({ "surprise": 1 })).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{tool}: {fault}");
        assert!(fault.places().iter().any(|place| place.pointer == "/surprise"), "{tool}: {:?}", fault.places());
    }
}
