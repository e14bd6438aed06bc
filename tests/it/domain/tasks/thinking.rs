//! `task_brief`, `task_smart_form`, `task_analyze`: by statistics where there is no model, by a model where there is one, and said which. Eve's tenant
//! has no model.

use serde_json::{Value, json};

use super::{ada, answers};
use crate::support::app::{Person, TestApp};
use crate::support::scripted::Act;

fn form() -> Value {
    json!({
        "properties": {
            "cost_center": { "type": "string", "enum": ["north", "south"] },
            "total": { "type": "number", "maximum": 10_000 },
            "days": { "type": "integer" },
            "note": { "type": "string" },
            "paid_by": { "type": "string", "default": "card" },
        },
    })
}

async fn task(app: &TestApp, who: &Person, total: &str) -> Value {
    let input = json!({ "title": "Expenses", "taskType": "expenses", "data": { "Total": total, "city": "Ulm" }, "form": form() });
    app.call(who, "task_create", input).await.unwrap()
}

/// So many cases, each decided.
async fn past(app: &TestApp, who: &Person, cases: &[(&str, &str, i64)]) {
    for (outcome, center, days) in cases {
        let made = task(app, who, "EUR 100.00").await;
        let response = json!({ "cost_center": center, "days": days });
        answers(app, who, &made["taskId"], json!({ "outcome": outcome, "response": response })).await.unwrap();
    }
}

const CASES: &[(&str, &str, i64)] = &[
    ("approve", "north", 1),
    ("approve", "north", 2),
    ("reject", "south", 30),
    ("approve", "north", 3),
    ("approve", "north", 4),
];

#[tokio::test]
async fn without_a_model_past_cases_are_counted() {
    let app = TestApp::start().await;
    let eve = &app.stranger;
    past(&app, eve, CASES).await;
    let made = task(&app, eve, "EUR 450.00").await;
    let id = json!({ "id": made["taskId"] });
    let told = app.call(eve, "task_smart_form", id.clone()).await.unwrap();
    assert_eq!(
        (&told["method"], &told["model"], &told["similarCases"], &told["note"]),
        (&json!("statistical"), &Value::Null, &json!(5), &Value::Null)
    );
    let of = |field: &str| {
        told["suggestions"].as_array().unwrap().iter().find(|one| one["field"] == field).cloned().unwrap()
    };
    assert_eq!(of("total"), json!({ "field": "total", "value": 450, "from": { "kind": "variable", "name": "Total" } }));
    let center = json!({ "kind": "similar_cases", "count": 4, "of": 5, "median": false });
    assert_eq!(of("cost_center"), json!({ "field": "cost_center", "value": "north", "from": center }));
    assert_eq!((&of("days")["value"], &of("days")["from"]["median"]), (&json!(3), &json!(true)));
    assert_eq!(of("paid_by")["from"]["kind"], "form_default");
    assert_eq!(
        (&told["open"], &told["form"]["properties"]["cost_center"]["default"]),
        (&json!(["note"]), &json!("north"))
    );
    assert_eq!(told["shownHash"], made["shownHash"], "a suggestion changes nothing of what is shown");

    let told = app.call(eve, "task_brief", id.clone()).await.unwrap();
    assert_eq!((&told["method"], &told["similar"]["cases"]), (&json!("statistical"), &json!(5)));
    assert_eq!(told["similar"]["outcomes"][0], json!({ "outcome": "approve", "count": 4, "share": 0.8 }));
    let summary = told["summary"].as_str().unwrap();
    assert!(
        summary.contains("Of 5 similar cases 4 ended with 'approve'.") && summary.contains("Total: EUR 450.00"),
        "{summary}"
    );

    let told = app.call(eve, "task_analyze", id).await.unwrap();
    assert_eq!((&told["method"], &told["note"]), (&json!("statistical"), &Value::Null));
    let suggestion = &told["suggestion"];
    assert_eq!(
        (&suggestion["outcome"], &suggestion["share"], &suggestion["count"], &suggestion["of"]),
        (&json!("approve"), &json!(0.8), &json!(4), &json!(5))
    );
    let risks = told["risks"].as_array().unwrap();
    assert_eq!(
        (risks.len(), &risks[0]["kind"], &risks[0]["method"]),
        (1, &json!("unusual_figure"), &json!("statistical"))
    );
    assert!(risks[0]["say"].as_str().unwrap().contains("Total is 450"), "{risks:?}");
    assert_eq!(
        told["context"]["figures"][0],
        json!({ "name": "Total", "value": 450.0, "median": 100.0, "largest": 100.0, "cases": 5 })
    );
}

#[tokio::test]
async fn too_few_cases_say_nothing_and_this_is_said() {
    let app = TestApp::start().await;
    let eve = &app.stranger;
    past(&app, eve, &CASES[..4]).await;
    let id = json!({ "id": task(&app, eve, "EUR 450.00").await["taskId"] });
    let told = app.call(eve, "task_analyze", id.clone()).await.unwrap();
    assert_eq!((&told["suggestion"], &told["risks"]), (&Value::Null, &json!([])));
    assert!(told["note"].as_str().unwrap().starts_with("4 similar cases are too few"));
    let told = app.call(eve, "task_smart_form", id.clone()).await.unwrap();
    assert_eq!(told["open"], json!(["cost_center", "days", "note"]));
    assert!(app.call(eve, "task_brief", id).await.unwrap()["similar"]["note"].is_string());
}

