//! What goes through, what is in use, what was measured, what would help.

use std::time::Duration;

use serde_json::{Value, json};

use super::{begin, end, over, published, rest, started};
use crate::support::app::{Person, TestApp};

fn wait(id: &str) -> Value {
    json!({ "id": id, "type": "wait", "config": { "message": id } })
}

async fn signal(app: &TestApp, person: &Person, id: &str, message: &str) {
    app.call(person, "execution_signal", json!({ "id": id, "message": message })).await.unwrap();
}

/// A process of two waits, run so often; the first takes a minute and the second an hour.
async fn walked(app: &TestApp, name: &str, times: usize) {
    let nodes = json!([begin(), wait("short"), wait("long"), end("done")]);
    published(app, &app.member, name, nodes, "begin>short short>long long>done", json!({})).await;
    for _ in 0..times {
        let id = started(app, &app.member, &name.to_lowercase(), json!({})).await;
        app.clock.advance(Duration::from_mins(1));
        signal(app, &app.member, &id, "short").await;
        app.clock.advance(Duration::from_hours(1));
        signal(app, &app.member, &id, "long").await;
        assert_eq!(over(app, &app.member, &id).await["status"], "completed");
    }
}

#[tokio::test]
async fn analytics_find_the_bottleneck_and_how_long_it_takes() {
    let app = TestApp::start().await;
    walked(&app, "Walk", 3).await;
    let told = app.call(&app.member, "process_analytics", json!({ "id": "walk" })).await.unwrap();
    assert_eq!((&told["executions"], &told["errorRate"]), (&json!({ "completed": 3 }), &json!(0.0)), "{told:#}");
    assert_eq!(told["durationMs"]["p50"], 3_660_000);
    assert_eq!((&told["bottleneck"]["node"], &told["bottleneck"]["meanMs"]), (&json!("long"), &json!(3_600_000)));
    let short = told["nodes"].as_array().unwrap().iter().find(|node| node["node"] == "short").unwrap();
    assert_eq!((&short["visits"], &short["meanMs"], &short["type"]), (&json!(3), &json!(60_000), &json!("wait")));
    let conformance = &told["conformance"];
    assert_eq!(
        (&conformance["against"], &conformance["conforming"], &conformance["fitness"]),
        (&json!("1.0.0"), &json!(3), &json!(1.0))
    );
    assert_eq!(told["variants"][0]["nodes"], json!(["begin", "short", "long", "done"]));
    let started: u64 =
        told["throughput"].as_array().unwrap().iter().map(|step| step["started"].as_u64().unwrap()).sum();
    assert_eq!(started, 3);
    assert_eq!((&told["lookedAt"]["journals"], &told["lookedAt"]["allJournals"]), (&json!(3), &json!(true)));
    let fault = app.call(&app.stranger, "process_analytics", json!({ "id": "walk" })).await.unwrap_err();
    assert_eq!(fault.code().name, "not_found");
    let key = json!({ "name": "definitions only", "scopes": ["processes:read"] });
    let key = app.call(&app.member, "api_key_create", key).await.unwrap();
    let fault = app.call_by_key(key["key"].as_str().unwrap(), "process_analytics", json!({ "id": "walk" })).await;
    assert_eq!(fault.unwrap_err().code().name, "forbidden");
    let fault =
        app.call(&app.member, "process_analytics", json!({ "id": "walk", "from": "2027-01-01T00:00:00Z" })).await;
    assert_eq!(fault.unwrap_err().places()[0].pointer, "/from");
}

#[tokio::test]
async fn a_failure_and_a_newer_version_show_in_the_figures() {
    let app = TestApp::start().await;
    let look = json!({ "id": "look", "type": "tool", "config": { "tool": "memory_get" }, "input": { "id": "00000000-0000-7000-8000-000000000000" } });
    published(&app, &app.member, "Fails", json!([begin(), look, end("done")]), "begin>look look>done", json!({})).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let id = started(&app, &app.member, "fails", json!({})).await;
        assert_eq!(over(&app, &app.member, &id).await["status"], "failed");
        ids.push(id);
    }
    app.call(&app.member, "execution_recover", json!({ "id": ids[0], "action": "skip" })).await.unwrap();
    rest(&app).await;
    let told = app.call(&app.member, "process_analytics", json!({ "id": "fails" })).await.unwrap();
    assert_eq!(
        (&told["executions"], &told["errorRate"]),
        (&json!({ "completed": 1, "failed": 1 }), &json!(0.5)),
        "{told:#}"
    );
    let point = &told["failurePoints"][0];
    assert_eq!(
        (&point["node"], &point["failed"], &point["codes"]),
        (&json!("look"), &json!(2), &json!({ "not_found": 2 }))
    );
    let kinds: Vec<_> =
        told["conformance"]["deviations"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds, [json!("skipped"), json!("by_hand")]);
    assert_eq!((&told["conformance"]["conforming"], &told["conformance"]["deviating"]), (&json!(1), &json!(1)));
    // Held against a version without the step, nothing that came to it goes as it says.
    let nodes = json!([begin(), wait("word"), end("done")]);
    let edges = json!([{ "from": "begin", "to": "word" }, { "from": "word", "to": "done" }]);
    app.call(&app.member, "process_update", json!({ "id": "fails", "nodes": nodes, "edges": edges })).await.unwrap();
    let newer = app.call(&app.member, "process_publish", json!({ "id": "fails" })).await.unwrap();
    let told = app.call(&app.member, "process_analytics", json!({ "id": "fails" })).await.unwrap();
    assert_eq!(
        (&told["conformance"]["against"], &told["conformance"]["conforming"]),
        (&newer["version"], &json!(0)),
        "{told:#}"
    );
    assert_eq!(told["versions"][0]["version"], "1.0.0");
    let of_new = app
        .call(&app.member, "process_analytics", json!({ "id": "fails", "version": newer["version"] }))
        .await
        .unwrap();
    assert_eq!(of_new["lookedAt"]["executions"], 0);
}

