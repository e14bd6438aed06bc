//! Clients are told when what they are shown has changed, and only then.

use std::sync::Arc;

use axum::body::BodyDataStream;
use convoke::capability::cx::Cx;
use convoke::capability::outcome::Outcome;
use convoke::capability::permit::Permit;
use convoke::capability::spec::{Domain, Effect};
use convoke::capability::tool::{Card, Definition, Runner, Tool};
use convoke::kernel::fault::Fault;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::pipe::Pipe;
use super::wire::Wire;
use crate::support::app::{Person, TestApp};

struct Guest;

impl Runner for Guest {
    fn run<'a>(&'a self, _: &'a Cx, _: Value) -> BoxFuture<'a, Result<Outcome, Fault>> {
        Box::pin(async { Ok(Outcome::Value(json!(["not", "an", "object"]))) })
    }
}

fn add(app: &TestApp, to: &Person, name: &str) {
    let definition = Definition {
        name: name.to_owned(),
        description: "A guest.".to_owned(),
        domain: Domain::System,
        effect: Effect::Read,
        permit: Permit::Own,
        reaches: false,
        input: Arc::new(json!({ "type": "object", "properties": {} }).as_object().unwrap().clone()),
        output: Arc::new(json!({ "type": "array" }).as_object().unwrap().clone()),
        card: Card::default(),
    };
    assert!(app.app.platform().registry.add(to.tenant, &Arc::new(Tool::added(definition, Arc::new(Guest)))));
}

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

#[tokio::test]
async fn listeners_hear_of_their_own_lists() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let wanted =
        json!({ "notifications": { "toolsListChanged": true, "resourceSubscriptions": ["convoke://tools/guest"] } });
    let response = wire.open(wire.modern_request("/mcp/all", &[], "subscriptions/listen", wanted)).await;
    let mut events = response.into_body().into_data_stream();
    assert_eq!(next(&mut events).await["method"], "notifications/subscriptions/acknowledged");
    // Another tenant's tool is nobody else's news.
    add(&app, &app.stranger, "theirs");
    add(&app, &app.admin, "guest");
    assert_eq!(next(&mut events).await["method"], "notifications/tools/list_changed");
    let called = wire.call("guest", json!({})).await.result();
    assert_eq!(called["structuredContent"], json!({ "result": ["not", "an", "object"] }));
    app.app.platform().registry.withdraw(app.admin.tenant, "guest");
    let told = [next(&mut events).await, next(&mut events).await];
    let methods: Vec<&str> = told.iter().filter_map(|one| one["method"].as_str()).collect();
    assert_eq!(methods, ["notifications/tools/list_changed", "notifications/resources/updated"]);
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
