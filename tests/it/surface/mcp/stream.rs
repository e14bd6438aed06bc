//! A pair of byte streams: what comes in wrong is answered, and what ends, ends at once.

use convoke::surface::mcp::Options;
use serde_json::json;

use super::pipe::Pipe;
use super::wire::{names, problem};
use crate::support::app::TestApp;

#[tokio::test]
async fn speaks_both_eras() {
    let app = TestApp::start().await;
    let mut legacy = Pipe::open(&app);
    let hello = legacy.initialize(json!({})).await;
    assert_eq!(hello["result"]["serverInfo"]["name"], "convoke");
    let tools = legacy.ask("tools/list", json!({})).await;
    let me = legacy.ask("tools/call", json!({ "name": "user_me" })).await;
    legacy.close().await;

    let mut modern = Pipe::open(&app);
    let found = modern.modern("server/discover", json!({})).await;
    assert!(found["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{found}");
    let same = modern.modern("tools/list", json!({})).await;
    assert_eq!(names(&same["result"]["tools"]), names(&tools["result"]["tools"]));
    let same = modern.modern("tools/call", json!({ "name": "user_me" })).await;
    assert_eq!(same["result"]["structuredContent"], me["result"]["structuredContent"]);
    modern.close().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_and_the_connection_lives() {
    let app = TestApp::start_with(|settings| settings.config.server.body_limit_bytes = 4096).await;
    let mut pipe = Pipe::open(&app);
    // Not yet a conversation: the library would give it up.
    pipe.notify("notifications/initialized", json!({})).await;
    pipe.write(b"").await;
    pipe.write(b"not json").await;
    assert_eq!(pipe.read().await["error"]["code"], -32700);
    pipe.initialize(json!({})).await;
    pipe.write(b"{\"jsonrpc\":\"2.0\",").await;
    assert_eq!(pipe.read().await["error"]["code"], -32700);
    pipe.write(b"[]").await;
    assert_eq!(pipe.read().await["error"]["code"], -32600);
    pipe.write(br#"{"jsonrpc":"1.0","id":9,"method":"ping"}"#).await;
    let wrong = pipe.read().await;
    assert_eq!((&wrong["error"]["code"], &wrong["id"]), (&json!(-32600), &json!(9)));
    pipe.write(&vec![b'x'; 100_000]).await;
    let long = pipe.read().await;
    assert_eq!(long["error"]["code"], -32600);
    assert!(long["error"]["message"].as_str().unwrap().contains("4096"));
    assert!(pipe.ask("ping", json!({})).await.get("result").is_some());
    pipe.close().await;
}

#[tokio::test]
async fn ends_with_its_input_also_under_a_listener() {
    let app = TestApp::start().await;
    let mut pipe = Pipe::open(&app);
    let listen = json!({
        "notifications": { "toolsListChanged": true },
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    });
    pipe.send("subscriptions/listen", listen).await;
    assert_eq!(pipe.read().await["method"], "notifications/subscriptions/acknowledged");
    pipe.close().await;
}

#[tokio::test]
async fn takes_toolsets_and_reading_only_from_its_start() {
    let app = TestApp::start().await;
    let options = Options { toolsets: Some(vec!["identity".to_owned()]), read_only: true, ..Options::default() };
    let mut pipe = Pipe::open_with(&app, options);
    pipe.initialize(json!({})).await;
    let tools = names(&pipe.ask("tools/list", json!({})).await["result"]["tools"]);
    assert!(tools.contains(&"user_me".to_owned()) && !tools.contains(&"user_create".to_owned()), "{tools:?}");
    let refused =
        pipe.ask("tools/call", json!({ "name": "user_create", "arguments": { "email": "a@example.org" } })).await;
    assert_eq!(problem(&refused["result"])["code"], "forbidden");
    pipe.close().await;
}

#[tokio::test]
async fn many_requests_at_once_are_all_answered() {
    let app = TestApp::start().await;
    let mut pipe = Pipe::open(&app);
    pipe.initialize(json!({})).await;
    let mut open = std::collections::BTreeSet::new();
    for _ in 0..300 {
        open.insert(pipe.send("tools/call", json!({ "name": "user_me" })).await);
    }
    while !open.is_empty() {
        let answer = pipe.read().await;
        assert!(open.remove(&answer["id"].as_i64().unwrap()));
    }
    pipe.close().await;
}
