//! `system_logs`.

use std::sync::Arc;

use convoke::capability::platform::Services;
use convoke::config::logging::Logging;
use convoke::domain::system::LogRing;
use convoke::kernel::clock::SystemClock;
use convoke::kernel::codes;
use convoke::runtime::logging::{Form, subscriber};
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// The program with a ring in which these lines were logged.
async fn with_lines(log: impl FnOnce()) -> TestApp {
    let ring = Arc::new(LogRing::new(100));
    let logging = Logging { level: "trace".to_owned(), format: "text".to_owned(), recent_lines: 100 };
    let lines = subscriber(&logging, Form::Quiet, ring.clone(), Arc::new(SystemClock)).unwrap();
    tracing::subscriber::with_default(lines, log);
    TestApp::start_with(|settings| settings.services = Services::default().with(ring)).await
}

fn messages(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lines_are_found_by_level_text_and_request() {
    let app = with_lines(|| {
        tracing::info!("started");
        tracing::warn!(disk = "Nearly Full", "look at this");
        tracing::error!(request_id = "r-1", "failed");
        tracing::debug!(request_id = "r-1", "asked");
    })
    .await;
    let find = async |input| app.call(&app.admin, "system_logs", input).await.unwrap();
    assert_eq!(messages(&find(json!({})).await), ["asked", "failed", "look at this", "started"]);
    assert_eq!(messages(&find(json!({ "level": "warn" })).await), ["failed", "look at this"]);
    assert_eq!(messages(&find(json!({ "text": "nearly FULL" })).await), ["look at this"]);
    assert_eq!(messages(&find(json!({ "requestId": "r-1" })).await), ["asked", "failed"]);
    assert_eq!(messages(&find(json!({ "requestId": "r-1", "level": "error" })).await), ["failed"]);
    assert_eq!(find(json!({ "text": "nothing" })).await, json!({ "items": [] }));
    let fault = app.call(&app.admin, "system_logs", json!({ "level": "loud" })).await.unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT), "{fault}");
}

#[tokio::test]
async fn pages_hold_every_line_once() {
    let app = with_lines(|| (0..7).for_each(|number| tracing::info!("line {number}"))).await;
    let mut input = json!({ "limit": 3 });
    let mut seen = Vec::new();
    loop {
        let page = app.call(&app.admin, "system_logs", input.clone()).await.unwrap();
        seen.extend(messages(&page).into_iter().map(str::to_owned));
        match page.get("nextPageToken") {
            Some(token) => input["pageToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(seen, ["line 6", "line 5", "line 4", "line 3", "line 2", "line 1", "line 0"]);
    // A token belongs to the list that gave it.
    let first = app.call(&app.admin, "system_logs", json!({ "limit": 3 })).await.unwrap();
    let other = json!({ "limit": 3, "level": "info", "pageToken": first["nextPageToken"] });
    assert!(app.call(&app.admin, "system_logs", other).await.unwrap_err().is(&codes::BAD_PAGE_TOKEN));
}

#[tokio::test]
async fn secrets_are_masked_before_anybody_sees_them() {
    let app = with_lines(|| {
        tracing::info!(
            password = "hunter2",
            header = "Authorization: Bearer abcdef",
            "key cvk_0123456789 and sk-0123456789"
        );
    })
    .await;
    let answer = app.call(&app.admin, "system_logs", json!({})).await.unwrap();
    let line = &answer["items"][0];
    assert_eq!(line["message"], "key cvk_*** and sk-***");
    assert_eq!(line["fields"], json!({ "header": "Authorization: ***", "password": "***" }));
}

#[tokio::test]
async fn without_a_ring_it_says_what_is_missing() {
    let app = TestApp::start_with(|settings| settings.services = Services::default()).await;
    let fault = app.call(&app.admin, "system_logs", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::NOT_CONFIGURED), "{fault}");
}

#[tokio::test]
async fn a_text_with_the_character_zero_is_refused_wherever_it_stands() {
    let app = TestApp::start().await;
    let fault = app.call(&app.admin, "system_logs", json!({ "text": "a\u{0}b" })).await.unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT), "{fault}");
    assert_eq!(fault.places()[0].pointer, "/text");
    let below = json!({ "email": "x@example.org", "groups": ["fine", "\u{0}"] });
    let fault = app.call(&app.admin, "user_create", below).await.unwrap_err();
    assert_eq!(fault.places()[0].pointer, "/groups/1", "{:?}", fault.places());
}
