//! Clients are told when what they are shown has changed, and only then.

use axum::body::BodyDataStream;
use futures::StreamExt as _;
use http::Method;
use serde_json::{Value, json};

use super::pipe::Pipe;
use super::wire::{LEGACY, Wire};
use crate::support::app::TestApp;
use crate::support::guests::add;

async fn next(stream: &mut BodyDataStream) -> Value {
    loop {
        let chunk = stream.next().await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&chunk).into_owned();
        if let Some(message) =
            text.lines().find_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok())
        {
            return message;
        }
    }
}

/// What a listener is told first.
async fn acknowledged(stream: &mut BodyDataStream) -> Value {
    let told = next(stream).await;
    assert_eq!(told["method"], "notifications/subscriptions/acknowledged");
    told["params"]["notifications"].clone()
}

async fn listen(wire: &Wire, notifications: Value) -> BodyDataStream {
    let wanted = json!({ "notifications": notifications });
    let response = wire.open(wire.modern_request("/mcp/all", &[], "subscriptions/listen", wanted)).await;
    assert_eq!(response.status().as_u16(), 200);
    response.into_body().into_data_stream()
}

/// Reads to the end.
async fn ends(mut stream: BodyDataStream) {
    while let Some(chunk) = stream.next().await {
        chunk.unwrap();
    }
}

#[tokio::test]
async fn listeners_hear_of_their_own_lists() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    add(&app, &app.admin, "guest");
    let mut events =
        listen(&wire, json!({ "toolsListChanged": true, "resourceSubscriptions": ["convoke://tools/guest"] })).await;
    acknowledged(&mut events).await;
    // Another tenant's tool is nobody else's news.
    add(&app, &app.stranger, "theirs");
    add(&app, &app.admin, "second_guest");
    assert_eq!(next(&mut events).await["method"], "notifications/tools/list_changed");
    let called = wire.call("guest", json!({})).await.result();
    assert_eq!(called["structuredContent"], json!({ "result": ["not", "an", "object"] }));
    app.app.platform().registry.withdraw(app.admin.tenant, "guest");
    let told = [next(&mut events).await, next(&mut events).await];
    let methods: Vec<&str> = told.iter().filter_map(|one| one["method"].as_str()).collect();
    assert_eq!(methods, ["notifications/tools/list_changed", "notifications/resources/updated"]);
}

#[tokio::test]
async fn what_one_may_not_read_is_not_followed() {
    let app = TestApp::start().await;
    let uris = json!(["convoke://tools/user_create", "convoke://tools/user_me", "convoke://tools/made_up", "made-up"]);
    let nobody = Wire::of(&app, &app.nobody);
    let mut events = listen(&nobody, json!({ "resourceSubscriptions": uris })).await;
    let accepted = acknowledged(&mut events).await;
    assert_eq!(accepted["resourceSubscriptions"], json!(["convoke://tools/user_me"]));

    let mut pipe = Pipe::open(&app);
    let listen = json!({
        "notifications": { "resourceSubscriptions": uris },
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    });
    pipe.send("subscriptions/listen", listen).await;
    let accepted = pipe.read().await["params"]["notifications"]["resourceSubscriptions"].clone();
    assert_eq!(accepted, json!(["convoke://tools/user_create", "convoke://tools/user_me"]));
    pipe.close().await;
}

#[tokio::test]
async fn listeners_hear_when_they_may_do_more_or_less() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.nobody);
    let mut events = listen(&wire, json!({ "toolsListChanged": true })).await;
    acknowledged(&mut events).await;
    let session = wire.session().await;
    let headers =
        [("mcp-session-id", session.as_str()), ("mcp-protocol-version", LEGACY), ("accept", "text/event-stream")];
    let response = wire.open(wire.request(Method::GET, "/mcp", &headers, "")).await;
    let mut notices = response.into_body().into_data_stream();
    let few = wire.tools_at("/mcp/all", &[]).await.len();
    let assign = json!({ "userId": app.nobody.user, "role": "admin" });
    app.call(&app.admin, "role_assign", assign.clone()).await.unwrap();
    assert_eq!(next(&mut events).await["method"], "notifications/tools/list_changed");
    assert_eq!(next(&mut notices).await["method"], "notifications/tools/list_changed");
    assert!(wire.tools_at("/mcp/all", &[]).await.len() > few);
    app.call(&app.admin, "role_revoke", assign).await.unwrap();
    assert_eq!(next(&mut events).await["method"], "notifications/tools/list_changed");
    assert_eq!(wire.tools_at("/mcp/all", &[]).await.len(), few);
}

