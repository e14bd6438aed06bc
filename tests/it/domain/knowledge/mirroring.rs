//! Records as nodes of the graph: made, changed and removed with them, seen like them, put right where they are not as the records say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use convoke::domain::knowledge::mirroring::Worker;
use serde_json::{Value, json};

use super::put;
use crate::support::app::{Person, TestApp};

/// A worker that follows from now on, and what it has found already.
struct Following {
    worker: Worker,
    before: Vec<Value>,
}

impl Following {
    async fn new(app: &TestApp) -> Self {
        let worker = Worker::new(app.app.platform().clone());
        worker.round().await.unwrap();
        // The scene has records of its own, and names what it has not.
        while worker.sweep().await.unwrap() > 0 {}
        let mut before = Vec::new();
        for of in ["agent", "persona", "prompt", "document", "tool"] {
            before.extend(nodes_of(app, &app.admin, of).await.into_iter().map(|node| node["id"].clone()));
        }
        Self { worker, before }
    }

    async fn round(&self) -> usize {
        self.worker.round().await.unwrap()
    }

    async fn sweep(&self) -> usize {
        self.worker.sweep().await.unwrap()
    }

    /// The new nodes of a type, in the order of their names.
    async fn nodes(&self, app: &TestApp, who: &Person, of: &str) -> Vec<Value> {
        let mut found = nodes_of(app, who, of).await;
        found.retain(|node| !self.before.contains(&node["id"]));
        found.sort_by_key(|node| node["name"].to_string());
        found
    }
}

async fn nodes_of(app: &TestApp, who: &Person, of: &str) -> Vec<Value> {
    let found = app.call(who, "graph_search", json!({ "type": of, "limit": 200 })).await.unwrap();
    found["items"].as_array().unwrap().clone()
}

/// What leads from the clerk to where.
async fn ties(app: &TestApp, who: &Person) -> Vec<Value> {
    let query = "MATCH (a:agent {key: 'clerk'})-[r]->(b) RETURN type(r), b.type, b.name ORDER BY type(r), b.name";
    app.call(who, "graph_query", json!({ "query": query })).await.unwrap()["rows"].as_array().unwrap().clone()
}

async fn get(app: &TestApp, node: &Value) -> Value {
    app.call(&app.member, "graph_get", json!({ "id": node["id"] })).await.unwrap()
}

fn clerk() -> Value {
    json!({ "name": "Clerk", "description": "Writes.", "instructions": "Be short.", "model": { "name": "test/large" } })
}

fn with(mut value: Value, more: &Value) -> Value {
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value
}

