//! People who are asked by their assistant: `task_respond` without an answer asks, in both eras, by a form where the form is flat, else by a page.

use serde_json::{Value, json};

use super::pipe::Pipe;
use super::wire::{Wire, problem};
use crate::support::app::TestApp;

async fn task(app: &TestApp, form: Value) -> Value {
    let input = json!({ "title": "Pay Alder Works?", "data": { "total": "EUR 120.00" }, "form": form });
    app.call(&app.member, "task_create", input).await.unwrap()["taskId"].clone()
}

fn flat() -> Value {
    json!({ "properties": { "amount": { "type": "number", "maximum": 500 }, "code": { "type": "string", "pattern": "^[A-Z]+$" } }, "required": ["amount"] })
}

fn deep() -> Value {
    json!({ "properties": { "site": { "type": "object", "properties": { "city": { "type": "string" } } } } })
}

fn call(id: &Value) -> Value {
    json!({ "name": "task_respond", "arguments": { "id": id } })
}

async fn stands(app: &TestApp, id: &Value) -> Value {
    app.call(&app.member, "task_get", json!({ "id": id })).await.unwrap()
}

#[tokio::test]
async fn the_newest_revision_asks_with_its_answer() {
    let app = TestApp::start().await;
    let mut wire = Wire::of(&app, &app.member);
    wire.capabilities = json!({ "elicitation": {} });
    let id = task(&app, flat()).await;
    let asks = wire.modern("tools/call", call(&id)).await.result();
    assert_eq!(asks["resultType"], "input_required");
    let (key, question) = asks["inputRequests"].as_object().unwrap().iter().next().unwrap();
    let schema = &question["params"]["requestedSchema"];
    assert_eq!(schema["properties"]["outcome"]["enum"], json!(["approve", "reject", "revise"]));
    assert_eq!(schema["properties"]["amount"]["maximum"].as_f64(), Some(500.0));
    assert!(question["params"]["message"].as_str().unwrap().contains("total: EUR 120.00"));
    let answer = |content: Value| {
        let mut again = call(&id);
        again["requestState"] = asks["requestState"].clone();
        again["inputResponses"] = json!({ key: { "action": "accept", "content": content } });
        again
    };
    let done =
        wire.modern("tools/call", answer(json!({ "outcome": "approve", "amount": 7, "comment": "ok" }))).await.result();
    assert_eq!(done["structuredContent"]["status"], "completed");
    let told = stands(&app, &id).await;
    assert_eq!(
        (&told["response"], &told["answers"][0]["comment"], &told["answers"][0]["door"]),
        (&json!({ "amount": 7 }), &json!("ok"), &json!("mcp"))
    );
}

/// What was shown is what is answered: where the task changes in between, the person is asked anew, and the old answer is none.
#[tokio::test]
async fn an_answer_to_an_older_question_is_none() {
    let app = TestApp::start().await;
    let mut wire = Wire::of(&app, &app.member);
    wire.capabilities = json!({ "elicitation": {} });
    let id = task(&app, flat()).await;
    let asks = wire.modern("tools/call", call(&id)).await.result();
    let key = asks["inputRequests"].as_object().unwrap().keys().next().unwrap().clone();
    let attachment = json!({ "url": "https://example.org/warning.pdf" });
    app.call(&app.member, "task_comment", json!({ "id": id, "attachment": attachment })).await.unwrap();
    let mut again = call(&id);
    again["requestState"] = asks["requestState"].clone();
    again["inputResponses"] = json!({ key: { "action": "accept", "content": { "outcome": "approve", "amount": 7 } } });
    let asks = wire.modern("tools/call", again).await.result();
    assert_eq!(asks["resultType"], "input_required", "{asks}");
    assert!(asks["inputRequests"].to_string().contains("warning.pdf"));
    assert_eq!(stands(&app, &id).await["status"], "assigned");
}

#[tokio::test]
async fn the_older_revisions_are_asked_while_the_call_runs() {
    let app = TestApp::start().await;
    let id = task(&app, flat()).await;
    // The pipe speaks as the owner of the installation, who manages tasks.
    let mut pipe = Pipe::open(&app);
    pipe.initialize(json!({ "elicitation": {} })).await;
    for (result, code) in [
        (json!({ "action": "decline" }), "task_answer_declined"),
        (json!({ "action": "cancel" }), "task_answer_declined"),
        (json!({ "action": "accept", "content": { "outcome": "approve", "amount": 7, "code": "abc" } }), "bad_input"),
        (json!({ "action": "accept", "content": { "outcome": "maybe", "amount": 7 } }), "bad_input"),
    ] {
        let call_id = pipe.send("tools/call", call(&id)).await;
        let question = pipe.read().await;
        assert_eq!(question["method"], "elicitation/create");
        pipe.write(json!({ "jsonrpc": "2.0", "id": question["id"], "result": result }).to_string().as_bytes()).await;
        let told = pipe.answer_to(call_id).await["result"].clone();
        assert_eq!(problem(&told)["code"], code, "{result}");
    }
    assert_eq!(stands(&app, &id).await["status"], "assigned");
    let call_id = pipe.send("tools/call", call(&id)).await;
    let question = pipe.read().await;
    let result = json!({ "action": "accept", "content": { "outcome": "reject", "amount": 0 } });
    pipe.write(json!({ "jsonrpc": "2.0", "id": question["id"], "result": result }).to_string().as_bytes()).await;
    assert_eq!(pipe.answer_to(call_id).await["result"]["structuredContent"]["outcome"], "reject");
    pipe.close().await;
}

#[tokio::test]
async fn what_is_not_flat_is_asked_by_a_page() {
    let app = TestApp::start().await;
    let mut wire = Wire::of(&app, &app.member);
    let id = task(&app, deep()).await;
    wire.capabilities = json!({ "elicitation": { "form": {}, "url": {} } });
    let asks = wire.modern("tools/call", call(&id)).await.result();
    let (key, question) = asks["inputRequests"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(question["params"]["mode"], "url");
    assert!(question["params"]["url"].as_str().unwrap().starts_with("http://127.0.0.1:7437/forms/"));
    let mut again = call(&id);
    again["requestState"] = asks["requestState"].clone();
    again["inputResponses"] = json!({ key: { "action": "accept" } });
    // The person opened it: the answer comes from there.
    let told = wire.modern("tools/call", again).await.result();
    assert_eq!(told["structuredContent"]["status"], "assigned");
    wire.capabilities = json!({ "elicitation": { "form": {} } });
    let told = wire.modern("tools/call", call(&id)).await.result();
    assert_eq!(problem(&told)["code"], "task_answer_needed");
}

#[tokio::test]
async fn nobody_is_asked_what_they_may_not_answer() {
    let app = TestApp::start().await;
    let mut wire = Wire::of(&app, &app.member);
    wire.capabilities = json!({ "elicitation": {} });
    let input = json!({ "title": "Pay?", "assignee": "dan@example.org" });
    let id = app.call(&app.member, "task_create", input).await.unwrap()["taskId"].clone();
    assert_eq!(problem(&wire.modern("tools/call", call(&id)).await.result())["code"], "task_not_yours");
}
