//! How runs end before the model is done: limits, loops, budgets, forms that do not fit, faults, and callers who go away.

use convoke::port::models::{ModelFaultKind, Tokens};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::streaming::opened;
use super::{call, calls, calls_using, calls_with, invoke, invoked, register, result, said, said_with, status};
use crate::support::app::TestApp;
use crate::support::scripted::{Act, fault};

fn looks(pages: impl IntoIterator<Item = u32>) -> Vec<Act> {
    let of = |page: u32| calls(&[call(&format!("c{page}"), "prompt_list", json!({ "limit": page }))]);
    pages.into_iter().map(of).collect()
}

#[tokio::test]
async fn each_limit_ends_a_run_with_what_it_has_reached() {
    let app = TestApp::start().await;
    let one = |limits: Value| json!({ "tools": { "names": ["prompt_list"] }, "limits": limits });
    for (name, limits, reason, steps) in [
        ("By steps", json!({ "steps": 2 }), "steps", 2),
        ("By tokens", json!({ "tokens": 25 }), "tokens", 2),
        // Each answer costs 0.0002 dollars.
        ("By money", json!({ "dollars": "0.0005" }), "dollars", 3),
    ] {
        let made = register(&app, &app.member, name, one(limits)).await;
        let mut acts = looks(1..=4);
        acts.insert(0, calls_with("Let me look.", &[call("c9", "prompt_list", json!({ "limit": 9 }))]));
        app.vendor.forget();
        app.vendor.tell("large", acts);
        let answer = invoke(&app, &app.member, made["agentId"].as_str().unwrap(), "Look.").await;
        assert_eq!((&answer["status"], &answer["stopReason"]), (&json!("stopped"), &json!(reason)), "{name}");
        assert_eq!((&answer["steps"], &answer["response"]), (&json!(steps), &json!("Let me look.")), "{name}");
        assert_eq!(answer["executedTools"], json!(["prompt_list"]));
    }
    // An answer is not longer than what is left of the tokens.
    let asked: Vec<Option<u32>> = app.vendor.requests().iter().map(|request| request.max_tokens).collect();
    assert_eq!(asked[2..4], [Some(25), Some(10)]);
}

#[tokio::test]
async fn a_model_that_does_not_answer_in_time_is_given_up() {
    let app = TestApp::start().await;
    register(&app, &app.member, "One", json!({ "tools": { "names": ["prompt_list"] }, "limits": { "seconds": 1 } }))
        .await;
    let mut acts = looks([1]);
    acts.push(Act::Hang(Vec::new()));
    app.vendor.tell("large", acts);
    let answer = invoke(&app, &app.member, "one", "Look.").await;
    assert_eq!((&answer["stopReason"], &answer["steps"]), (&json!("seconds"), &json!(1)));
    app.vendor.runs(0).await;
}

