//! Memories put in order.

use std::time::Duration;

use convoke::kernel::clock::Clock as _;
use convoke::kernel::id::new_uuid;
use convoke::port::records::{Filter, Query, Scalar, Scope};
use convoke::port::store::{Batch, Expect, Put, Step};
use serde_json::json;

use super::{ada, code, fact, store, texts};
use crate::support::app::TestApp;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn what_says_the_same_becomes_one_and_a_trial_changes_nothing() {
    let app = TestApp::start().await;
    let apart = |text: &str| json!({ "text": text, "separate": true });
    store(&app, apart("Anna drinks green tea")).await;
    store(&app, apart("Anna is drinking a green tea")).await;
    store(&app, apart("The alarm is on")).await;
    store(&app, apart("The alarm is off")).await;
    store(&app, apart("Bo rides a horse")).await;
    let own = json!({ "scope": "user" });
    let trial = ada(&app, "memory_consolidate", own.clone()).await.unwrap();
    assert_eq!((&trial["merged"], &trial["contradicted"], &trial["applied"]), (&json!(1), &json!(1), &json!(false)));
    assert_eq!(texts(&app, json!({ "query": "tea" })).await.len(), 2);
    let done = ada(&app, "memory_consolidate", json!({ "scope": "user", "apply": true })).await.unwrap();
    assert_eq!((&done["merged"], &done["contradicted"], &done["lookedAt"]), (&json!(1), &json!(1), &json!(5)));
    assert_eq!(texts(&app, json!({ "query": "tea" })).await, ["Anna drinks green tea"]);
    assert_eq!(texts(&app, json!({ "query": "alarm" })).await, ["The alarm is off"]);
    let again = ada(&app, "memory_consolidate", own).await.unwrap();
    assert_eq!((&again["merged"], &again["contradicted"], &again["changes"]), (&json!(0), &json!(0), &json!([])));
}

#[tokio::test]
async fn policies_put_aside_and_forget_what_is_old() {
    let app = TestApp::start().await;
    let policy = json!({ "scope": "user", "retireAfterDays": 30, "forgetEndedAfterDays": 60, "except": ["procedure"] });
    assert_eq!(code(&ada(&app, "memory_policy_set", policy.clone()).await), "forbidden");
    app.call(&app.admin, "memory_policy_set", policy).await.unwrap();
    fact(&app, "Small talk about rain").await;
    store(&app, json!({ "text": "The contract ends in June", "importance": 0.9 })).await;
    store(&app, json!({ "text": "Turn the key twice", "kind": "procedure" })).await;
    let apply = json!({ "scope": "user", "apply": true });
    assert_eq!(ada(&app, "memory_consolidate", apply.clone()).await.unwrap()["changes"], json!([]));
    app.clock.advance(31 * DAY);
    let done = ada(&app, "memory_consolidate", apply.clone()).await.unwrap();
    assert_eq!((&done["retired"], &done["changes"][0]["text"]), (&json!(1), &json!("Small talk about rain")));
    assert_eq!(texts(&app, json!({ "query": "rain" })).await, Vec::<String>::new());
    assert_eq!(texts(&app, json!({ "query": "rain", "includeEnded": true })).await.len(), 1);
    app.clock.advance(61 * DAY);
    let done = ada(&app, "memory_consolidate", apply).await.unwrap();
    assert_eq!((&done["forgotten"], &done["retired"]), (&json!(1), &json!(0)));
    assert_eq!(texts(&app, json!({ "query": "rain", "includeEnded": true })).await, Vec::<String>::new());
    assert_eq!(texts(&app, json!({ "scope": "user" })).await.len(), 2);
}

#[tokio::test]
async fn no_more_are_believed_than_the_policy_says() {
    let app = TestApp::start().await;
    let policy = json!({ "scope": "session", "most": 2 });
    app.call(&app.admin, "memory_policy_set", policy).await.unwrap();
    // What matters least goes, though it was said last.
    for (text, importance) in [("second topic", 0.9), ("third subject", 0.5), ("first thing", 0.2)] {
        let input = json!({ "text": text, "importance": importance, "scope": "session", "scopeId": "s" });
        store(&app, input).await;
        app.clock.advance(DAY);
    }
    let apply = json!({ "scope": "session", "scopeId": "s", "apply": true });
    assert_eq!(ada(&app, "memory_consolidate", apply).await.unwrap()["retired"], 1);
    let mut left = texts(&app, json!({ "scope": "session", "scopeId": "s" })).await;
    left.sort();
    assert_eq!(left, ["second topic", "third subject"]);
    let wrong = json!({ "scope": "user", "retireAfterDays": 30, "forgetAfterDays": 10 });
    let refused = app.call(&app.admin, "memory_policy_set", wrong).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/forgetAfterDays");
}