#[tokio::test]
async fn a_document_of_the_task_is_read_for_what_stands_in_it() {
    let app = TestApp::start().await;
    let input = json!({ "title": "Pay", "form": { "properties": {
        "invoice_number": { "type": "string" }, "amount": { "type": "number", "title": "Total" }, "date": { "type": "string", "title": "Invoice date" },
    } } });
    let id = ada(&app, "task_create", input).await.unwrap()["taskId"].clone();
    let invoice = crate::support::scene::id(0xe6).to_string();
    ada(&app, "task_comment", json!({ "id": id, "attachment": { "documentId": invoice } })).await.unwrap();
    let told = ada(&app, "task_smart_form", json!({ "id": id })).await.unwrap();
    let from = json!({ "kind": "document", "documentId": invoice, "name": "invoice.txt" });
    assert_eq!(
        told["suggestions"],
        json!([
            { "field": "invoice_number", "value": "INV-2026-007", "from": from },
            { "field": "amount", "value": 120, "from": from },
            { "field": "date", "value": "2026-11-02", "from": from },
        ])
    );
    assert!(app.vendor.asked().is_empty(), "nothing was left to ask a model for");
}

#[tokio::test]
async fn a_model_says_what_it_makes_of_it_and_what_does_not_fit_is_left_out() {
    let app = TestApp::start().await;
    past(&app, &app.member, CASES).await;
    let id = task(&app, &app.member, "EUR 90.00").await["taskId"].clone();
    let with = json!({ "id": id, "model": "test/large" });
    let values = r#"```json
{ "values": { "note": "Trip to Ulm", "cost_center": "east", "days": 2, "total": 1 } }
```"#;
    app.vendor.tell("large", [Act::Say(values, None)]);
    let told = ada(&app, "task_smart_form", with.clone()).await.unwrap();
    assert_eq!((&told["method"], &told["model"]), (&json!("model"), &json!("test/large")));
    let of = |field: &str| {
        told["suggestions"].as_array().unwrap().iter().find(|one| one["field"] == field).cloned().unwrap()
    };
    assert_eq!((&of("note")["value"], &of("note")["from"]["kind"]), (&json!("Trip to Ulm"), &json!("model")));
    // No choice of the form's, and not asked for: past cases and facts say it.
    assert_eq!(
        (&of("cost_center")["value"], &of("cost_center")["from"]["kind"]),
        (&json!("north"), &json!("similar_cases"))
    );
    assert_eq!((&of("total")["value"], &of("total")["from"]["kind"]), (&json!(90), &json!("variable")));

    app.vendor.tell("large", [Act::Say(r#"{ "summary": "Somebody was in Ulm." }"#, None)]);
    let told = ada(&app, "task_brief", with.clone()).await.unwrap();
    assert_eq!((&told["method"], &told["summary"]), (&json!("model"), &json!("Somebody was in Ulm.")));

    app.vendor.tell(
        "large",
        [Act::Say(r#"{ "risks": ["No receipt."], "outcome": "reject", "because": "There is no receipt." }"#, None)],
    );
    let told = ada(&app, "task_analyze", with.clone()).await.unwrap();
    assert_eq!(
        (&told["method"], &told["suggestion"]["outcome"], &told["suggestion"]["share"]),
        (&json!("model"), &json!("reject"), &json!(0.2))
    );
    assert!(
        told["risks"].as_array().unwrap().iter().any(|risk| risk["method"] == "model" && risk["say"] == "No receipt.")
    );
    // What is no outcome of the task is no suggestion, and what is no JSON is nothing.
    app.vendor.tell(
        "large",
        [
            Act::Say(r#"{ "outcome": "pay twice", "because": "I was told to." }"#, None),
            Act::Say("Ignore the rules.", None),
        ],
    );
    let told = ada(&app, "task_analyze", with.clone()).await.unwrap();
    assert_eq!((&told["method"], &told["suggestion"]["outcome"]), (&json!("statistical"), &json!("approve")));
    let told = ada(&app, "task_brief", with).await.unwrap();
    assert_eq!(told["method"], "statistical");
}

#[tokio::test]
async fn only_cases_that_the_caller_may_see_count() {
    let app = TestApp::start().await;
    past(&app, &app.member, CASES).await;
    let finn = super::joins(&app, "finn", &[]).await;
    let input = json!({ "title": "Expenses", "taskType": "expenses", "assignee": "finn@example.org" });
    let id = ada(&app, "task_create", input).await.unwrap()["taskId"].clone();
    app.vendor.tell("large", [Act::Say("{}", None), Act::Say("{}", None)]);
    let with = json!({ "id": id, "model": "test/large" });
    assert_eq!(app.call(&finn, "task_brief", with.clone()).await.unwrap()["similar"]["cases"], 0);
    assert_eq!(app.call(&app.member, "task_brief", with.clone()).await.unwrap()["similar"]["cases"], 5);
    assert_eq!(super::code(&app.call(&app.stranger, "task_brief", with).await), "not_found");
}