#[tokio::test]
async fn the_same_call_again_and_again_is_told_once_and_then_ends_the_run() {
    let app = TestApp::start().await;
    let limits = json!({ "tools": { "names": ["prompt_list"] }, "limits": { "repeats": 2 } });
    register(&app, &app.member, "One", limits).await;
    app.vendor.tell("large", looks([1, 1, 1, 1, 1]));
    let answer = invoke(&app, &app.member, "one", "Look.").await;
    assert_eq!((&answer["status"], &answer["stopReason"]), (&json!("stopped"), &json!("loop")));
    let codes: Vec<&Value> = answer["toolCalls"].as_array().unwrap().iter().map(|call| &call["code"]).collect();
    assert_eq!(codes, [&Value::Null, &Value::Null, &json!("repeated_call")]);
    assert_eq!(app.vendor.asked().len(), 4);
    let (told, failed) = result(&app.vendor.requests()[3], 0);
    assert!(failed && told.contains("2 times"), "{told}");
    // Who heeds it goes on.
    app.vendor.forget();
    let mut acts = looks([1, 1, 1]);
    acts.push(said("There are some."));
    app.vendor.tell("large", acts);
    let answer = invoke(&app, &app.member, "one", "Look.").await;
    assert_eq!((&answer["stopReason"], &answer["response"]), (&json!("end"), &json!("There are some.")));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_its_form_is_given_back_to_be_mended() {
    let app = TestApp::start().await;
    let output = json!({
        "type": "object", "properties": { "subject": { "type": "string" }, "words": { "type": "integer" } },
        "required": ["subject", "words"], "additionalProperties": false,
    });
    register(&app, &app.member, "One", json!({ "output": output, "limits": { "repairs": 1 } })).await;
    app.vendor.tell("large", [said("{\"subject\": 7}"), said("```json\n{\"subject\": \"Hi\", \"words\": 1}\n```")]);
    let answer = invoke(&app, &app.member, "one", "Write.").await;
    assert_eq!((&answer["output"], &answer["steps"]), (&json!({ "subject": "Hi", "words": 1 }), &json!(2)));
    let requests = app.vendor.requests();
    let form = serde_json::to_value(&requests[0].form).unwrap();
    assert_eq!((&form["type"], &form["schema"]), (&json!("schema"), &output));
    let told = serde_json::to_string(requests[1].messages.last().unwrap()).unwrap();
    assert!(told.contains("/subject") && told.contains("words"), "{told}");

    app.vendor.tell("large", [said("no"), said("{\"subject\": \"Hi\"}")]);
    let fault = invoked(&app, &app.member, json!({ "id": "one", "prompt": "Write." })).await.unwrap_err();
    assert_eq!(fault.code().name, "agent_output_unfit");
    let detail = fault.detail().unwrap();
    assert_eq!((&detail["response"], detail["wrong"].as_array().unwrap().len()), (&json!("{\"subject\": \"Hi\"}"), 1));
    let told = status(&app, &app.member, "one", &detail["executionId"]).await;
    assert_eq!(
        (&told["execution"]["stopReason"], &told["execution"]["fault"]),
        (&json!("failed"), &json!("agent_output_unfit"))
    );
    // What is cut off is not mended but said to be.
    app.vendor.tell("large", [said_with("{\"subj", "length")]);
    let answer = invoke(&app, &app.member, "one", "Write.").await;
    assert_eq!((&answer["stopReason"], answer.get("output")), (&json!("length"), None));
}

#[tokio::test]
async fn a_budget_of_the_agents_holds_and_one_that_is_spent_on_the_way_ends_the_run() {
    let app = TestApp::start().await;
    register(&app, &app.member, "One", json!({ "tools": { "names": ["prompt_list"] } })).await;
    app.call(&app.admin, "model_budget_set", json!({ "scope": "agent:one", "period": "day", "tokens": 1000 }))
        .await
        .unwrap();
    let much = Tokens { input: 900, output: 200, ..Tokens::default() };
    app.vendor.tell("large", [calls_using(&[call("a", "prompt_list", json!({}))], much)]);
    let answer = invoke(&app, &app.member, "one", "Look.").await;
    assert_eq!((&answer["stopReason"], &answer["steps"]), (&json!("budget"), &json!(1)));
    // With nothing reached there is nothing to tell.
    let fault = invoked(&app, &app.member, json!({ "id": "one", "prompt": "Look." })).await.unwrap_err();
    assert_eq!(fault.code().name, "budget_spent");
    assert_eq!(fault.detail().unwrap()["scope"], "agent:one");
    let told = status(&app, &app.member, "one", &Value::Null).await;
    assert_eq!((&told["health"], &told["problems"][0]["code"]), (&json!("unusable"), &json!("budget_spent")));
    // Other agents go on.
    invoke(&app, &app.member, "archivist", "Look.").await;
}

#[tokio::test]
async fn a_fault_of_the_model_is_the_runs_and_is_kept() {
    let app = TestApp::start().await;
    app.vendor.tell("large", looks([1]));
    app.vendor.tell("large", [fault(ModelFaultKind::Refused)]);
    let fault = invoked(&app, &app.member, json!({ "id": "archivist", "prompt": "Look." })).await.unwrap_err();
    assert_eq!(fault.code().name, "content_refused");
    let told = status(&app, &app.member, "archivist", &fault.detail().unwrap()["executionId"]).await;
    let execution = &told["execution"];
    assert_eq!((&execution["fault"], execution["steps"].as_array().unwrap().len()), (&json!("content_refused"), 1));
    let told = status(&app, &app.member, "archivist", &Value::Null).await;
    assert_eq!(told["lastRun"]["status"], "failed");
}

#[tokio::test]
async fn a_run_that_is_called_off_gives_the_model_up_and_is_kept_as_such() {
    let app = TestApp::start().await;
    app.vendor.tell("large", looks([1]));
    app.vendor.tell("large", [Act::Hang(Vec::new())]);
    let cancel = CancellationToken::new();
    let input = json!({ "id": "archivist", "prompt": "Look." });
    let calling = app.call_with(&app.member, "agent_invoke", input, |request| request.cancel = cancel.clone());
    let (reply, ()) = tokio::join!(calling, async {
        app.vendor.asked_times(2).await;
        app.vendor.runs(1).await;
        cancel.cancel();
    });
    assert_eq!(reply.unwrap().result.unwrap_err().code().name, "cancelled");
    app.vendor.runs(0).await;
    let told = app.call(&app.member, "agent_metrics", json!({ "id": "archivist" })).await.unwrap();
    assert_eq!((&told["runs"]["cancelled"], &told["runs"]["total"]), (&json!(1), &json!(1)));
    assert!(told.get("errorRate").is_none() && told.get("latency").is_none(), "{told}");
}

#[tokio::test]
async fn a_key_that_is_revoked_on_the_way_ends_the_run() {
    let app = TestApp::start().await;
    let made = app.call(&app.member, "api_key_create", json!({ "name": "mine" })).await.unwrap();
    app.vendor.tell("large", [Act::Wait]);
    app.vendor.tell("large", looks([1, 2, 3]));
    let calling =
        app.call_by_key(made["key"].as_str().unwrap(), "agent_invoke", json!({ "id": "archivist", "prompt": "x" }));
    let (answer, ()) = tokio::join!(calling, async {
        app.vendor.asked_times(1).await;
        app.call(&app.member, "api_key_revoke", json!({ "id": made["id"] })).await.unwrap();
        app.vendor.let_go(1);
    });
    assert_eq!(answer.unwrap_err().code().name, "key_refused");
    assert_eq!(app.vendor.asked().len(), 1);
}

/// An agent that asks a model which never answers, and makes a persona beside that.
async fn busy(app: &TestApp) {
    let tools = json!({ "names": ["model_complete", "persona_create"], "effects": ["create"] });
    register(app, &app.member, "One", json!({ "tools": tools, "limits": { "seconds": 2 } })).await;
    let wanted = [
        call("a", "model_complete", json!({ "model": "test/third", "prompt": "x" })),
        call("b", "persona_create", json!({ "name": "Clerk", "description": "D.", "role": "A clerk." })),
    ];
    app.vendor.tell("large", [calls(&wanted)]);
    app.vendor.tell("third", [Act::Hang(Vec::new())]);
}

/// What of that a transcript must have.
fn holds_both(execution: &Value, code: &str) {
    let told = execution["steps"][0]["calls"].as_array().unwrap();
    assert_eq!((told.len(), &told[0]["code"], &told[0]["id"]), (2, &json!(code), &json!("a")), "{execution}");
    assert_eq!((told[1].get("code"), &told[1]["failed"]), (None, &json!(false)), "{execution}");
    assert!(told[1]["requestId"].is_string() && told[1]["result"].as_str().unwrap().contains("clerk"), "{execution}");
}

#[tokio::test]
async fn what_tools_did_before_the_time_was_over_is_kept() {
    let app = TestApp::start().await;
    busy(&app).await;
    let answer = invoke(&app, &app.member, "one", "Work.").await;
    assert_eq!((&answer["stopReason"], &answer["executedTools"]), (&json!("seconds"), &json!(["persona_create"])));
    let codes: Vec<&Value> = answer["toolCalls"].as_array().unwrap().iter().map(|call| &call["code"]).collect();
    assert_eq!(codes, [&json!("deadline_exceeded"), &Value::Null]);
    let told = status(&app, &app.member, "one", &answer["executionId"]).await;
    holds_both(&told["execution"], "deadline_exceeded");
    // The run is replayed as it went.
    let again = invoked(&app, &app.member, json!({ "id": "one", "replayOf": answer["executionId"] })).await.unwrap();
    assert_eq!((&again["stopReason"], &again["toolCalls"][1]["tool"]), (&json!("seconds"), &json!("persona_create")));
}

#[tokio::test]
async fn what_tools_did_before_the_run_was_called_off_is_kept() {
    let app = TestApp::start().await;
    busy(&app).await;
    let mut stream = opened(&app, &app.member, json!({ "id": "one", "prompt": "Work." })).await.unwrap();
    let ended = |item: &Value| item["type"] == "tool_ended" && item["id"] == "b";
    while !ended(&stream.next().await.unwrap().unwrap()) {}
    drop(stream);
    let told = status(&app, &app.member, "one", &Value::Null).await;
    assert_eq!(told["lastRun"]["status"], "cancelled");
    let told = status(&app, &app.member, "one", &told["lastRun"]["executionId"]).await;
    holds_both(&told["execution"], "cancelled");
    // That nobody waited is no fault of a tool's.
    let figures = app.call(&app.member, "agent_metrics", json!({ "id": "one" })).await.unwrap();
    assert_eq!(figures["tools"], json!([{ "tool": "persona_create", "calls": 1, "failed": 0 }]));
}
