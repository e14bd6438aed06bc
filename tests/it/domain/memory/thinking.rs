//! What a model does where one is there: it divides texts into facts and tells of those that are alike whether they say the same.

use convoke::port::models::ModelFaultKind;
use serde_json::{Value, json};

use super::{ada, code, fact, store, texts};
use crate::support::app::TestApp;
use crate::support::scripted::{Act, fault};

const SEVERAL: &str = "Anna moved to Oslo in 2024. She does not eat meat. Her desk stands by the window.";

fn says(app: &TestApp, answer: &Value) {
    app.vendor.tell("small", [Act::Say(format!("```json\n{answer}\n```").leak(), None)]);
}

fn all(told: &Value) -> Vec<&str> {
    let further = told["further"].as_array().map(Vec::as_slice).unwrap_or_default();
    let memories = std::iter::once(told).chain(further).map(|one| one["memory"]["text"].as_str().unwrap());
    memories.collect()
}

#[tokio::test]
async fn a_text_is_divided_into_facts_that_it_bears_out_and_nothing_is_lost() {
    let app = TestApp::start().await;
    says(
        &app,
        &json!({ "facts": [
            { "text": "Anna moved to Oslo", "quote": "Anna moved to Oslo in 2024", "subject": "Anna", "kind": "event",
              "validFrom": "2024-01-01" },
            { "text": "Anna is a vegetarian and does not eat meat", "quote": "She does not eat meat", "subject": "Anna",
              "kind": "preference" },
            { "text": "Anna's desk is number 7", "quote": "Her desk stands by the window", "subject": "Anna", "kind": "fact" }
        ] }),
    );
    let source = json!({ "uri": "mailto:anna@example.com", "title": "A mail" });
    let told = store(&app, json!({ "text": SEVERAL, "tags": ["people"], "source": source })).await;
    assert_eq!(
        all(&told),
        ["Anna moved to Oslo", "Anna is a vegetarian and does not eat meat", "Her desk stands by the window."]
    );
    assert_eq!((&told["method"], &told["partial"]), (&json!("model"), &json!(null)));
    let first = &told["memory"];
    assert_eq!(
        (&first["kind"], &first["tags"], &first["trust"]),
        (&json!("event"), &json!(["people", "anna"]), &json!("stated"))
    );
    assert_eq!(first["validFrom"], "2024-01-01T00:00:00.000Z");
    let quoted =
        json!([{ "uri": "mailto:anna@example.com", "title": "A mail", "quote": "Anna moved to Oslo in 2024" }]);
    assert_eq!(first["sources"], quoted);
    // A word of the model's own was not said by anybody.
    assert_eq!(told["further"][0]["memory"]["trust"], "inferred");
    assert_eq!(told["further"][1]["memory"]["trust"], "stated");
    let asked = format!("{:?}", app.vendor.requests()[0]);
    assert!(asked.contains("<text>") && asked.contains("2026-11-20"), "{asked}");
    // The same once more changes nothing but how often it was said.
    says(
        &app,
        &json!({ "facts": [{ "text": "Anna moved to Oslo", "quote": "Anna moved to Oslo in 2024", "kind": "event" }] }),
    );
    let again = store(&app, json!({ "text": SEVERAL })).await;
    assert_eq!((&again["action"], &again["memory"]["timesSaid"]), (&json!("merged"), &json!(2)));
}

