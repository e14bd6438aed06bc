//! Flows that depend on flows: circles, order, what must be done before, results that are handed on, races.

use serde_json::{Value, json};

use super::{ada, completed, executed, newest, registered};
use crate::support::app::TestApp;

async fn depends(app: &TestApp, id: &str, other: &str) -> Result<Value, convoke::kernel::fault::Fault> {
    ada(app, "flow_dependency_add", json!({ "id": id, "dependsOnFlowId": other })).await
}

#[tokio::test]
async fn a_circle_is_refused_and_shown() {
    let app = TestApp::start().await;
    for id in ["a", "b", "c", "d"] {
        registered(&app, id, json!({})).await;
    }
    for (id, other) in [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")] {
        depends(&app, id, other).await.unwrap();
    }
    let fault = depends(&app, "d", "a").await.unwrap_err();
    assert_eq!(
        (fault.code().name, &fault.detail().unwrap()["cycle"]),
        ("flow_dependency_cycle", &json!(["d", "a", "c", "d"]))
    );
    let fault = depends(&app, "d", "d").await.unwrap_err();
    assert_eq!(fault.detail().unwrap()["cycle"], json!(["d", "d"]));
    // By an update, too, and by what would be validated.
    let circle = json!([{ "dependsOnFlowId": "b" }]);
    let fault = ada(&app, "flow_update", json!({ "id": "c", "dependencies": circle })).await.unwrap_err();
    assert_eq!(fault.detail().unwrap()["cycle"], json!(["c", "b", "c"]));
    let told = ada(&app, "flow_validate", json!({ "id": "c", "dependencies": circle })).await.unwrap();
    assert_eq!((&told["cycle"], &told["errors"][0]["rule"]), (&json!(["c", "b", "c"]), &json!("dependency_cycle")));
    let told = ada(&app, "flow_dependencies", json!({ "id": "a" })).await.unwrap();
    assert_eq!(told["order"], json!(["d", "c", "b", "a"]));
    let edges: Vec<String> = told["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["flowId"], one["dependsOnFlowId"], one["depth"]).replace('"', ""))
        .collect();
    assert_eq!(edges, ["a b 1", "a c 1", "b c 2", "c d 2"]);
    assert_eq!(told["dependents"], json!([]));
    let near = ada(&app, "flow_dependencies", json!({ "id": "a", "transitive": false })).await.unwrap();
    assert_eq!((near["dependencies"].as_array().unwrap().len(), near["flows"].as_array().unwrap().len()), (2, 2));
    let above = ada(&app, "flow_dependencies", json!({ "id": "c" })).await.unwrap();
    let above: Vec<&Value> = above["dependents"].as_array().unwrap().iter().map(|one| &one["flowId"]).collect();
    assert_eq!(above, [&json!("a"), &json!("b")]);
    // The same dependency again is nothing new.
    let again = depends(&app, "a", "b").await.unwrap();
    assert_eq!((&again["changed"], again["dependencies"].as_array().unwrap().len()), (&json!(false), 2));
}

#[tokio::test]
async fn what_others_need_is_not_archived() {
    let app = TestApp::start().await;
    let fault = ada(&app, "flow_archive", json!({ "id": "risk_management_flow" })).await.unwrap_err();
    assert_eq!(
        (fault.code().name, &fault.detail().unwrap()["dependents"]),
        ("flow_needed", &json!(["ai_trading_analysis"]))
    );
    ada(&app, "flow_archive", json!({ "id": "ai_trading_analysis" })).await.unwrap();
    ada(&app, "flow_archive", json!({ "id": "risk_management_flow" })).await.unwrap();
    // What it needs must be in use again first.
    let back = json!({ "id": "ai_trading_analysis", "status": "active" });
    let fault = ada(&app, "flow_update", back.clone()).await.unwrap_err();
    assert_eq!(fault.detail().unwrap()["errors"][0]["rule"], "unknown_dependency");
    ada(&app, "flow_update", json!({ "id": "risk_management_flow", "status": "active" })).await.unwrap();
    ada(&app, "flow_update", back).await.unwrap();
}

#[tokio::test]
async fn of_two_that_would_close_a_circle_at_once_one_is_refused() {
    let app = TestApp::start().await;
    for round in 0..10 {
        let [one, other] = ["x", "y"].map(|name| format!("{name}{round}"));
        registered(&app, &one, json!({})).await;
        registered(&app, &other, json!({})).await;
        let (first, second) = tokio::join!(depends(&app, &one, &other), depends(&app, &other, &one));
        let refused = [&first, &second].into_iter().filter(|one| one.is_err()).count();
        assert_eq!(refused, 1, "{first:?} {second:?}");
        let fault = first.err().or_else(|| second.err()).unwrap();
        assert_eq!(fault.code().name, "flow_dependency_cycle");
        // And one is not archived while another comes to need it.
        let (left, right) = (format!("l{round}"), format!("r{round}"));
        registered(&app, &left, json!({})).await;
        registered(&app, &right, json!({})).await;
        let archive = ada(&app, "flow_archive", json!({ "id": right }));
        let (first, second) = tokio::join!(archive, depends(&app, &left, &right));
        assert!(first.is_err() != second.is_err(), "{first:?} {second:?}");
    }
}

#[tokio::test]
async fn what_a_flow_needs_must_have_completed() {
    let app = TestApp::start().await;
    registered(&app, "first", json!({})).await;
    registered(&app, "second", json!({ "dependencies": [{ "dependsOnFlowId": "first" }] })).await;
    let unmet = async |why: &str| {
        let fault = ada(&app, "flow_execute", json!({ "id": "second" })).await.unwrap_err();
        assert_eq!(fault.code().name, "flow_dependency_unmet");
        let told = &fault.detail().unwrap()["unmet"][0];
        assert!(told["why"].as_str().unwrap().contains(why), "{told}");
    };
    unmet("never").await;
    let execution = executed(&app, "first", json!({})).await;
    unmet("never").await;
    let failed = json!({ "id": execution, "status": "failed", "error": "no feed" });
    ada(&app, "flow_execution_status", failed).await.unwrap();
    unmet("failed").await;
    completed(&app, "first", json!({})).await;
    let told = ada(&app, "flow_execute", json!({ "id": "second" })).await.unwrap();
    assert_eq!(
        told["dependencies"],
        json!([{ "dependsOnFlowId": "first", "dependencyType": "prerequisite", "state": "met" }])
    );
    // One that is under way, or was called off, changes nothing.
    let execution = executed(&app, "first", json!({})).await;
    ada(&app, "flow_execute", json!({ "id": "second" })).await.unwrap();
    ada(&app, "flow_execution_status", json!({ "id": execution, "status": "cancelled" })).await.unwrap();
    ada(&app, "flow_execute", json!({ "id": "second" })).await.unwrap();
}

#[tokio::test]
async fn conditions_are_held_against_results_and_parameters_and_data_is_handed_on() {
    let app = TestApp::start().await;
    registered(&app, "risk", json!({})).await;
    registered(&app, "prices", json!({})).await;
    let dependencies = json!([
        { "dependsOnFlowId": "risk", "condition": "risk_approved and result.score < limit" },
        { "dependsOnFlowId": "order_follow_up", "dependencyType": "conditional", "condition": "parameters.urgent" },
        { "dependsOnFlowId": "prices", "dependencyType": "data", "parameter": "prices" },
    ]);
    registered(&app, "trade", json!({ "dependencies": dependencies })).await;
    completed(&app, "prices", json!({ "BTCUSD": 45_000 })).await;
    completed(&app, "risk", json!({ "risk_approved": true, "score": 0.4 })).await;
    let execute =
        async |parameters: Value| ada(&app, "flow_execute", json!({ "id": "trade", "parameters": parameters })).await;
    let fault = execute(json!({ "limit": 0.3 })).await.unwrap_err();
    assert_eq!(fault.detail().unwrap()["unmet"][0]["dependsOnFlowId"], "risk");
    let fault = execute(json!({ "limit": 0.5, "urgent": true })).await.unwrap_err();
    assert_eq!(fault.detail().unwrap()["unmet"][0]["dependsOnFlowId"], "order_follow_up");
    let told = execute(json!({ "limit": 0.5 })).await.unwrap();
    let states: Vec<&str> =
        told["dependencies"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["met", "not_applicable", "met"]);
    assert_eq!(told["parameters"], json!({ "limit": 0.5, "prices": { "BTCUSD": 45_000 } }));
    assert_eq!(newest(&app, "trade").await["inputs"], json!({ "prices": { "BTCUSD": 45_000 } }));
    // What the caller gives is not overwritten.
    let told = execute(json!({ "limit": 0.5, "prices": 1 })).await.unwrap();
    assert_eq!((&told["parameters"]["prices"], &told["inputs"]["prices"]["BTCUSD"]), (&json!(1), &json!(45_000)));
}

#[tokio::test]
async fn a_dependency_is_no_way_to_read_what_another_s_execution_brought() {
    let app = TestApp::start().await;
    let input = json!({ "id": "theirs", "type": "custom", "nodes": [{ "id": "a" }] });
    app.call(&app.admin, "flow_register", input).await.unwrap();
    let told = app.call(&app.admin, "flow_execute", json!({ "id": "theirs" })).await.unwrap();
    let report = json!({ "id": told["executionId"], "status": "completed", "result": { "figure": "hidden" } });
    app.call(&app.admin, "flow_execution_status", report).await.unwrap();
    registered(&app, "plain", json!({ "dependencies": [{ "dependsOnFlowId": "theirs" }] })).await;
    let told = ada(&app, "flow_execute", json!({ "id": "plain" })).await.unwrap();
    assert!(!told.to_string().contains("hidden"), "{told}");
    let reads = json!([{ "dependsOnFlowId": "theirs", "dependencyType": "data" }]);
    registered(&app, "reads", json!({ "dependencies": reads })).await;
    let fault = ada(&app, "flow_execute", json!({ "id": "reads" })).await.unwrap_err();
    assert_eq!(fault.code().name, "flow_dependency_unmet");
    assert_eq!(ada(&app, "flow_executions", json!({ "id": "theirs" })).await.unwrap()["items"], json!([]));
}
