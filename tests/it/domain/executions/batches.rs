//! Many executions as one, and executions by time.

use std::time::Duration;

use convoke::domain::schedules::working::Worker as Scheduler;
use serde_json::{Value, json};

use super::{begin, end, published, rest};
use crate::support::app::TestApp;

/// A process that ends well with a number above ten, and fails with another.
async fn sorting(app: &TestApp) {
    let nodes = json!([
        begin(), { "id": "choose", "type": "exclusive" }, end("large"),
        { "id": "small", "type": "end", "config": { "kind": "error", "code": "too_small", "message": "it is small" } },
    ]);
    let input = json!({ "name": "Sorting", "nodes": nodes, "variables": { "number": { "schema": { "type": "integer" }, "required": true }, "unit": {} }, "edges": [
        { "from": "begin", "to": "choose" }, { "from": "choose", "to": "large", "condition": "number > 10" },
        { "from": "choose", "to": "small", "default": true },
    ] });
    app.call(&app.member, "process_create", input).await.unwrap();
    app.call(&app.member, "process_publish", json!({ "id": "sorting" })).await.unwrap();
}

fn items(numbers: &[Value]) -> Vec<Value> {
    numbers
        .iter()
        .map(|number| json!({ "key": format!("number {number}"), "variables": { "number": number } }))
        .collect()
}

async fn listed(app: &TestApp, process: &str) -> usize {
    let told = app.call(&app.member, "execution_list", json!({ "processId": process, "limit": 200 })).await.unwrap();
    told["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn what_cannot_start_is_told_and_the_others_do() {
    let app = TestApp::start().await;
    sorting(&app).await;
    let items = items(&[json!(20), json!(3), json!("many"), json!(11)]);
    let input = json!({ "batchId": "Tuesday", "processId": "sorting", "variables": { "unit": "kg" }, "items": items });
    let told = app.call(&app.member, "execution_batch", input.clone()).await.unwrap();
    assert_eq!(
        (&told["status"], &told["total"], &told["progress"]),
        (&json!("partly_failed"), &json!(4), &json!(1.0)),
        "{told:#}"
    );
    assert_eq!(told["counts"], json!({ "completed": 2, "failed": 1, "refused": 1 }));
    let stands: Vec<_> =
        told["items"].as_array().unwrap().iter().map(|item| item["status"].as_str().unwrap()).collect();
    assert_eq!(stands, ["completed", "failed", "refused", "completed"]);
    assert_eq!(told["items"][1]["failure"]["code"], "too_small");
    assert_eq!(
        (&told["items"][2]["failure"]["code"], &told["items"][2]["key"]),
        (&json!("execution_variables_unfit"), &json!("number \"many\""))
    );
    let first = told["items"][0]["executionId"].clone();
    let one = app.call(&app.member, "execution_get", json!({ "id": first })).await.unwrap();
    assert_eq!(
        (&one["state"]["variables"], &one["parent"]),
        (&json!({ "number": 20, "unit": "kg" }), &told["batchId"])
    );
    // Sent again nothing starts.
    let again = app.call(&app.member, "execution_batch", input).await.unwrap();
    assert_eq!(again, told);
    assert_eq!(listed(&app, "sorting").await, 3);
    let by_name = app.call(&app.member, "execution_batch", json!({ "batchId": "Tuesday" })).await.unwrap();
    let by_id = app.call(&app.member, "execution_batch", json!({ "batchId": told["batchId"] })).await.unwrap();
    assert_eq!((&by_name, &by_id), (&told, &told));
    let children = app.call(&app.member, "execution_list", json!({ "parent": told["batchId"] })).await.unwrap();
    assert_eq!(children["items"].as_array().unwrap().len(), 3);
    let of_one = app.call(&app.member, "execution_dependencies", json!({ "id": first })).await.unwrap();
    assert_eq!(of_one["above"], json!({ "executionId": told["batchId"] }));
}

#[tokio::test]
async fn another_batch_of_the_name_is_refused_and_others_do_not_see_it() {
    let app = TestApp::start().await;
    sorting(&app).await;
    let input = |numbers: &[Value]| json!({ "batchId": "mine", "processId": "sorting", "items": items(numbers) });
    let told = app.call(&app.member, "execution_batch", input(&[json!(20)])).await.unwrap();
    let fault = app.call(&app.member, "execution_batch", input(&[json!(21)])).await.unwrap_err();
    assert_eq!(fault.code().name, "execution_batch_differs");
    for (person, given) in
        [(&app.stranger, json!("mine")), (&app.stranger, told["batchId"].clone()), (&app.admin, json!("mine"))]
    {
        let fault = app.call(person, "execution_batch", json!({ "batchId": given })).await.unwrap_err();
        assert_eq!(fault.code().name, "not_found", "{given}");
    }
    let seen = app.call(&app.admin, "execution_batch", json!({ "batchId": told["batchId"] })).await.unwrap();
    assert_eq!(seen["counts"], json!({ "completed": 1 }));
    let fault = app.call(&app.nobody, "execution_batch", input(&[json!(20)])).await.unwrap_err();
    assert_eq!(fault.code().name, "forbidden");
}

#[tokio::test]
async fn all_or_none_writes_nothing_where_one_cannot_start() {
    let app = TestApp::start().await;
    sorting(&app).await;
    let mut items = items(&[json!(20)]);
    items.push(json!({ "processId": "nowhere" }));
    let input = json!({ "batchId": "all", "processId": "sorting", "allOrNone": true, "items": items });
    let fault = app.call(&app.member, "execution_batch", input).await.unwrap_err();
    assert_eq!(fault.code().name, "execution_batch_unfit");
    assert_eq!(fault.detail().unwrap()["refused"][0]["code"], "not_found");
    assert_eq!(listed(&app, "sorting").await, 0);
    for (input, place) in [
        (json!({ "items": [{ "variables": {} }] }), "/items/0/processId"),
        (json!({ "processId": "sorting" }), "/items"),
        (
            json!({ "batchId": "00000000-0000-7000-8000-000000000000", "processId": "sorting", "items": [{}] }),
            "/batchId",
        ),
    ] {
        let fault = app.call(&app.member, "execution_batch", input).await.unwrap_err();
        assert_eq!((fault.code().name, fault.places()[0].pointer.as_str()), ("bad_input", place));
    }
}

#[tokio::test]
async fn how_far_a_batch_is_is_read_of_its_executions() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), { "id": "word", "type": "wait", "config": { "message": "word" } }, end("done")]);
    published(&app, &app.member, "Waiters", nodes, "begin>word word>done", json!({})).await;
    let input = json!({ "processId": "waiters", "items": [{}, {}, {}, {}] });
    let told = app.call(&app.member, "execution_batch", input).await.unwrap();
    assert_eq!((&told["status"], &told["progress"]), (&json!("running"), &json!(0.0)));
    let id = |number: usize| told["items"][number]["executionId"].clone();
    app.call(&app.member, "execution_signal", json!({ "id": id(0), "message": "word" })).await.unwrap();
    app.call(&app.member, "execution_cancel", json!({ "id": id(1) })).await.unwrap();
    let half = app.call(&app.member, "execution_batch", json!({ "batchId": told["batchId"] })).await.unwrap();
    assert_eq!((&half["status"], &half["progress"]), (&json!("running"), &json!(0.5)));
    assert_eq!(half["counts"], json!({ "cancelled": 1, "completed": 1, "running": 2 }));
}

