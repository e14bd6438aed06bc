//! Sessions of the older revisions: capped, and bound to who opened them.

use axum::body::BodyDataStream;
use futures::StreamExt as _;
use http::Method;
use serde_json::json;

use super::wire::{Answer, BOTH, LEGACY, Wire};
use crate::gate::fixture::{Probe, with};
use crate::support::app::TestApp;

/// Reads until an event holds this; answers the id of the last event.
async fn read_until(stream: &mut BodyDataStream, what: &str) -> String {
    let mut text = String::new();
    while !text.contains(what) {
        text.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
    }
    text.lines().filter_map(|line| line.strip_prefix("id:")).next_back().unwrap().trim().to_owned()
}

async fn resume(wire: &Wire, session: &str, last: &str) -> Answer {
    let headers = [
        ("mcp-session-id", session),
        ("mcp-protocol-version", LEGACY),
        ("accept", "text/event-stream"),
        ("last-event-id", last),
    ];
    wire.send(wire.request(Method::GET, "/mcp", &headers, "")).await
}

#[tokio::test]
async fn who_comes_back_gets_the_answer_and_nothing_twice() {
    let probe = Probe::new();
    let app = TestApp::start_with(with(&probe)).await;
    let wire = Wire::of(&app, &app.admin);
    let session = wire.session().await;
    let call = json!({
        "name": "fixture_steps",
        "arguments": { "text": "a", "wait": true },
        "_meta": { "progressToken": "p" },
    });
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": call }).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("accept", BOTH),
        ("mcp-session-id", session.as_str()),
        ("mcp-protocol-version", LEGACY),
    ];
    let response = wire.open(wire.request(Method::POST, "/mcp", &headers, body)).await;
    let mut stream = response.into_body().into_data_stream();
    let last = read_until(&mut stream, "notifications/progress").await;
    probe.entered().await;
    drop(stream);
    probe.let_go();
    while probe.inside() > 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..2 {
        let rest = resume(&wire, &session, &last).await;
        let [answer] = rest.events().try_into().unwrap();
        assert_eq!((&answer["id"], &answer["result"]["isError"]), (&json!(5), &json!(false)));
    }
    let other = wire.session().await;
    for (session, unknown) in [(&session, "99/1"), (&session, "made-up"), (&session, "1/99"), (&other, last.as_str())] {
        let refused = resume(&wire, session, unknown).await;
        assert_eq!(refused.status.as_u16(), 400, "{unknown}");
        assert_eq!(refused.json()["error"]["data"]["code"], "malformed");
    }
    assert_eq!(resume(&wire.by(&app.member), &session, &last).await.status.as_u16(), 404);
}

#[tokio::test]
async fn a_session_is_its_openers_alone() {
    let app = TestApp::start().await;
    let admin = Wire::of(&app, &app.admin);
    let session = admin.session().await;
    for stranger in [&app.member, &app.stranger] {
        let theirs = admin.by(stranger);
        let refused = theirs.within(&session, "tools/list", json!({})).await;
        assert_eq!(refused.status.as_u16(), 404);
        assert_eq!(refused.json()["error"]["data"]["code"], "not_found");
        let headers = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", LEGACY)];
        let deleted = theirs.send(theirs.request(Method::DELETE, "/mcp", &headers, "")).await;
        assert_eq!(deleted.status.as_u16(), 404);
        let listened = [headers[0], headers[1], ("accept", "text/event-stream")];
        let listened = theirs.send(theirs.request(Method::GET, "/mcp", &listened, "")).await;
        assert_eq!(listened.status.as_u16(), 404);
    }
    admin.within(&session, "tools/list", json!({})).await.result();
}

#[tokio::test]
async fn an_ended_session_is_gone() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let session = wire.session().await;
    let headers = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", LEGACY)];
    assert!(wire.send(wire.request(Method::DELETE, "/mcp", &headers, "")).await.status.is_success());
    assert_eq!(wire.within(&session, "tools/list", json!({})).await.status.as_u16(), 404);
    assert_eq!(wire.within("made-up", "tools/list", json!({})).await.status.as_u16(), 404);
}

#[tokio::test]
async fn sessions_are_capped() {
    let app = TestApp::start_with(|settings| settings.config.mcp.session_cap = 2).await;
    let wire = Wire::of(&app, &app.admin);
    let first = wire.session().await;
    wire.session().await;
    let full = wire.initialize().await;
    assert_eq!(full.status.as_u16(), 503);
    assert_eq!(full.json()["error"]["data"]["code"], "unavailable");
    assert!(full.headers.contains_key("retry-after"));
    let headers = [("mcp-session-id", first.as_str()), ("mcp-protocol-version", LEGACY)];
    wire.send(wire.request(Method::DELETE, "/mcp", &headers, "")).await;
    wire.session().await;
}

#[tokio::test]
async fn a_revoked_key_ends_within_its_session() {
    let app = TestApp::start().await;
    let made = app.call(&app.admin, "api_key_create", json!({ "name": "for a session" })).await.unwrap();
    let mut wire = Wire::of(&app, &app.admin);
    wire.key = made["key"].as_str().or_else(|| made["secret"].as_str()).unwrap().to_owned();
    let session = wire.session().await;
    wire.within(&session, "tools/list", json!({})).await.result();
    let id = made["id"].as_str().or_else(|| made["keyId"].as_str()).unwrap();
    app.call(&app.admin, "api_key_revoke", json!({ "id": id })).await.unwrap();
    assert_eq!(wire.within(&session, "tools/list", json!({})).await.status.as_u16(), 401);
}
