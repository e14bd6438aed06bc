//! `tool_call` and `tool_read`: a tool called by name is judged as itself; and tools that a tenant adds at run time are found,
//! described and called as built-in ones are, by that tenant alone.

use std::sync::Arc;

use convoke::capability::caches::{CacheBook, NamedCache as _};
use convoke::capability::cx::Cx;
use convoke::capability::outcome::Outcome;
use convoke::capability::permit::Permit;
use convoke::capability::spec::{Domain, Effect};
use convoke::capability::tool::{Card, Definition, Runner, Tool};
use convoke::domain::registry::index::ToolIndex;
use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::support::app::TestApp;

#[tokio::test]
async fn a_tool_called_by_name_answers_as_itself() {
    let app = TestApp::start().await;
    let direct = app.call(&app.member, "user_me", json!({})).await.unwrap();
    for tool in ["tool_read", "tool_call"] {
        let answer = app.call(&app.member, tool, json!({ "name": "user_me", "input": {} })).await.unwrap();
        assert_eq!((&answer["tool"], &answer["result"]), (&json!("user_me"), &direct), "{tool}");
        assert!(answer["metrics"]["durationMs"].is_u64(), "{answer}");
        let bare = app.call(&app.member, tool, json!({ "name": "user_me" })).await.unwrap();
        assert_eq!(bare["result"], direct, "without an input");
    }
}

#[tokio::test]
async fn only_what_reads_is_called_by_the_tool_that_reads() {
    let app = TestApp::start().await;
    let input = json!({ "name": "user_create", "input": { "email": "grace@example.org" } });
    let fault = app.call(&app.admin, "tool_read", input.clone()).await.unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT) && fault.say().contains("tool_call"), "{fault}");
    app.call(&app.admin, "tool_call", input.clone()).await.unwrap();
    let fault = app.call(&app.admin, "tool_call", input).await.unwrap_err();
    assert!(fault.is(&codes::ALREADY_EXISTS), "{fault}");
}

#[tokio::test]
async fn a_name_lends_no_permission() {
    let app = TestApp::start().await;
    let input = json!({ "name": "user_create", "input": { "email": "grace@example.org" } });
    let fault = app.call(&app.nobody, "tool_call", input).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    assert_eq!(fault.detail().unwrap()["permission"], "users:create");
}

struct Greet;

impl Runner for Greet {
    fn run<'a>(&'a self, _: &'a Cx, input: Value) -> BoxFuture<'a, Result<Outcome, Fault>> {
        let greeting = format!("hello {}", input["name"].as_str().unwrap_or_default());
        Box::pin(async move { Ok(Outcome::Value(json!({ "greeting": greeting }))) })
    }
}

fn greet(name: &str) -> Arc<Tool> {
    let schema = |value: Value| -> Arc<Map<String, Value>> { Arc::new(serde_json::from_value(value).unwrap()) };
    let definition = Definition {
        name: name.to_owned(),
        description: "Greets a whale by its name.".to_owned(),
        domain: Domain::Registry,
        effect: Effect::Read,
        permit: Permit::Own,
        reaches: false,
        input: schema(json!({
            "type": "object",
            "properties": { "name": { "type": "string", "maxLength": 20 } },
            "required": ["name"],
            "additionalProperties": false,
        })),
        output: schema(json!({ "type": "object", "properties": { "greeting": { "type": "string" } } })),
        card: Card::default(),
    };
    Arc::new(Tool::added(definition, Arc::new(Greet)))
}

#[tokio::test]
async fn a_tool_added_at_run_time_is_there_for_its_tenant_alone() {
    let app = TestApp::start().await;
    let registry = &app.app.platform().registry;
    let changes = registry.changes();
    app.call(&app.member, "tool_search", json!({ "query": "greet a whale" })).await.unwrap();
    let elsewhere = registry.present().version_of(app.stranger.tenant);
    assert!(registry.add(app.admin.tenant, &greet("whale_greet")));
    assert_eq!(registry.present().version_of(app.stranger.tenant), elsewhere, "what others made of theirs stays good");
    assert_ne!(registry.present().version_of(app.admin.tenant), elsewhere);
    assert!(changes.has_changed().unwrap());

    let found = app.call(&app.member, "tool_search", json!({ "query": "greet a whale" })).await.unwrap();
    assert_eq!(found["tools"][0]["name"], "whale_greet");
    let told = app.call(&app.member, "tool_describe", json!({ "name": "whale_greet" })).await.unwrap();
    assert_eq!(told["inputSchema"]["required"], json!(["name"]));
    let called = app.call(&app.member, "whale_greet", json!({ "name": "Moby" })).await.unwrap();
    assert_eq!(called["greeting"], "hello Moby");
    let forwarded = json!({ "name": "whale_greet", "input": { "name": "Moby" } });
    let called = app.call(&app.member, "tool_read", forwarded).await.unwrap();
    assert_eq!(called["result"]["greeting"], "hello Moby");
    let long = json!({ "name": "a name that is longer than that" });
    assert!(app.call(&app.member, "whale_greet", long).await.unwrap_err().is(&codes::BAD_INPUT));

    let found = app.call(&app.stranger, "tool_search", json!({ "query": "greet a whale" })).await.unwrap();
    assert_ne!(found["tools"][0]["name"], "whale_greet");
    let fault = app.call(&app.stranger, "whale_greet", json!({ "name": "Moby" })).await.unwrap_err();
    assert!(fault.is(&codes::UNKNOWN_TOOL), "{fault}");

    registry.withdraw(app.admin.tenant, "whale_greet");
    let fault = app.call(&app.member, "whale_greet", json!({ "name": "Moby" })).await.unwrap_err();
    assert!(fault.is(&codes::UNKNOWN_TOOL), "{fault}");
    let found = app.call(&app.member, "tool_search", json!({ "query": "greet a whale" })).await.unwrap();
    assert_ne!(found["tools"][0]["name"], "whale_greet");
}

#[tokio::test]
async fn an_index_is_made_anew_only_for_the_tenant_whose_tools_changed() {
    let app = TestApp::start().await;
    let registry = &app.app.platform().registry;
    let (adding, other) = (app.admin.tenant, app.stranger.tenant);
    let (indexes, book) = (ToolIndex::default(), CacheBook::default());
    indexes.list_in(&book);
    let of = |tenant| indexes.of(&registry.present(), tenant);
    let shared = of(other);
    assert!(Arc::ptr_eq(&shared, &of(adding)), "who has added nothing shares one");
    for name in ["whale_greet", "shark_greet", "squid_greet"] {
        assert!(registry.add(adding, &greet(name)));
        assert!(Arc::ptr_eq(&shared, &of(other)), "{name}");
        let own = of(adding);
        assert!(Arc::ptr_eq(&own, &of(adding)), "{name}");
        assert_eq!(&*own.search(name, 1, |_| true)[0].0.name, name);
    }
    assert_eq!(book.all()[0].reading().entries, 2, "what is not in force any more is not kept");
    for name in ["whale_greet", "shark_greet", "squid_greet"] {
        registry.withdraw(adding, name);
    }
    assert!(Arc::ptr_eq(&shared, &of(adding)));
}

#[tokio::test]
async fn a_built_in_tool_cannot_be_replaced() {
    let app = TestApp::start().await;
    assert!(!app.app.platform().registry.add(app.admin.tenant, &greet("user_me")));
    app.call(&app.member, "user_me", json!({})).await.unwrap();
}