#[tokio::test]
async fn the_pipeline_tells_what_goes_through_and_what_waits() {
    let app = TestApp::start().await;
    app.clock.advance(Duration::from_hours(24));
    walked(&app, "Stroll", 1).await;
    let nodes = json!([begin(), { "id": "bad", "type": "end", "config": { "kind": "error", "code": "broken", "message": "it is" } }]);
    published(&app, &app.member, "Bad", nodes, "begin>bad", json!({})).await;
    for _ in 0..3 {
        started(&app, &app.member, "bad", json!({})).await;
    }
    started(&app, &app.member, "stroll", json!({})).await;
    let told = app.call(&app.member, "execution_pipeline", json!({ "minutes": 120 })).await.unwrap();
    let through = &told["throughput"];
    assert_eq!(
        (&through["started"], &through["completed"], &through["failed"]),
        (&json!(5), &json!(1), &json!(3)),
        "{told:#}"
    );
    assert_eq!((&told["errorRate"], &told["health"], &told["all"]), (&json!(0.75), &json!("failing"), &json!(true)));
    assert_eq!((&through["completedPerHour"], &told["latencyMs"]["p95"]), (&json!(0.5), &json!(3_660_000)));
    assert_eq!(told["failures"], json!([{ "processId": "bad", "node": "bad", "code": "broken", "count": 3 }]));
    assert_eq!(told["trend"].as_array().unwrap().len(), 12);
    let of_one =
        app.call(&app.member, "execution_pipeline", json!({ "minutes": 120, "processId": "Stroll" })).await.unwrap();
    assert_eq!((&of_one["throughput"]["failed"], &of_one["backlog"]["running"]), (&json!(0), &json!(1)));
    assert_eq!(of_one["processes"].as_array().unwrap().len(), 1);
    // Nothing of it is another tenant's business.
    let other = app.call(&app.stranger, "execution_pipeline", json!({ "minutes": 120 })).await.unwrap();
    assert_eq!((&other["health"], &other["throughput"]["started"]), (&json!("idle"), &json!(0)));
}

#[tokio::test]
async fn resources_are_told_and_the_worker_only_to_operators() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), wait("word"), end("done")]);
    published(&app, &app.member, "Resting", nodes, "begin>word word>done", json!({})).await;
    let before = app.call(&app.member, "execution_resources", json!({})).await.unwrap();
    started(&app, &app.member, "resting", json!({})).await;
    let told = app.call(&app.member, "execution_resources", json!({})).await.unwrap();
    let running = |told: &Value| told["executions"]["running"].as_u64().unwrap();
    assert_eq!(running(&told), running(&before) + 1);
    assert!(told.get("worker").is_none() && told.get("queues").is_none());
    let limit = told["limits"].as_array().unwrap().iter().find(|limit| limit["name"] == "tokens").unwrap();
    assert_eq!(limit["most"], 5_000);
    let told = app.call(&app.admin, "execution_resources", json!({})).await.unwrap();
    assert_eq!(
        (&told["worker"]["busy"], &told["queues"][0]["name"], &told["queues"][1]["behindMs"]),
        (&json!(0), &json!("executions"), &json!(0))
    );
    // A step that nobody takes up shows.
    let nodes = json!([begin(), super::keeps("keep", "Geese rest on the lake"), end("done")]);
    published(&app, &app.member, "Lagging", nodes, "begin>keep keep>done", json!({})).await;
    started(&app, &app.member, "lagging", json!({})).await;
    app.clock.advance(Duration::from_secs(7));
    let told = app.call(&app.admin, "execution_resources", json!({})).await.unwrap();
    let work = &told["queues"][1];
    assert_eq!((&work["name"], &work["jobs"], &work["behindMs"]), (&json!("execution_work"), &json!(1), &json!(7_000)));
}

#[tokio::test]
async fn advice_is_of_what_was_measured_and_says_how_much_it_saves() {
    let app = TestApp::start().await;
    let told = app.call(&app.stranger, "execution_optimize", json!({})).await.unwrap();
    assert_eq!((&told["method"], &told["processes"]), (&json!("measured"), &json!([])));
    walked(&app, "Hike", 5).await;
    let told = app.call(&app.member, "execution_optimize", json!({ "processId": "Hike" })).await.unwrap();
    let process = &told["processes"][0];
    assert_eq!(
        (&process["executions"], &process["all"], &process["durationMs"]["p50"]),
        (&json!(5), &json!(true), &json!(3_660_000)),
        "{told:#}"
    );
    let finding = &process["findings"][0];
    assert_eq!((&finding["rule"], &finding["node"]), (&json!("bottleneck"), &json!("long")));
    // Without a name those that ran most are looked at.
    let told = app.call(&app.member, "execution_optimize", json!({})).await.unwrap();
    assert_eq!(told["processes"][0]["processId"], "hike");
    let fault = app.call(&app.stranger, "execution_optimize", json!({ "processId": "hike" })).await.unwrap_err();
    assert_eq!(fault.code().name, "not_found");
    let fault = app.call(&app.member, "execution_optimize", json!({ "processId": "nowhere" })).await.unwrap_err();
    assert_eq!(fault.code().name, "not_found");
}