#[tokio::test]
async fn a_process_is_started_by_time_on_behalf_of_whoever_scheduled_it() {
    let app = TestApp::start().await;
    sorting(&app).await;
    let input = json!({ "processId": "Sorting", "cronExpression": "0 * * * *", "variables": { "number": 12 } });
    let made = app.call(&app.member, "execution_schedule", input.clone()).await.unwrap();
    assert_eq!(
        (&made["processId"], &made["state"], &made["name"]),
        (&json!("sorting"), &json!("active"), &json!("process:sorting"))
    );
    assert!(made.get("tool").is_none() && made.get("version").is_none());
    app.clock.advance(Duration::from_hours(2));
    Scheduler::new(app.app.gate().clone()).round().await.unwrap();
    rest(&app).await;
    let seen = app.call(&app.member, "schedule_get", json!({ "id": made["id"] })).await.unwrap();
    assert_eq!(seen["runs"][0]["status"], "succeeded", "{seen:#}");
    let id = seen["runs"][0]["executionId"].clone();
    let one = app.call(&app.member, "execution_get", json!({ "id": id })).await.unwrap();
    assert_eq!((&one["status"], &one["startedBy"]), (&json!("completed"), &json!(app.member.user)));
    let list = app.call(&app.member, "schedule_list", json!({ "processId": "Sorting" })).await.unwrap();
    assert_eq!(list["items"][0]["id"], made["id"]);
    // What could not be started is not scheduled.
    for (more, code) in [
        (json!({ "variables": {} }), "execution_variables_unfit"),
        (json!({ "variables": { "number": "many" } }), "execution_variables_unfit"),
        (json!({ "processId": "nowhere" }), "not_found"),
        (json!({ "version": "9.0.0" }), "not_found"),
        (json!({ "cronExpression": "never" }), "bad_input"),
    ] {
        let mut input = input.clone();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let fault = app.call(&app.member, "execution_schedule", input).await.unwrap_err();
        assert_eq!(fault.code().name, code, "{more}: {fault}");
    }
    let fault = app.call(&app.stranger, "execution_schedule", input.clone()).await.unwrap_err();
    assert_eq!(fault.code().name, "not_found");
    let fault = app.call(&app.nobody, "execution_schedule", input).await.unwrap_err();
    assert_eq!(fault.code().name, "forbidden");
}

