//! Answers against forms.

use serde_json::{Value, json};

use super::{answers, code, made, place};
use crate::support::app::TestApp;

fn form() -> Value {
    json!({
        "type": "object", "required": ["amount", "kind"],
        "properties": {
            "amount": { "type": "number", "minimum": 0, "maximum": 500 },
            "kind": { "type": "string", "enum": ["travel", "meal"] },
            "code": { "type": "string", "pattern": "^[A-Z]{3}$" },
            "days": { "type": "array", "items": { "type": "string", "format": "date" }, "maxItems": 2 },
            "place": { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] },
        },
    })
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_refused_with_its_places() {
    let app = TestApp::start().await;
    let id = made(&app, json!({ "title": "Expenses", "form": form() })).await["taskId"].clone();
    for (response, at) in [
        (json!({}), "/response/amount"),
        (json!({ "amount": 700, "kind": "meal" }), "/response/amount"),
        (json!({ "amount": 7, "kind": "car" }), "/response/kind"),
        (json!({ "amount": 7, "kind": "meal", "code": "ab" }), "/response/code"),
        (json!({ "amount": 7, "kind": "meal", "days": ["2026-13-01"] }), "/response/days/0"),
        (json!({ "amount": 7, "kind": "meal", "place": {} }), "/response/place/city"),
        (json!({ "amount": 7, "kind": "meal", "more": 1 }), "/response"),
    ] {
        let refused = answers(&app, &app.member, &id, json!({ "outcome": "approve", "response": response })).await;
        assert_eq!(place(refused), at, "{response}");
    }
    let whole =
        json!({ "amount": 7, "kind": "meal", "code": "ABC", "days": ["2026-11-01"], "place": { "city": "Ulm" } });
    // What is left out may be written as null.
    let mut given = whole.clone();
    given["extra"] = Value::Null;
    let told = answers(&app, &app.member, &id, json!({ "outcome": "approve", "response": given })).await.unwrap();
    assert_eq!(
        (&told["status"], &told["outcome"], &told["response"]),
        (&json!("completed"), &json!("approve"), &whole)
    );
}

#[tokio::test]
async fn outcomes_are_those_of_the_task() {
    let app = TestApp::start().await;
    let plain = made(&app, json!({ "title": "Go?", "outcomes": ["go", "stay"] })).await["taskId"].clone();
    let answer = |input: Value| answers(&app, &app.member, &plain, input);
    assert_eq!(place(answer(json!({ "outcome": "approve" })).await), "/outcome");
    assert_eq!(place(answer(json!({ "response": {} })).await), "/outcome");
    assert_eq!(place(answer(json!({ "outcome": "go", "response": { "a": 1 } })).await), "/response");
    assert_eq!(place(answer(json!({ "outcome": "go", "deferUntil": "2026-12-01T00:00:00Z" })).await), "/deferUntil");
    assert_eq!(answer(json!({ "outcome": "go" })).await.unwrap()["outcome"], "go");
    // A form that decides by itself.
    let fields = json!({ "fields": [{ "name": "decision", "type": "enum", "options": ["Yes, do it", "no"], "required": true }] });
    let own = made(&app, json!({ "title": "Go?", "form": fields })).await["taskId"].clone();
    let answer = |input: Value| answers(&app, &app.member, &own, input);
    assert_eq!(place(answer(json!({ "response": {} })).await), "/response/decision");
    assert_eq!(place(answer(json!({ "outcome": "no", "response": { "decision": "Yes, do it" } })).await), "/outcome");
    assert_eq!(answer(json!({ "response": { "decision": "Yes, do it" } })).await.unwrap()["outcome"], "Yes, do it");
}

#[tokio::test]
async fn a_form_of_another_kind_takes_no_answer_without_one() {
    let app = TestApp::start().await;
    let id = made(&app, json!({ "title": "Go?" })).await["taskId"].clone();
    let input = json!({ "id": id, "comment": "hm" });
    assert_eq!(place(app.call(&app.member, "task_respond", input).await), "/outcome");
    let input = json!({ "id": id, "outcome": "approve" });
    assert_eq!(place(app.call(&app.member, "task_respond", input).await), "/shownHash");
    // Nobody can be asked here: the fault says what an answer needs.
    let refused = app.call(&app.member, "task_respond", json!({ "id": id })).await;
    assert_eq!(code(&refused), "task_answer_needed");
    let fault = refused.unwrap_err();
    assert_eq!(fault.detail().unwrap()["outcomes"], json!(["approve", "reject", "revise", "defer"]));
}
