//! Memories put in order.

use std::time::Duration;

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
