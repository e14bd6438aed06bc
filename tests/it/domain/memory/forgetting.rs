//! What is forgotten is gone.

use std::time::Duration;

use convoke::kernel::clock::Clock as _;
use convoke::port::records::{Filter, Query, Scope};
use serde_json::json;

use super::{ada, code, fact, store, texts};
use crate::support::app::TestApp;

#[tokio::test]
async fn what_is_forgotten_is_nowhere_with_all_that_it_said_before() {
    let app = TestApp::start().await;
    let first = store(&app, json!({ "text": "The safe's number is zebra", "about": "safe" })).await;
    let second = store(&app, json!({ "text": "The safe's number is okapi", "about": "safe" })).await;
    let id = second["memory"]["memoryId"].clone();
    ada(&app, "memory_update", json!({ "id": id, "text": "The safe's number is tapir" })).await.unwrap();
    let told = ada(&app, "memory_forget", json!({ "id": id })).await.unwrap();
    assert_eq!(told["forgotten"], 3);
    for id in [&id, &first["memory"]["memoryId"]] {
        assert_eq!(code(&ada(&app, "memory_get", json!({ "id": id })).await), "not_found");
    }
    for animal in ["zebra", "okapi", "tapir"] {
        let input = json!({ "query": animal, "includeEnded": true });
        assert_eq!(texts(&app, input).await, Vec::<String>::new());
    }
    // Neither documents nor kept versions nor the audit log hold any of it.
    let kind = convoke::domain::memory::MODULE.kinds[0];
    let store = &app.app.platform().store;
    let all = store.find(Scope::Platform, kind, Query::newest(Filter::All, 100)).await.unwrap();
    for record in &all {
        let versions = store.versions(Scope::Platform, kind, record.id, 100).await.unwrap();
        let text = format!("{all:?} {versions:?}");
        assert!(!["zebra", "okapi", "tapir"].iter().any(|animal| text.contains(animal)), "{text}");
    }
    let gone = id.as_str().unwrap().parse().unwrap();
    assert_eq!(store.versions(Scope::Platform, kind, gone, 10).await.unwrap(), []);
    let audit = app.call(&app.admin, "audit_query", json!({ "limit": 100 })).await.unwrap().to_string();
    assert!(!["zebra", "okapi", "tapir"].iter().any(|animal| audit.contains(animal)), "{audit}");
}

#[tokio::test]
async fn a_filter_is_tried_first_and_forgets_only_what_fits() {
    let app = TestApp::start().await;
    let page = |text: &str| json!({ "text": text, "trust": "untrusted", "source": { "uri": "https://example.org/a" }, "tags": ["web"] });
    store(&app, page("Tigers live in Asia")).await;
    store(&app, page("Lions live in Africa")).await;
    fact(&app, "Ada saw a lion").await;
    let trial =
        ada(&app, "memory_forget", json!({ "id": "matching", "trust": ["untrusted"], "dryRun": true })).await.unwrap();
    assert_eq!((&trial["forgotten"], &trial["memoryIds"].as_array().unwrap().len()), (&json!(2), &2));
    assert_eq!(texts(&app, json!({ "query": "live" })).await.len(), 2);
    let told =
        ada(&app, "memory_forget", json!({ "id": "matching", "sourceUri": "https://example.org/a", "tags": ["WEB"] }))
            .await
            .unwrap();
    assert_eq!((&told["forgotten"], &told["notYours"]), (&json!(2), &json!(0)));
    assert_eq!(texts(&app, json!({ "query": "live lion" })).await, ["Ada saw a lion"]);
    let day = Duration::from_hours(24);
    app.clock.advance(day);
    let now = app.clock.now();
    fact(&app, "Ada saw a tiger").await;
    ada(&app, "memory_forget", json!({ "id": "matching", "before": now, "scope": "user" })).await.unwrap();
    assert_eq!(texts(&app, json!({ "query": "saw" })).await, ["Ada saw a tiger"]);
    assert_eq!(code(&ada(&app, "memory_forget", json!({ "id": "matching" })).await), "memory_forget_what");
    assert_eq!(
        code(&ada(&app, "memory_forget", json!({ "id": "matching", "dryRun": true })).await),
        "memory_forget_what"
    );
    assert_eq!(
        code(&ada(&app, "memory_forget", json!({ "id": "matching", "scopeId": "x", "kinds": ["fact"] })).await),
        "bad_input"
    );
    assert_eq!(code(&ada(&app, "memory_forget", json!({ "id": "nothing" })).await), "bad_input");
}

#[tokio::test]
async fn a_ring_of_memories_ends() {
    let app = TestApp::start().await;
    let about = |text: &str| json!({ "text": text, "about": "anna/tea" });
    let first = store(&app, about("Anna drinks green tea")).await["memory"]["memoryId"].clone();
    let second = store(&app, about("Anna drinks black tea")).await["memory"]["memoryId"].clone();
    // Both are brought back and the first is said again: now it takes the place of the second, which took its place.
    for id in [&first, &second] {
        ada(&app, "memory_update", json!({ "id": id, "state": "current" })).await.unwrap();
    }
    app.clock.advance(Duration::from_mins(1));
    store(&app, about("Anna drinks green tea")).await;
    ada(&app, "memory_consolidate", json!({ "scope": "user", "apply": true })).await.unwrap();
    let got = ada(&app, "memory_get", json!({ "id": second })).await.unwrap();
    assert_eq!(got["supersededBy"], first, "{got}");
    for id in [&first, &second] {
        ada(&app, "memory_get", json!({ "id": id })).await.unwrap();
    }
    let told = ada(&app, "memory_forget", json!({ "id": first })).await.unwrap();
    assert_eq!(told["forgotten"], 2, "{told}");
}
