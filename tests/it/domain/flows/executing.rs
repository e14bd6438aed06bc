//! Executions of flows: here as a process, elsewhere by a runner that reports; figures and health.

use std::time::Duration;

use convoke::domain::executions::working::Worker;
use convoke::kernel::codes;
use serde_json::{Value, json};

use super::{ada, executed, newest, registered};
use crate::support::app::TestApp;
use crate::support::scene;

/// Lets the worker of executions work until a flow's newest execution stands so.
async fn until(app: &TestApp, id: &str, status: &str) -> Value {
    let worker = Worker::new(app.app.gate().clone(), 8).unwrap();
    for _ in 0..500 {
        worker.round().await.unwrap();
        let told = newest(app, id).await;
        if told["status"] == status {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never was {status}: {}", newest(app, id).await);
}

#[tokio::test]
async fn one_that_names_a_process_runs_here_and_stands_as_that_does() {
    let app = TestApp::start().await;
    let told =
        ada(&app, "flow_execute", json!({ "id": "order_follow_up", "parameters": { "order": "A-9" } })).await.unwrap();
    assert_eq!(
        (&told["runs"], &told["status"], &told["whyOutside"]),
        (&json!("here"), &json!("running"), &Value::Null)
    );
    let process = told["processExecutionId"].clone();
    let seen = ada(&app, "execution_get", json!({ "id": process })).await.unwrap();
    assert_eq!((&seen["processId"], &seen["state"]["variables"]["order"]), (&json!("order-payment"), &json!("A-9")));
    let fault = ada(&app, "flow_execution_status", json!({ "id": told["executionId"], "status": "completed" })).await;
    assert_eq!(fault.unwrap_err().code().name, "flow_execution_here");
    app.clock.advance(Duration::from_secs(30));
    let signal = json!({ "id": process, "message": "payment", "correlationKey": "A-9", "payload": { "amount": 20 } });
    ada(&app, "execution_signal", signal).await.unwrap();
    let told = until(&app, "order_follow_up", "completed").await;
    assert_eq!((&told["result"], &told["durationMs"]), (&json!({ "amount": 20 }), &json!(30_000)));
    for (status, count) in [("completed", 1), ("running", 0), ("pending", 0)] {
        let listed = ada(&app, "flow_executions", json!({ "id": "order_follow_up", "status": status })).await.unwrap();
        assert_eq!(listed["items"].as_array().unwrap().len(), count, "{status}");
    }
    let figures = ada(&app, "flow_statistics", json!({ "id": "order_follow_up" })).await.unwrap();
    assert_eq!(
        (&figures["executions"]["completedExecutions"], &figures["averageDurationMs"]),
        (&json!(1), &json!(30_000))
    );
    let other =
        ada(&app, "flow_execute", json!({ "id": "order_follow_up", "parameters": { "order": "A-10" } })).await.unwrap();
    ada(&app, "execution_cancel", json!({ "id": other["processExecutionId"] })).await.unwrap();
    assert_eq!(newest(&app, "order_follow_up").await["status"], "cancelled");
}

#[tokio::test]
async fn a_node_may_be_the_process_and_what_cannot_run_here_waits_and_says_why() {
    let app = TestApp::start().await;
    let node = |process: &str| json!({ "nodes": [{ "id": "begin", "type": "start" }, { "id": "work", "type": "process", "config": { "processId": process } }] });
    registered(&app, "by_node", node("order-payment")).await;
    let told = ada(&app, "flow_execute", json!({ "id": "by_node", "parameters": { "order": "A-1" } })).await.unwrap();
    assert_eq!((&told["runs"], &told["status"]), (&json!("here"), &json!("running")));
    let made = registered(&app, "nowhere", node("no-such-process")).await;
    assert_eq!((&made["runs"], &made["warnings"][0]["rule"]), (&json!("outside"), &json!("process_missing")));
    let told = ada(&app, "flow_execute", json!({ "id": "nowhere" })).await.unwrap();
    assert_eq!((&told["runs"], &told["status"]), (&json!("outside"), &json!("pending")));
    assert!(told["whyOutside"].as_str().unwrap().contains("no-such-process"), "{told}");
    // What does not fit the process is the caller's to mend: nothing is recorded.
    let unfit = ada(&app, "flow_execute", json!({ "id": "by_node", "parameters": { "order": 7 } })).await.unwrap_err();
    assert_eq!(unfit.code().name, "execution_variables_unfit");
    assert_eq!(
        ada(&app, "flow_executions", json!({ "id": "by_node" })).await.unwrap()["items"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_flow_is_no_way_around_the_right_to_start_a_process() {
    let app = TestApp::start().await;
    let key = json!({ "name": "flows only", "scopes": ["flows:read", "flows:create", "processes:read"] });
    let made = ada(&app, "api_key_create", key).await.unwrap();
    let input = json!({ "id": "order_follow_up", "parameters": { "order": "A-2" } });
    let fault = app.call_by_key(made["key"].as_str().unwrap(), "flow_execute", input).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    assert_eq!(ada(&app, "flow_executions", json!({ "id": "order_follow_up" })).await.unwrap()["items"], json!([]));
}

#[tokio::test]
async fn a_runner_reports_and_how_it_ended_stays() {
    let app = TestApp::start().await;
    registered(&app, "elsewhere", json!({})).await;
    let id = executed(&app, "elsewhere", json!({ "symbol": "BTCUSD" })).await;
    let report = async |report: Value| {
        let mut input = json!({ "id": id });
        input.as_object_mut().unwrap().extend(report.as_object().unwrap().clone());
        ada(&app, "flow_execution_status", input).await
    };
    let told = newest(&app, "elsewhere").await;
    assert_eq!(
        (&told["status"], &told["startedAt"], &told["parameters"]["symbol"]),
        (&json!("pending"), &Value::Null, &json!("BTCUSD"))
    );
    report(json!({ "status": "running", "progress": 10, "message": "reads" })).await.unwrap();
    app.clock.advance(Duration::from_secs(90));
    let fault = report(json!({ "status": "running", "error": "?" })).await.unwrap_err();
    assert_eq!(fault.places()[0].pointer, "/error");
    let told =
        report(json!({ "status": "failed", "error": "the feed is down", "result": { "read": 3 } })).await.unwrap();
    assert_eq!(
        (&told["durationMs"], &told["error"], &told["progress"]),
        (&json!(90_000), &json!("the feed is down"), &json!(10.0))
    );
    let again = report(json!({ "status": "failed" })).await.unwrap();
    assert_eq!((&again["changed"], &again["error"]), (&json!(false), &json!("the feed is down")));
    for late in [
        json!({ "status": "completed" }),
        json!({ "status": "running" }),
        json!({ "status": "failed", "error": "other" }),
    ] {
        assert_eq!(report(late.clone()).await.unwrap_err().code().name, "flow_execution_over", "{late}");
    }
    let none = json!({ "id": "0192f0c1-0000-7000-8000-0000000000ff", "status": "running" });
    assert!(ada(&app, "flow_execution_status", none).await.unwrap_err().is(&codes::NOT_FOUND));
    let events = json!({ "topic": "flow_execution.*", "fromPosition": 0, "limit": 100 });
    let told = app.call(&app.admin, "event_replay", events).await.unwrap();
    let topics: Vec<&str> =
        told["items"].as_array().unwrap().iter().map(|one| one["event"]["topic"].as_str().unwrap()).collect();
    assert_eq!(topics, ["flow_execution.started", "flow_execution.progressed", "flow_execution.ended"]);
}

#[tokio::test]
async fn the_runner_that_a_flow_names_sees_and_reports_and_nobody_else() {
    let app = TestApp::start().await;
    app.call(&app.admin, "role_assign", json!({ "role": "member", "userId": scene::BO })).await.unwrap();
    let input = json!({ "id": "theirs", "type": "custom", "nodes": [{ "id": "a" }], "runner": scene::BO });
    app.call(&app.admin, "flow_register", input).await.unwrap();
    let made = app.call(&app.admin, "flow_execute", json!({ "id": "theirs" })).await.unwrap();
    let report = json!({ "id": made["executionId"], "status": "running" });
    assert!(ada(&app, "flow_execution_status", report.clone()).await.unwrap_err().is(&codes::NOT_FOUND));
    let seen = app.call(&app.nobody, "flow_executions", json!({ "id": "theirs", "status": "pending" })).await.unwrap();
    assert_eq!(seen["items"][0]["executionId"], made["executionId"]);
    app.call(&app.nobody, "flow_execution_status", report).await.unwrap();
    // Whose flow it is sees what others executed of it, and may report.
    registered(&app, "mine", json!({})).await;
    let made = app.call(&app.nobody, "flow_execute", json!({ "id": "mine" })).await.unwrap();
    assert_eq!(newest(&app, "mine").await["executionId"], made["executionId"]);
    ada(&app, "flow_execution_status", json!({ "id": made["executionId"], "status": "completed" })).await.unwrap();
}

#[tokio::test]
async fn credentials_must_be_in_the_vault_and_are_never_told() {
    let app = TestApp::start().await;
    let credentials = json!([{ "key": "feed", "secret": "feed-key" }, { "key": "extra", "required": false }]);
    registered(&app, "needs_key", json!({ "credentials": credentials })).await;
    let fault = ada(&app, "flow_execute", json!({ "id": "needs_key" })).await.unwrap_err();
    assert_eq!(
        (fault.code().name, &fault.detail().unwrap()["missing"]),
        ("flow_credential_missing", &json!([{ "key": "feed", "secret": "feed-key" }]))
    );
    app.call(&app.admin, "secret_put", json!({ "name": "feed-key", "value": "sesame-4711" })).await.unwrap();
    let told = ada(&app, "flow_execute", json!({ "id": "needs_key" })).await.unwrap();
    assert_eq!(
        (&told["credentials"][0]["available"], &told["credentials"][1]["available"]),
        (&json!(true), &json!(false))
    );
    assert!(!told.to_string().contains("sesame"), "{told}");
}

#[tokio::test]
async fn figures_tell_rates_durations_days_and_what_changed() {
    let app = TestApp::start().await;
    registered(&app, "counted", json!({})).await;
    let run = async |seconds: u64, status: &str| {
        let id = executed(&app, "counted", json!({})).await;
        ada(&app, "flow_execution_status", json!({ "id": id, "status": "running" })).await.unwrap();
        app.clock.advance(Duration::from_secs(seconds));
        ada(&app, "flow_execution_status", json!({ "id": id, "status": status })).await.unwrap();
    };
    run(10, "failed").await;
    app.clock.advance(Duration::from_hours(24 * 7));
    run(20, "completed").await;
    app.clock.advance(Duration::from_hours(24));
    run(40, "completed").await;
    run(60, "failed").await;
    run(90, "cancelled").await;
    let told = ada(&app, "flow_statistics", json!({ "id": "counted", "days": 7 })).await.unwrap();
    assert_eq!(told["executions"]["totalExecutions"], 4);
    assert_eq!((&told["successRate"], &told["averageDurationMs"]), (&json!(0.6667), &json!(40_000)));
    let days: Vec<String> = told["trend"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| format!("{} {}", day["date"].as_str().unwrap(), day["executions"]))
        .collect();
    assert_eq!(days, ["2026-11-27 1", "2026-11-28 3"]);
    assert_eq!(
        (&told["change"]["executionsBefore"], &told["change"]["successRateChange"]),
        (&json!(1), &json!(0.6667))
    );
    let all = ada(&app, "flow_statistics_global", json!({})).await.unwrap();
    assert_eq!((&all["flows"]["totalFlows"], &all["executions"]["totalExecutions"]), (&json!(4), &json!(7)));
    assert_eq!(
        all["mostFailed"][0],
        json!({ "flowId": "counted", "executions": 5, "failed": 2, "successRate": 0.5, "averageDurationMs": 32_500 })
    );
}

#[tokio::test]
async fn health_tells_what_is_out_of_order() {
    let app = TestApp::start().await;
    let told = ada(&app, "flow_health", json!({})).await.unwrap();
    assert_eq!((&told["status"], &told["problems"][0]["rule"]), (&json!("degraded"), &json!("credential_missing")));
    app.call(&app.admin, "secret_put", json!({ "name": "market_data_api_key", "value": "k" })).await.unwrap();
    let told = ada(&app, "flow_health", json!({})).await.unwrap();
    assert_eq!((&told["status"], &told["problems"], &told["flowsHealthy"]), (&json!("healthy"), &json!([]), &json!(3)));
    app.clock.advance(Duration::from_mins(61));
    let told = ada(&app, "flow_health", json!({})).await.unwrap();
    assert_eq!((&told["status"], &told["pendingTooLong"]), (&json!("degraded"), &json!(1)));
    let patient = ada(&app, "flow_health", json!({ "staleAfterMinutes": 120 })).await.unwrap();
    assert_eq!((&patient["status"], &patient["pendingTooLong"]), (&json!("healthy"), &json!(0)));
    // One that others need is set aside.
    ada(&app, "flow_update", json!({ "id": "risk_management_flow", "status": "inactive" })).await.unwrap();
    let told = ada(&app, "flow_health", json!({ "staleAfterMinutes": 120 })).await.unwrap();
    assert_eq!((&told["status"], &told["problems"][0]["rule"]), (&json!("unhealthy"), &json!("unknown_dependency")));
}
