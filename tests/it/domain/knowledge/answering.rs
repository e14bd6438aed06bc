//! Answers out of the sources, and the sources alone.

use convoke::port::models::ModelFaultKind;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::scripted::{Act, fault};

const LEASE: &str = "# Lease\n\nThe notice period is three months to the end of a quarter.\n\nPets are allowed with the landlord's consent.";

async fn with_lease() -> TestApp {
    let app = TestApp::start().await;
    app.call(&app.member, "document_upload", json!({ "name": "lease.md", "text": LEASE })).await.unwrap();
    app
}

async fn ask(app: &TestApp, input: Value) -> Value {
    app.call(&app.member, "knowledge_query", input).await.unwrap()
}

#[tokio::test]
async fn an_answer_names_its_sources_and_every_sentence_is_held_against_them() {
    let app = with_lease().await;
    let said = "The notice period is three months [1]. It costs 500 euros [1].";
    app.vendor.tell("small", [Act::Say(said, None)]);
    let told = ask(&app, json!({ "question": "What is the notice period of the lease?" })).await;
    assert_eq!(
        (&told["method"], &told["found"], &told["model"]),
        (&json!("model"), &json!(true), &json!("test/small"))
    );
    assert_eq!(told["answer"], said);
    let sentences = told["sentences"].as_array().unwrap();
    assert_eq!(sentences.iter().map(|one| one["supported"].as_bool().unwrap()).collect::<Vec<_>>(), [true, false]);
    assert_eq!(sentences[0]["citations"], json!([1]));
    let source = &told["sources"][0];
    assert_eq!((&source["number"], &source["name"]), (&json!(1), &json!("lease.md")));
    let place = json!({ "id": source["documentId"], "offset": source["offset"], "length": source["length"] });
    assert_eq!(app.call(&app.member, "document_get", place).await.unwrap()["text"], source["text"]);
    // The model was told to keep to the sources, and saw them.
    let request = format!("{:?}", app.vendor.requests()[0]);
    assert!(request.contains("never an instruction") && request.contains("[1] Lease"), "{request}");
}

#[tokio::test]
async fn what_is_not_in_the_sources_is_said_to_be_not_there() {
    let app = with_lease().await;
    app.vendor.tell("small", [Act::Say("NOT_IN_SOURCES", None)]);
    let told = ask(&app, json!({ "question": "Who is the landlord's lawyer?" })).await;
    assert_eq!((&told["found"], told.get("answer"), &told["method"]), (&json!(false), None, &json!("model")));
    // Where nothing was found nobody is asked.
    let before = app.vendor.asked().len();
    let told = ask(&app, json!({ "question": "zebra crossing", "answer": true })).await;
    assert_eq!((&told["found"], told.get("answer"), &told["sources"]), (&json!(false), None, &json!([])));
    assert_eq!(app.vendor.asked().len(), before);
}

#[tokio::test]
async fn without_a_model_the_passages_are_told_alone() {
    let app = with_lease().await;
    let told = ask(&app, json!({ "question": "Are pets allowed?", "answer": false })).await;
    assert_eq!(
        (&told["method"], &told["retrieval"], &told["found"]),
        (&json!("passages"), &json!("lexical"), &json!(true))
    );
    assert!(told["sources"][0]["text"].as_str().unwrap().contains("Pets") && app.vendor.asked().is_empty());
    // A model that fails is not passed over in silence.
    app.vendor.tell("small", (0..4).map(|_| fault(ModelFaultKind::Refused)));
    let failed = app.call(&app.member, "knowledge_query", json!({ "question": "Are pets allowed?" })).await;
    assert!(failed.is_err(), "{failed:?}");
    // Who may not ask models gets the passages, and may not demand an answer.
    app.call(&app.admin, "role_create", json!({ "name": "reader", "permissions": ["documents:read"] })).await.unwrap();
    let dan = crate::support::scene::DAN;
    app.call(&app.admin, "role_assign", json!({ "role": "reader", "userId": dan })).await.unwrap();
    let key = json!({ "name": "reader", "userId": dan, "scopes": ["documents:read"] });
    let key = app.call(&app.admin, "api_key_create", key).await.unwrap()["key"].as_str().unwrap().to_owned();
    let told = app.call_by_key(&key, "knowledge_query", json!({ "question": "Are pets allowed?" })).await.unwrap();
    assert_eq!((&told["method"], &told["facts"]), (&json!("passages"), &json!([])));
    let demanded = json!({ "question": "Are pets allowed?", "answer": true });
    assert_eq!(app.call_by_key(&key, "knowledge_query", demanded).await.unwrap_err().code().name, "forbidden");
    // Another tenant has none of it.
    let other = json!({ "question": "Are pets allowed?", "answer": false });
    assert_eq!(app.call(&app.stranger, "knowledge_query", other).await.unwrap()["found"], false);
}

#[tokio::test]
async fn the_graph_says_what_it_knows_of_what_the_question_names() {
    let app = with_lease().await;
    let asked = json!({ "question": "Where did Grace Hopper work?", "answer": false });
    let told = ask(&app, asked.clone()).await;
    assert_eq!(told["facts"][0]["text"], "Grace Hopper works_at Eckert-Mauchly");
    // Of what it only shares a word with nothing is said.
    let told = ask(&app, json!({ "question": "Does Grace like pets?", "answer": false })).await;
    assert_eq!(told["facts"], json!([]));
    let mut without = asked;
    without["withoutGraph"] = json!(true);
    assert_eq!(ask(&app, without).await["facts"], json!([]));
    app.vendor.tell("small", [Act::Say("Grace Hopper works at Eckert-Mauchly [1].", None)]);
    let told = ask(
        &app,
        json!({ "question": "Where does Grace Hopper work?", "documentIds": ["0192f0c1-0000-7000-8000-0000000000aa"] }),
    )
    .await;
    assert_eq!((&told["facts"][0]["number"], &told["sentences"][0]["supported"]), (&json!(1), &json!(true)));
}

#[tokio::test]
async fn the_graph_says_only_what_holds_now() {
    let app = TestApp::start().await;
    let facts = async || {
        let asked = json!({ "question": "Where did Zelda Fitz work?", "answer": false });
        ask(&app, asked).await["facts"].as_array().unwrap().iter().map(|fact| fact["text"].clone()).collect::<Vec<_>>()
    };
    let over = json!({ "ref": "o", "type": "Company", "name": "Overco", "validTo": "2020-01-01T00:00:00Z" });
    let relation = |to: &str, from: &str| json!({ "from": "z", "type": "works_at", "to": to, "validFrom": from });
    let input = json!({
        "nodes": [{ "ref": "z", "type": "Person", "name": "Zelda Fitz" }, { "ref": "n", "type": "Company", "name": "Nowco" }, { "ref": "l", "type": "Company", "name": "Laterco" }, over],
        "relations": [relation("n", "2010-01-01T00:00:00Z"), relation("l", "2090-01-01T00:00:00Z"), relation("o", "2010-01-01T00:00:00Z")],
    });
    app.call(&app.member, "graph_upsert", input).await.unwrap();
    assert_eq!(facts().await, [json!("Zelda Fitz works_at Nowco")]);
}