#[tokio::test]
async fn no_stream_outlives_its_key() {
    let app = TestApp::start().await;
    let made = app.call(&app.admin, "api_key_create", json!({ "name": "for streams" })).await.unwrap();
    let mut wire = Wire::of(&app, &app.admin);
    wire.key = made["key"].as_str().or_else(|| made["secret"].as_str()).unwrap().to_owned();
    let mut listener = listen(&wire, json!({ "toolsListChanged": true })).await;
    acknowledged(&mut listener).await;
    let session = wire.session().await;
    let headers =
        [("mcp-session-id", session.as_str()), ("mcp-protocol-version", LEGACY), ("accept", "text/event-stream")];
    let notices = wire.open(wire.request(Method::GET, "/mcp", &headers, "")).await;
    let old = wire.open(wire.request(Method::GET, "/sse", &[("accept", "text/event-stream")], "")).await;
    assert_eq!((notices.status().as_u16(), old.status().as_u16()), (200, 200));
    let id = made["id"].as_str().or_else(|| made["keyId"].as_str()).unwrap();
    app.call(&app.admin, "api_key_revoke", json!({ "id": id })).await.unwrap();
    ends(listener).await;
    ends(notices.into_body().into_data_stream()).await;
    ends(old.into_body().into_data_stream()).await;
}

#[tokio::test]
async fn streams_are_capped_for_all_and_for_each() {
    let app = TestApp::start_with(|settings| settings.config.mcp.stream_cap = 8).await;
    let wire = Wire::of(&app, &app.admin);
    let listener = listen(&wire, json!({ "toolsListChanged": true })).await;
    let old = [("accept", "text/event-stream")];
    let second = wire.open(wire.request(Method::GET, "/sse", &old, "")).await;
    assert_eq!(second.status().as_u16(), 200);
    let wanted = json!({ "notifications": { "toolsListChanged": true } });
    let third = wire.modern("subscriptions/listen", wanted).await;
    assert_eq!(third.status.as_u16(), 503);
    assert_eq!(third.json()["error"]["data"]["code"], "unavailable");
    assert_eq!(wire.send(wire.request(Method::GET, "/sse", &old, "")).await.status.as_u16(), 503);
    let session = wire.session().await;
    let headers = [("mcp-session-id", session.as_str()), ("mcp-protocol-version", LEGACY), old[0]];
    assert_eq!(wire.send(wire.request(Method::GET, "/mcp", &headers, "")).await.status.as_u16(), 503);
    // Everybody else has their own share.
    let other = listen(&wire.by(&app.member), json!({ "toolsListChanged": true })).await;
    drop((listener, other));
    while wire.open(wire.request(Method::GET, "/sse", &old, "")).await.status().as_u16() != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn sessions_hear_of_their_own_lists() {
    let app = TestApp::start().await;
    let options = convoke::surface::mcp::Options { toolsets: Some(vec!["all".to_owned()]), ..Default::default() };
    let mut pipe = Pipe::open_with(&app, options);
    pipe.initialize(json!({})).await;
    pipe.ask("ping", json!({})).await;
    add(&app, &app.stranger, "theirs");
    add(&app, &app.admin, "guest");
    assert_eq!(pipe.read().await["method"], "notifications/tools/list_changed");
    assert_eq!(pipe.read().await["method"], "notifications/resources/list_changed");
    pipe.ask("resources/subscribe", json!({ "uri": "convoke://tools/guest" })).await;
    app.app.platform().registry.withdraw(app.admin.tenant, "guest");
    let told = [pipe.read().await, pipe.read().await];
    assert_eq!(told[1]["method"], "notifications/resources/updated");
    assert_eq!(told[1]["params"]["uri"], "convoke://tools/guest");
    pipe.close().await;
}
