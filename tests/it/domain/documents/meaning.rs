//! Passages found by meaning, and their vectors. The scripted vendor's vectors say how long a text is.

use convoke::domain::memory::retrieval::working::Worker;
use convoke::port::vectors::Index;
use serde_json::{Value, json};

use crate::support::app::TestApp;

const TEXT: &str = "Carts pay two pennies at the lantern gate.";
const QUESTION: &str = "What would one be charged for passing by?!";

async fn app() -> TestApp {
    TestApp::start_with(|settings| "test/vectors".clone_into(&mut settings.config.embeddings.model)).await
}

async fn embed(app: &TestApp) -> usize {
    Worker::new(app.app.platform().clone()).round().await.unwrap()
}

async fn call(app: &TestApp, tool: &str, input: Value) -> Value {
    app.call(&app.member, tool, input).await.unwrap()
}

#[tokio::test]
async fn a_passage_is_found_by_what_it_means_and_goes_with_its_document() {
    assert_eq!(TEXT.len(), QUESTION.len());
    let app = app().await;
    let made =
        call(&app, "document_upload", json!({ "name": "tolls.txt", "text": TEXT, "visibility": "private" })).await;
    let id = made["documentId"].clone();
    let waiting = call(&app, "document_embeddings", json!({ "id": id })).await;
    assert_eq!(
        (&waiting["waiting"], &waiting["dimensions"], &waiting["totalChunks"]),
        (&json!(1), &json!(0), &json!(1))
    );
    assert_eq!(embed(&app).await, 1);
    let found = call(&app, "document_search", json!({ "query": QUESTION })).await;
    assert_eq!((&found["method"], &found["hits"][0]["documentId"]), (&json!("hybrid"), &id));
    let why = &found["hits"][0]["why"];
    assert_eq!((&why["likeness"], why.get("wordsRank")), (&json!(1.0), None));
    let told = call(&app, "document_embeddings", json!({ "id": id })).await;
    assert_eq!((&told["embedder"], &told["dimensions"]), (&json!("test/vectors"), &json!(3)));
    assert_eq!((&told["chunks"][0]["vector"][0], &told["chunks"][0]["length"]), (&json!(42.0), &json!(42)));
    // It is Ada's alone.
    let other = app.call(&app.admin, "document_search", json!({ "query": QUESTION })).await.unwrap();
    assert!(!other["hits"].as_array().unwrap().iter().any(|hit| hit["documentId"] == id), "{other}");
    let stranger = app.call(&app.stranger, "document_embeddings", json!({ "id": id })).await.unwrap_err();
    assert_eq!(stranger.code().name, "not_found");
    call(&app, "document_delete", json!({ "id": id })).await;
    let found = call(&app, "document_search", json!({ "query": QUESTION })).await;
    assert!(!found["hits"].as_array().unwrap().iter().any(|hit| hit["documentId"] == id), "{found}");
    assert_eq!(app.app.platform().service::<Index>().unwrap().0.fullness().await.unwrap().points, 0);
}

#[tokio::test]
async fn a_type_or_tag_loses_nothing_to_what_is_nearer() {
    let app = app().await;
    // All as long as the question, and so alike; the one is not, and other passages are nearer to it.
    let nearer = format!(
        "# Toll\n\n{}",
        (0..450).map(|number| format!("# {number:03}\n\nwide {number:04}\n\n")).collect::<Vec<_>>().concat()
    );
    let many = call(&app, "document_upload", json!({ "name": "many.md", "text": nearer, "tags": ["many"] })).await;
    assert!(many["chunks"].as_u64().unwrap() > 400, "{many}");
    let one = json!({ "name": "one.txt", "text": "A far longer text than any of the others is.", "tags": ["one"] });
    let one = call(&app, "document_upload", one).await;
    while embed(&app).await > 0 {}
    for narrowing in [json!({ "tag": "one" }), json!({ "documentIds": [one["documentId"]] })] {
        let mut input = json!({ "query": "0000 wide 0000 ???" });
        input.as_object_mut().unwrap().extend(narrowing.as_object().unwrap().clone());
        let found = call(&app, "document_search", input).await;
        assert_eq!(
            (&found["method"], &found["hits"][0]["documentId"]),
            (&json!("hybrid"), &one["documentId"]),
            "{found}"
        );
    }
}

#[tokio::test]
async fn without_an_embedder_there_are_no_vectors_and_it_says_how_to_get_them() {
    let app = TestApp::start().await;
    let made = call(&app, "document_upload", json!({ "name": "tolls.txt", "text": TEXT })).await;
    let refused = app.call(&app.member, "document_embeddings", json!({ "id": made["documentId"] })).await.unwrap_err();
    assert_eq!(refused.code().name, "no_embedder_configured");
}
