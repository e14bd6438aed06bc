//! `feedback_query`: filters, pages, sums, another tenant.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ada, code};
use crate::support::app::TestApp;

async fn say(app: &TestApp, version: &str, feedback: Value) -> Value {
    let input = json!({ "agentId": "scribe", "promptId": "welcome-mail", "version": version, "feedback": feedback });
    ada(app, "feedback_submit", input).await.unwrap()
}

fn scores(answer: &Value) -> Vec<f64> {
    answer["items"].as_array().unwrap().iter().filter_map(|item| item["score"].as_f64()).collect()
}

#[tokio::test]
async fn feedback_is_found_by_what_it_is_of_and_added_up_for_each_version() {
    let app = TestApp::start().await;
    let draft = "1.1.0-draft.2";
    say(&app, "1.0.0", json!({ "userSatisfaction": 2 })).await;
    say(&app, "1.0.0", json!({ "userSatisfaction": 4 })).await;
    say(&app, "1.0.0", json!({ "notes": "fine" })).await;
    app.clock.advance(Duration::from_hours(1));
    let noon = "2026-11-20T13:00:00Z";
    say(&app, draft, json!({ "accuracy": 1, "userSatisfaction": 5, "correction": "Dear Ada," })).await;
    say(&app, draft, json!({ "accuracy": 0.2 })).await;
    let all = ada(&app, "feedback_query", json!({ "agentId": "scribe" })).await.unwrap();
    assert_eq!(scores(&all), [0.2, 1.0, 0.75, 0.25]);
    let summary = &all["summary"];
    let (first, second) = (&summary[0], &summary[1]);
    assert_eq!((&first["version"], &first["count"], &first["rated"]), (&json!("1.0.0"), &json!(3), &json!(2)));
    assert_eq!((&first["meanScore"], &first["meanUserSatisfaction"]), (&json!(0.5), &json!(3.0)));
    assert_eq!((&first["good"], &first["bad"], &first["corrected"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(
        (&second["version"], &second["meanAccuracy"], &second["corrected"]),
        (&json!(draft), &json!(0.6), &json!(1))
    );
    assert_eq!((&second["lastAt"], &all["summaryWhole"]), (&json!("2026-11-20T13:00:00.000Z"), &json!(true)));

    let found = |input: Value| {
        let app = &app;
        async move { scores(&ada(app, "feedback_query", input).await.unwrap()) }
    };
    assert_eq!(found(json!({ "agentId": "scribe", "from": noon })).await, [0.2, 1.0]);
    assert_eq!(found(json!({ "agentId": "scribe", "to": noon })).await, [0.75, 0.25]);
    assert_eq!(found(json!({ "promptId": "Welcome mail", "version": draft })).await, [0.2, 1.0]);
    assert_eq!(found(json!({ "agentId": "scribe", "minScore": 0.75 })).await, [1.0, 0.75]);
    assert_eq!(found(json!({ "agentId": "scribe", "maxScore": 0.25 })).await, [0.2, 0.25]);
    assert_eq!(found(json!({ "agentId": "nobody" })).await, Vec::<f64>::new());
    assert_eq!(found(json!({ "executionId": "exec-1" })).await, [0.875]);
    let wrong = ada(&app, "feedback_query", json!({ "from": noon, "to": noon })).await.unwrap_err();
    assert_eq!(wrong.places()[0].pointer, "/from");
}

#[tokio::test]
async fn pages_hold_everything_once_and_only_the_first_adds_up() {
    let app = TestApp::start().await;
    for number in 0..7 {
        say(&app, "1.0.0", json!({ "accuracy": f64::from(number) / 10.0 })).await;
    }
    let (mut seen, mut token, mut first) = (Vec::new(), Value::Null, true);
    loop {
        let mut input = json!({ "agentId": "scribe", "limit": 3 });
        if token.is_string() {
            input["pageToken"] = token;
        }
        let page = ada(&app, "feedback_query", input).await.unwrap();
        assert_eq!(page["summary"].is_array(), first);
        first = false;
        seen.extend(scores(&page));
        // What comes in meanwhile is newer and moves nothing.
        say(&app, "1.0.0", json!({ "accuracy": 1 })).await;
        token = page["nextPageToken"].clone();
        if token.is_null() {
            break;
        }
        let other = json!({ "agentId": "another", "limit": 3, "pageToken": token });
        assert_eq!(code(&ada(&app, "feedback_query", other).await), "bad_page_token");
    }
    assert_eq!(seen, [0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]);
}

#[tokio::test]
async fn another_tenant_sees_none_of_it() {
    let app = TestApp::start().await;
    say(&app, "1.0.0", json!({ "accuracy": 1 })).await;
    let told = app.call(&app.stranger, "feedback_query", json!({})).await.unwrap();
    assert_eq!((&told["items"], &told["summary"]), (&json!([]), &json!([])));
    let refused = app.call(&app.nobody, "feedback_query", json!({})).await;
    assert_eq!(code(&refused), "forbidden");
}
