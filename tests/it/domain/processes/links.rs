//! Links between processes, and what a change affects.

use serde_json::{Value, json};

use super::ada;
use crate::support::app::TestApp;

/// A process that calls another one.
async fn calling(app: &TestApp, name: &str, other: &str, version: Option<&str>, input: Value) {
    let mut config = json!({ "processId": other });
    if let Some(version) = version {
        config["version"] = json!(version);
    }
    let nodes = json!([
        { "id": "begin", "type": "start" },
        { "id": "run", "type": "sub_process", "config": config, "input": input },
        { "id": "done", "type": "end" },
    ]);
    let edges = json!([{ "from": "begin", "to": "run" }, { "from": "run", "to": "done" }]);
    ada(app, "process_create", json!({ "name": name, "nodes": nodes, "edges": edges })).await.unwrap();
}

async fn link(app: &TestApp, id: &str, to: &str, kind: &str) -> Value {
    ada(app, "process_link", json!({ "id": id, "to": to, "kind": kind })).await.unwrap()
}

async fn links(app: &TestApp, id: &str) -> Value {
    ada(app, "process_links", json!({ "id": id })).await.unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["process"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn links_are_given_changed_and_taken_away() {
    let app = TestApp::start().await;
    let told = link(&app, "travel-request", "Trip Booking", "depends_on").await;
    assert_eq!((&told["links"][0]["to"], told["links"].as_array().unwrap().len()), (&json!("trip-booking"), 1));
    let noted = json!({ "id": "travel-request", "to": "trip-booking", "kind": "depends_on", "note": "A contract." });
    let told = ada(&app, "process_link", noted).await.unwrap();
    assert_eq!((&told["links"][0]["note"], told["links"].as_array().unwrap().len()), (&json!("A contract."), 1));
    let incoming = &links(&app, "trip-booking").await["incoming"];
    let given = incoming.as_array().unwrap().iter().find(|one| one["source"] == "given").unwrap();
    assert_eq!(
        (&given["process"], &given["kind"], &given["note"]),
        (&json!("travel-request"), &json!("depends_on"), &json!("A contract."))
    );
    let gone = json!({ "id": "travel-request", "to": "trip-booking", "kind": "depends_on", "remove": true });
    assert_eq!(ada(&app, "process_link", gone.clone()).await.unwrap()["links"], json!([]));
    assert_eq!(ada(&app, "process_link", gone).await.unwrap_err().code().name, "not_found");
    let itself = json!({ "id": "travel-request", "to": "Travel Request", "kind": "feeds" });
    assert_eq!(ada(&app, "process_link", itself).await.unwrap_err().places()[0].pointer, "/to");
    let nowhere = json!({ "id": "travel-request", "to": "nowhere", "kind": "feeds" });
    assert_eq!(ada(&app, "process_link", nowhere).await.unwrap_err().code().name, "not_found");
    let kind = json!({ "id": "travel-request", "to": "trip-booking", "kind": "likes" });
    assert_eq!(ada(&app, "process_link", kind).await.unwrap_err().code().name, "bad_input");
}

#[tokio::test]
async fn a_change_reaches_over_many_steps_in_the_direction_of_each_kind() {
    let app = TestApp::start().await;
    calling(&app, "Year plan", "travel-request", None, json!({ "destination": "Oslo", "manager": "ada" })).await;
    calling(&app, "Report", "trip-booking", Some("1.0.0"), json!({ "destination": "Oslo" })).await;
    // The report is what the year's plan begins with, and booking needs the plan.
    link(&app, "report", "year-plan", "feeds").await;
    link(&app, "trip-booking", "year-plan", "depends_on").await;
    let told = links(&app, "trip-booking").await;
    assert_eq!(names(&told["affects"]), ["report", "travel-request", "year-plan"]);
    let far = &told["affects"][2]["path"];
    assert_eq!(*far, json!([{ "by": "calls", "process": "report" }, { "by": "feeds", "process": "year-plan" }]));
    assert_eq!(
        told["cycles"],
        json!([
            ["trip-booking", "report", "year-plan", "trip-booking"],
            ["trip-booking", "travel-request", "year-plan", "trip-booking"],
        ])
    );
    let told = links(&app, "report").await;
    assert_eq!(names(&told["reliesOn"]), ["trip-booking", "year-plan", "travel-request"]);
    assert_eq!(names(&told["outgoing"]), ["year-plan", "trip-booking"]);
    // Drafts are links, and callers are those that were published.
    assert_eq!(told["outgoing"][1]["source"], "draft");
}

#[tokio::test]
async fn callers_that_the_draft_would_break_are_named_with_node_and_reason() {
    let app = TestApp::start().await;
    calling(&app, "Pinned", "trip-booking", Some("1.0.0"), json!({ "destination": "Oslo" })).await;
    calling(&app, "Drafted", "trip-booking", None, json!({ "destination": "Oslo" })).await;
    ada(&app, "process_publish", json!({ "id": "pinned" })).await.unwrap();
    let told = links(&app, "trip-booking").await;
    let impact = &told["impact"];
    assert_eq!((&impact["step"], &impact["to"]["version"]), (&json!("major"), &json!("2.0.0-draft.2")));
    assert_eq!(names(&impact["callers"]), ["pinned", "travel-request"]);
    let [pinned, request] = impact["callers"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!((&pinned["breaks"], &pinned["nodes"][0]["pinned"]), (&json!(false), &json!("1.0.0")));
    let found = &request["nodes"][0]["breaks"][0];
    assert_eq!(
        (&request["breaks"], &found["rule"], &found["node"]),
        (&json!(true), &json!("missing_input"), &json!("book"))
    );
    assert!(found["say"].as_str().unwrap().contains("nights"));
    // Where the new variable need not be given nothing breaks; where it is of another type it does.
    let change = async |variables: Value| {
        ada(&app, "process_update", json!({ "id": "trip-booking", "variables": variables })).await.unwrap();
        links(&app, "trip-booking").await["impact"]["callers"][1].clone()
    };
    let told =
        change(json!({ "destination": { "schema": { "type": "string" }, "required": true }, "nights": {} })).await;
    assert_eq!(told["breaks"], false);
    let told = change(json!({ "destination": { "schema": { "type": "integer" }, "required": true } })).await;
    assert_eq!(told["nodes"][0]["breaks"][0]["rule"], "type_mismatch");
    let told = change(json!({ "place": { "schema": { "type": "string" } } })).await;
    assert_eq!(told["nodes"][0]["breaks"][0]["rule"], "unknown_input");
}

#[tokio::test]
async fn a_node_that_is_taken_out_is_no_link_any_more() {
    let app = TestApp::start().await;
    let edits = json!([{ "do": "removeNode", "id": "book", "bridge": true }]);
    ada(&app, "process_update", json!({ "id": "travel-request", "edits": edits })).await.unwrap();
    let told = links(&app, "travel-request").await;
    assert_eq!((names(&told["outgoing"]), &told["outgoing"][0]["source"]), (vec!["trip-booking"], &json!("published")));
    // A branch is no link by itself.
    ada(&app, "process_publish", json!({ "id": "travel-request" })).await.unwrap();
    assert_eq!(links(&app, "travel-request").await["outgoing"], json!([]));
    assert_eq!(links(&app, "trip-booking").await["affects"], json!([]));
}
