//! Upkeep: logs are trimmed to what is kept, expired operations and old backups go.

use std::time::Duration;

use convoke::capability::events::EVENTS;
use convoke::capability::gate::audit::AUDIT;
use convoke::capability::gate::operation::OPERATION;
use convoke::capability::gate::usage::USAGE;
use convoke::port::logs::{Log, LogQuery};
use convoke::port::records::{Filter, Scope};
use convoke::port::store::{Batch, Step};
use convoke::runtime::upkeep::{Cleaned, Upkeep};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::app::TestApp;

async fn append(app: &TestApp, log: &'static Log, count: u32) {
    let steps = (0..count).map(|number| Step::Append { log, stream: String::new(), body: json!({ "number": number }) });
    let at = convoke::kernel::clock::Clock::now(&*app.clock);
    let batch = Batch { tenant: app.admin.tenant, at, steps: steps.collect() };
    app.app.platform().store.commit(vec![batch]).await.unwrap();
}

async fn count(app: &TestApp, log: &'static Log) -> usize {
    let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 10_000 };
    app.app.platform().store.entries(Scope::Platform, log, query).await.unwrap().len()
}

#[tokio::test]
async fn logs_are_trimmed_by_age_and_by_number() {
    let app = TestApp::start_with(|settings| {
        settings.config.store.audit_days = 2;
        settings.config.store.audit_entries = 0;
        settings.config.store.events_days = 0;
        settings.config.store.events_entries = 700;
        settings.config.store.usage_days = 0;
    })
    .await;
    append(&app, &AUDIT, 1200).await;
    append(&app, &EVENTS, 1500).await;
    append(&app, &USAGE, 10).await;
    app.clock.advance(Duration::from_hours(47));
    append(&app, &AUDIT, 5).await;
    app.chained().await;
    let upkeep = Upkeep::new(app.app.gate().clone());
    let going_on = CancellationToken::new();
    let cleaned = upkeep.clean(&going_on).await.unwrap();
    assert_eq!(cleaned, Cleaned { entries: 800, ..Cleaned::default() });
    assert_eq!((count(&app, &AUDIT).await, count(&app, &EVENTS).await), (1205, 700));
    app.clock.advance(Duration::from_hours(2));
    assert_eq!(upkeep.clean(&going_on).await.unwrap().entries, 1200);
    // Two declarations say what went.
    assert_eq!((count(&app, &AUDIT).await, count(&app, &USAGE).await), (7, 10));
    assert_eq!(upkeep.clean(&going_on).await.unwrap(), Cleaned::default());
}

#[tokio::test]
async fn it_ends_in_the_middle_when_told_to() {
    let app = TestApp::start_with(|settings| settings.config.store.events_days = 1).await;
    append(&app, &EVENTS, 10).await;
    app.clock.advance(Duration::from_hours(48));
    let stopped = CancellationToken::new();
    stopped.cancel();
    assert_eq!(Upkeep::new(app.app.gate().clone()).clean(&stopped).await.unwrap(), Cleaned::default());
    assert_eq!(count(&app, &EVENTS).await, 10);
}

#[tokio::test]
async fn expired_operations_and_old_backups_go() {
    let app = TestApp::start_with(|settings| settings.config.backup.keep = 0).await;
    let once = |request: &mut convoke::capability::gate::Request| request.idempotency_key = Some("once".to_owned());
    app.call_with(&app.admin, "system_cache_clear", json!({}), once).await.unwrap().result.unwrap();
    let operations = async || app.app.platform().store.count(Scope::Platform, &OPERATION, Filter::All).await.unwrap();
    assert_eq!(operations().await, 1);
    let upkeep = Upkeep::new(app.app.gate().clone());
    app.clock.advance(Duration::from_hours(23));
    assert_eq!(upkeep.clean(&CancellationToken::new()).await.unwrap().operations, 0);
    app.clock.advance(Duration::from_hours(2));
    assert_eq!(upkeep.clean(&CancellationToken::new()).await.unwrap().operations, 1);
    assert_eq!(operations().await, 0);

    for _ in 0..3 {
        app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    }
    assert_eq!(upkeep.clean(&CancellationToken::new()).await.unwrap().backups, 0, "0 keeps all");
}

#[tokio::test]
async fn background_work_starts_and_ends_with_the_program() {
    let app = TestApp::start().await;
    app.app.start().await.unwrap();
    app.app.close(Duration::from_secs(5)).await;
    assert!(app.app.background().stopping().is_cancelled());
}
