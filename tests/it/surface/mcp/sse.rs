//! The older HTTP+SSE transport.

use axum::body::{Body, BodyDataStream};
use futures::StreamExt as _;
use http::Method;
use serde_json::{Value, json};

use super::wire::{Answer, Wire};
use crate::gate::fixture::{Probe, with};
use crate::support::app::TestApp;

struct Events {
    stream: BodyDataStream,
    text: String,
}

impl Events {
    /// The next event: its name and its data.
    async fn next(&mut self) -> (String, String) {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event = self.text.drain(..end + 2).collect::<String>();
                let of = |field: &str| {
                    event.lines().find_map(|line| line.strip_prefix(field)).map(|text| text.trim().to_owned())
                };
                if let (Some(name), Some(data)) = (of("event:"), of("data:")) {
                    return (name, data);
                }
                continue;
            }
            let chunk = self.stream.next().await.unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn message(&mut self) -> Value {
        let (name, data) = self.next().await;
        assert_eq!(name, "message");
        serde_json::from_str(&data).unwrap()
    }
}

async fn open(wire: &Wire) -> (Events, String) {
    let response =
        wire.open(wire.request(Method::GET, "/sse", &[("accept", "text/event-stream")], Body::empty())).await;
    assert_eq!(response.status().as_u16(), 200);
    let mut events = Events { stream: response.into_body().into_data_stream(), text: String::new() };
    let (name, endpoint) = events.next().await;
    assert_eq!(name, "endpoint");
    (events, endpoint)
}

async fn post(wire: &Wire, endpoint: &str, message: Value) -> Answer {
    wire.send(wire.request(Method::POST, endpoint, &[("content-type", "application/json")], message.to_string())).await
}

fn hello() -> Value {
    let params =
        json!({ "protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params })
}

#[tokio::test]
async fn serves_an_old_client() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let (mut events, endpoint) = open(&wire).await;
    assert_eq!(post(&wire, &endpoint, hello()).await.status.as_u16(), 202);
    assert_eq!(events.message().await["result"]["protocolVersion"], "2024-11-05");
    post(&wire, &endpoint, json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    post(
        &wire,
        &endpoint,
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "user_me" } }),
    )
    .await;
    let answer = events.message().await;
    assert_eq!(answer["id"], 2);
    assert_eq!(answer["result"]["isError"], false);
}

#[tokio::test]
async fn only_so_much_is_open_at_once() {
    let probe = Probe::new();
    let app = TestApp::start_with(with(&probe)).await;
    let wire = Wire::of(&app, &app.admin);
    let (mut events, endpoint) = open(&wire).await;
    post(&wire, &endpoint, hello()).await;
    events.message().await;
    post(&wire, &endpoint, json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    let call = json!({ "name": "fixture_look", "arguments": { "text": "a", "wait": true } });
    let mut taken = 0;
    loop {
        let message =
            json!({ "jsonrpc": "2.0", "id": format!("call {taken}"), "method": "tools/call", "params": call });
        let answer = post(&wire, &endpoint, message).await;
        if answer.status.as_u16() == 503 && probe.inside() >= 128 {
            break;
        }
        taken += usize::from(answer.status.as_u16() == 202);
        assert!(taken <= 150, "{taken} requests are open");
        tokio::task::yield_now().await;
    }
    for _ in 0..taken {
        probe.let_go();
    }
    for _ in 0..taken {
        assert_eq!(events.message().await["result"]["isError"], false);
    }
}

#[tokio::test]
async fn a_stream_is_its_openers_alone_and_bad_messages_are_told() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let (events, endpoint) = open(&wire).await;
    assert_eq!(post(&wire.by(&app.member), &endpoint, hello()).await.status.as_u16(), 404);
    assert_eq!(post(&wire, "/messages?sessionId=made-up", hello()).await.status.as_u16(), 404);
    assert_eq!(post(&wire, "/messages", hello()).await.status.as_u16(), 404);
    let headers = [("content-type", "application/json")];
    let broken = wire.send(wire.request(Method::POST, &endpoint, &headers, "{")).await;
    assert_eq!((broken.status.as_u16(), broken.error()), (400, -32700));
    let odd = wire.send(wire.request(Method::POST, &endpoint, &headers, "[]")).await;
    assert_eq!((odd.status.as_u16(), odd.error()), (400, -32600));
    assert_eq!(wire.send(wire.request(Method::POST, "/sse", &headers, "{}")).await.status.as_u16(), 405);
    drop(events);
    // With the stream goes the session.
    while post(&wire, &endpoint, hello()).await.status.as_u16() != 404 {
        tokio::task::yield_now().await;
    }
}