#[tokio::test]
async fn an_agent_stands_in_the_graph_with_what_it_hangs_together_with() {
    let app = TestApp::start().await;
    let worker = Following::new(&app).await;
    let tools = json!({ "tools": { "names": ["memory_search", "graph_get", "prompt_*"] } });
    app.call(&app.member, "agent_register", with(clerk(), &tools)).await.unwrap();
    assert_eq!(worker.round().await, 1);
    let [agent] = worker.nodes(&app, &app.admin, "agent").await.try_into().unwrap();
    assert_eq!((&agent["name"], &agent["key"]), (&json!("Clerk"), &json!("clerk")));
    let known = get(&app, &agent).await;
    assert_eq!(
        (&known["properties"]["state"], &known["properties"]["toolPatterns"], &known["version"]),
        (&json!("active"), &json!(["prompt_*"]), &json!(1))
    );
    let uses = |tool: &str| json!(["uses", "tool", tool]);
    assert_eq!(ties(&app, &app.admin).await, [uses("graph_get"), uses("memory_search")]);
    // Nothing is written twice, by whoever looks.
    assert_eq!((worker.round().await, worker.sweep().await), (0, 0));
    assert_eq!(get(&app, &agent).await["version"], 1);
    // What somebody relates to it stays; what it uses no more goes, and with it what was named by nothing else.
    put(&app, &app.member, json!({ "nodes": [{ "ref": "x", "type": "Team", "name": "Office" }], "relations": [{ "from": "x", "type": "owns", "to": "agent:clerk" }] })).await;
    let fewer = json!({ "id": "clerk", "name": "Head clerk", "tools": { "names": ["graph_get"] } });
    app.call(&app.member, "agent_update", fewer).await.unwrap();
    assert_eq!(worker.round().await, 1);
    assert_eq!(ties(&app, &app.admin).await, [uses("graph_get")]);
    let known = get(&app, &agent).await;
    assert_eq!((&known["name"], known["relations"].as_array().unwrap().len()), (&json!("Head clerk"), 2));
    assert_eq!((worker.sweep().await, worker.nodes(&app, &app.admin, "tool").await.len()), (1, 1));
    // Events tell of it.
    let told = app.entries(&convoke::capability::events::EVENTS).await;
    let told = told.iter().filter(|event| event["topic"] == "graph.node.upserted" && event["subject"] == agent["id"]);
    assert_eq!(told.count(), 2);
    // Another tenant has none of it.
    assert_eq!(worker.nodes(&app, &app.stranger, "agent").await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_agent_is_tied_to_its_persona_though_nobody_told_of_that() {
    let app = TestApp::start().await;
    let persona =
        json!({ "name": "Billing clerk", "description": "Bills.", "role": "You are a clerk.", "tags": ["bills"] });
    app.call(&app.member, "persona_create", persona).await.unwrap();
    // The worker hears of what comes from here on.
    let worker = Following::new(&app).await;
    app.call(&app.member, "agent_register", with(clerk(), &json!({ "persona": { "id": "Billing clerk" } })))
        .await
        .unwrap();
    assert_eq!(worker.round().await, 1);
    assert_eq!(ties(&app, &app.admin).await, [json!(["has_persona", "persona", "Billing clerk"])]);
    let personas = nodes_of(&app, &app.admin, "persona").await;
    let one = personas.iter().find(|node| node["name"] == "Billing clerk").unwrap();
    assert_eq!(get(&app, one).await["properties"]["tags"], json!(["bills"]));
    assert_eq!((worker.sweep().await, worker.sweep().await), (0, 0));
}

#[tokio::test]
async fn a_document_is_seen_in_the_graph_by_whom_it_is_seen_and_goes_with_it() {
    let app = TestApp::start().await;
    let worker = Following::new(&app).await;
    let upload = async |name: &str, more: Value| {
        let document = STANDARD.encode(format!("This is the text of {name}, about nothing much."));
        app.call(&app.member, "document_upload", with(json!({ "name": name, "document": document }), &more))
            .await
            .unwrap()
    };
    let own = upload("own.txt", json!({})).await;
    let shared = upload("shared.txt", json!({ "visibility": "tenant" })).await;
    assert_eq!(worker.round().await, 2);
    let names = async |who: &Person| {
        worker.nodes(&app, who, "document").await.into_iter().map(|node| node["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&app.member).await, [json!("own.txt"), json!("shared.txt")]);
    // Of the shared one alone events tell.
    let nodes = worker.nodes(&app, &app.member, "document").await;
    let told = app.entries(&convoke::capability::events::EVENTS).await;
    let told = told.iter().filter(|event| event["topic"] == "graph.node.upserted");
    let about: Vec<&Value> = told.map(|event| &event["subject"]).collect();
    let is_told = |node: &Value| about.contains(&&node["id"]);
    assert_eq!(nodes.iter().map(is_told).collect::<Vec<_>>(), [false, true], "{about:?}");
    // What somebody did to a node by hand is put right; what they added stays.
    let [first, second] = worker.nodes(&app, &app.member, "document").await.try_into().unwrap();
    let change = json!({ "nodes": [{ "id": first["id"], "type": "document", "name": "Forged", "properties": { "pages": 99, "mine": 1 } }] });
    put(&app, &app.member, change).await;
    app.call(&app.member, "graph_delete", json!({ "id": second["id"] })).await.unwrap();
    assert_eq!(worker.sweep().await, 2);
    let known = get(&app, &first).await;
    assert_eq!((&known["name"], &known["properties"]["mine"]), (&json!("own.txt"), &json!(1)));
    assert_ne!(known["properties"]["pages"], 99);
    // A document that is gone leaves nothing: neither the node, nor its versions, nor what led to it.
    put(&app, &app.member, json!({ "nodes": [{ "ref": "x", "type": "Topic", "name": "Nothing" }], "relations": [{ "from": "x", "type": "in", "to": first["id"] }] })).await;
    for document in [&own, &shared] {
        app.call(&app.member, "document_delete", json!({ "id": document["documentId"] })).await.unwrap();
    }
    assert_eq!(worker.round().await, 2);
    assert_eq!(names(&app.member).await, Vec::<Value>::new());
    let versions = app.app.platform().store.versions(
        convoke::port::records::Scope::Platform,
        &convoke::port::graph::NODE,
        first["id"].as_str().unwrap().parse().unwrap(),
        10,
    );
    assert_eq!(versions.await.unwrap().len(), 0);
    let topic = worker.nodes(&app, &app.member, "Topic").await;
    assert_eq!(get(&app, &topic[0]).await["relations"], json!([]));
}