#[tokio::test]
async fn without_a_usable_answer_the_text_is_kept_whole() {
    let app = TestApp::start().await;
    let whole = |told: &Value| assert_eq!((all(told), &told["method"]), (vec![SEVERAL], &json!("statistical")));
    app.vendor.tell("small", [Act::Say("I would rather not.", None)]);
    let told = store(&app, json!({ "text": SEVERAL })).await;
    whole(&told);
    assert_eq!(told["partial"], "what test/small answered is no JSON");
    let input = |more: Value| {
        let mut input = json!({ "text": SEVERAL, "scope": "session", "scopeId": "s" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    app.vendor.tell("small", (0..8).map(|_| fault(ModelFaultKind::Refused)));
    let told = store(&app, input(json!({ "scopeId": "t" }))).await;
    whole(&told);
    assert!(told["partial"].as_str().unwrap().starts_with("no model was asked"), "{told}");
    // Who insists on one learns that there is none to be had.
    assert_ne!(code(&ada(&app, "memory_store", input(json!({ "method": "model" }))).await), "");
    app.vendor.forget();
    let before = app.vendor.asked().len();
    whole(&store(&app, input(json!({ "method": "statistical" }))).await);
    whole(&store(&app, input(json!({ "separate": true }))).await);
    assert_eq!(app.vendor.asked().len(), before);
    assert_eq!(
        code(&ada(&app, "memory_store", input(json!({ "model": "test/nothing", "scopeId": "u" }))).await),
        "unknown_model"
    );
}

#[tokio::test]
async fn what_a_model_takes_for_the_same_is_one_unless_names_numbers_or_denials_differ() {
    let app = TestApp::start().await;
    let tea = fact(&app, "Anna enjoys black tea each morning").await["memory"]["memoryId"].clone();
    says(&app, &json!({ "old": [{ "number": 1, "stands": "same" }] }));
    let told = fact(&app, "Anna likes black tea every morning").await;
    assert_eq!(
        (&told["action"], &told["memory"]["memoryId"], &told["method"]),
        (&json!("merged"), &tea, &json!("model"))
    );
    says(&app, &json!({ "old": [{ "number": 1, "stands": "same" }] }));
    let told = fact(&app, "Bob likes black tea each morning").await;
    assert_eq!((&told["action"], &told["alike"][0]["memoryId"]), (&json!("created"), &tea));
    says(&app, &json!({ "old": [{ "number": 1, "stands": "same" }, { "number": 9, "stands": "same" }] }));
    let told = fact(&app, "Anna likes 2 black tea each morning").await;
    assert_eq!(told["action"], "created");
}

#[tokio::test]
async fn what_a_model_finds_contradicted_is_over_unless_it_comes_from_a_better_source() {
    let app = TestApp::start().await;
    let old = fact(&app, "The Oslo office has 12 desks").await["memory"]["memoryId"].clone();
    let contradicts = json!({ "old": [{ "number": 1, "stands": "contradicts" }] });
    says(&app, &contradicts);
    let told = store(&app, json!({ "text": "The Oslo office has 14 desks", "trust": "untrusted" })).await;
    assert_eq!((&told["superseded"], &told["alike"][0]["contradicts"]), (&json!([]), &json!(true)));
    says(&app, &json!({ "old": [{ "number": 1, "stands": "contradicts" }, { "number": 2, "stands": "contradicts" }] }));
    let told = fact(&app, "The Oslo office has 16 desks").await;
    assert!(told["superseded"].as_array().unwrap().contains(&old), "{told}");
    assert_eq!(texts(&app, json!({ "query": "desks" })).await, ["The Oslo office has 16 desks"]);
}

#[tokio::test]
async fn what_means_alike_is_held_against_each_other_also_where_no_word_is_shared() {
    let app = TestApp::start_with(|settings| "test/vectors".clone_into(&mut settings.config.embeddings.model)).await;
    // The scripted vendor's vectors say how long a text is.
    let old = fact(&app, "She cannot stand noise at night").await["memory"]["memoryId"].clone();
    let worker = convoke::domain::memory::retrieval::working::Worker::new(app.app.platform().clone());
    worker.round().await.unwrap();
    says(&app, &json!({ "old": [{ "number": 1, "stands": "contradicts" }] }));
    let told = fact(&app, "Loud evenings please that woman").await;
    assert_eq!((&told["superseded"], &told["method"]), (&json!([old]), &json!("model")));
}