#[tokio::test]
async fn what_was_put_aside_is_summed_up_by_a_model_and_says_so() {
    let app = TestApp::start().await;
    let policy = json!({ "scope": "user", "retireAfterDays": 1 });
    app.call(&app.admin, "memory_policy_set", policy).await.unwrap();
    for text in ["Rain on Monday", "Sun on Tuesday", "Hail on Friday"] {
        store(&app, json!({ "text": text, "kind": "event", "trust": "untrusted" })).await;
    }
    app.clock.advance(2 * DAY);
    let input = json!({ "scope": "user", "apply": true, "summarize": true });
    let done = ada(&app, "memory_consolidate", input).await.unwrap();
    assert_eq!((&done["retired"], &done["method"]), (&json!(3), &json!("model")));
    let id = done["summaries"][0].clone();
    let summary = ada(&app, "memory_get", json!({ "id": id })).await.unwrap();
    assert_eq!(
        (&summary["kind"], &summary["trust"], &summary["scope"]),
        (&json!("summary"), &json!("untrusted"), &json!("user"))
    );
    assert_eq!(summary["supersedes"].as_array().unwrap().len(), 3);
    assert!(!summary["text"].as_str().unwrap().is_empty());
    assert!(done["changes"].as_array().unwrap().iter().all(|change| change["by"] == id), "{done}");
}

#[tokio::test]
async fn the_better_source_stands_for_both() {
    let app = TestApp::start().await;
    let apart = |text: &str, trust: &str| json!({ "text": text, "trust": trust, "separate": true });
    store(&app, apart("Anna drinks green tea", "untrusted")).await;
    let stated = store(&app, apart("Anna is drinking a green tea", "stated")).await;
    store(&app, apart("Bo rides a horse", "stated")).await;
    store(&app, apart("Bo rides a white horse slowly every single morning before breakfast in Oslo", "untrusted"))
        .await;
    let done = ada(&app, "memory_consolidate", json!({ "scope": "user", "apply": true })).await.unwrap();
    assert_eq!(done["merged"], 1, "{done}");
    let kept = ada(&app, "memory_get", json!({ "id": stated["memory"]["memoryId"] })).await.unwrap();
    assert_eq!((&kept["state"], &kept["trust"], &kept["timesSaid"]), (&json!("current"), &json!("stated"), &json!(2)));
    assert!(texts(&app, json!({ "query": "rides horse", "trust": ["stated"] })).await.len() == 1);
}

#[tokio::test]
async fn of_those_about_the_same_that_were_brought_back_the_latest_is_believed() {
    let app = TestApp::start().await;
    let about = |text: &str| json!({ "text": text, "about": "anna/tea" });
    let first = store(&app, about("Anna drinks green tea")).await["memory"]["memoryId"].clone();
    app.clock.advance(DAY);
    store(&app, about("Anna drinks black tea")).await;
    ada(&app, "memory_update", json!({ "id": first, "state": "current" })).await.unwrap();
    assert_eq!(texts(&app, json!({ "query": "tea" })).await.len(), 2);
    let done = ada(&app, "memory_consolidate", json!({ "scope": "user", "apply": true })).await.unwrap();
    assert_eq!((&done["contradicted"], &done["changes"][0]["memoryId"]), (&json!(1), &first));
    assert_eq!(texts(&app, json!({ "query": "tea" })).await, ["Anna drinks black tea"]);
}

#[tokio::test]
async fn more_than_one_call_looks_at_are_looked_at_by_the_next() {
    let app = TestApp::start().await;
    fact(&app, "Anna drinks green tea").await;
    let memory = convoke::domain::memory::MODULE.kinds.iter().find(|kind| kind.name == "memory").unwrap();
    let records = &app.app.platform().store;
    let filter = Filter::is("kind", Scalar::Text("fact".into())).and(Filter::Matches("green".into()));
    let found = records.find(Scope::Platform, memory, Query::newest(filter, 2)).await.unwrap();
    let [first] = &found[..] else { panic!("{found:?}") };
    let put = |_| {
        Step::Put(Put {
            kind: memory,
            id: new_uuid(app.clock.now()),
            expect: Expect::Absent,
            owner: first.owner,
            workspace: first.workspace,
            visibility: first.visibility,
            body: first.body.clone(),
        })
    };
    let batch = Batch { tenant: first.tenant, at: app.clock.now(), steps: (0..5_001).map(put).collect() };
    records.commit(vec![batch]).await.unwrap();
    let own = json!({ "scope": "user" });
    let done = ada(&app, "memory_consolidate", own).await.unwrap();
    assert_eq!((&done["lookedAt"], &done["merged"]), (&json!(5_000), &json!(4_999)));
    let next = json!({ "scope": "user", "pageToken": done["nextPageToken"] });
    let done = ada(&app, "memory_consolidate", next.clone()).await.unwrap();
    assert_eq!((&done["lookedAt"], &done["merged"], &done["nextPageToken"]), (&json!(2), &json!(1), &json!(null)));
    let other = json!({ "scope": "tenant", "pageToken": next["pageToken"] });
    assert_eq!(code(&ada(&app, "memory_consolidate", other).await), "bad_page_token");
}