#[tokio::test]
async fn schedules_take_a_process_as_they_take_a_tool() {
    let app = TestApp::start().await;
    sorting(&app).await;
    let input =
        json!({ "processId": "sorting", "version": "1.0.0", "intervalSeconds": 3600, "variables": { "number": 3 } });
    let made = app.call(&app.member, "schedule_create", input.clone()).await.unwrap();
    assert_eq!((&made["processId"], &made["version"]), (&json!("sorting"), &json!("1.0.0")));
    for (more, place) in
        [(json!({ "tool": "event_publish" }), "/processId"), (json!({ "agentId": "archivist" }), "/processId")]
    {
        let mut input = input.clone();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let fault = app.call(&app.member, "schedule_create", input).await.unwrap_err();
        assert_eq!((fault.code().name, fault.places()[0].pointer.as_str()), ("bad_input", place));
    }
    let fault =
        app.call(&app.member, "schedule_update", json!({ "id": made["id"], "version": "1.0.0" })).await.unwrap_err();
    assert_eq!(fault.places()[0].pointer, "/version");
    let fault =
        app.call(&app.member, "schedule_update", json!({ "id": made["id"], "variables": {} })).await.unwrap_err();
    assert_eq!(fault.code().name, "execution_variables_unfit");
    // A run that fails to start is told by the schedule.
    app.call(&app.member, "schedule_trigger", json!({ "id": made["id"], "variables": { "number": 30 } }))
        .await
        .unwrap();
    Scheduler::new(app.app.gate().clone()).round().await.unwrap();
    let seen = app.call(&app.member, "schedule_get", json!({ "id": made["id"] })).await.unwrap();
    assert_eq!(seen["runs"][0]["status"], "succeeded", "{seen:#}");
    let changed = json!({ "id": made["id"], "tool": "event_publish", "variables": { "topic": "a.b", "event": {} } });
    let changed = app.call(&app.member, "schedule_update", changed).await.unwrap();
    assert!(changed.get("processId").is_none() && changed["tool"] == "event_publish", "{changed:#}");
}

#[tokio::test]
async fn an_agent_starts_nothing_that_does_what_it_may_not_do_itself() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), super::keeps("keep", "Moles dig at night"), end("done")]);
    published(&app, &app.member, "Keeping", nodes, "begin>keep keep>done", json!({})).await;
    let flow = json!({ "id": "keeping_flow", "type": "custom", "processId": "keeping" });
    app.call(&app.member, "flow_register", flow).await.unwrap();
    let held = json!({ "processId": "keeping", "hold": true });
    let held = app.call(&app.member, "execution_start", held).await.unwrap()["executionId"].clone();
    let names = ["execution_batch", "execution_schedule", "execution_step", "execution_optimize", "flow_execute"];
    let agent = json!({
        "name": "Starter", "description": "Starts.", "instructions": "Be short.", "model": { "name": "test/large" },
        "tools": { "names": names, "effects": ["read", "create", "change"] },
    });
    app.call(&app.member, "agent_register", agent).await.unwrap();
    let by_agent = async |tool: &str, input: &Value| {
        let input = json!({ "id": "starter", "tool": tool, "input": input });
        app.call(&app.member, "agent_tool_execute", input).await
    };
    let calls = [
        (
            "execution_batch",
            json!({ "processId": "keeping", "allOrNone": true, "items": [{}] }),
            "execution_batch_unfit",
        ),
        ("execution_schedule", json!({ "processId": "keeping", "intervalSeconds": 3600 }), "unknown_tool"),
        ("execution_step", json!({ "id": held, "step": "keep" }), "tool_not_allowed"),
        ("flow_execute", json!({ "id": "keeping_flow" }), "forbidden"),
    ];
    for (tool, input, code) in &calls {
        let fault = by_agent(tool, input).await.unwrap_err();
        assert_eq!(fault.code().name, *code, "{tool}: {fault}");
    }
    let batch = by_agent("execution_batch", &json!({ "processId": "keeping", "items": [{}] })).await.unwrap();
    assert_eq!(batch["result"]["items"][0]["failure"]["code"], "tool_not_allowed", "{batch}");
    // To ask for advice starts nothing.
    by_agent("execution_optimize", &json!({ "processId": "keeping" })).await.unwrap();
    assert_eq!(listed(&app, "keeping").await, 1);
    // What the step does is a tool that it may use.
    let all = [names.as_slice(), ["memory_store", "execution_start"].as_slice()].concat();
    let more = json!({ "id": "starter", "tools": { "names": all, "effects": ["read", "create", "change"] } });
    app.call(&app.member, "agent_update", more).await.unwrap();
    for (tool, input, _) in &calls {
        by_agent(tool, input).await.unwrap_or_else(|fault| panic!("{tool}: {fault}"));
    }
}
