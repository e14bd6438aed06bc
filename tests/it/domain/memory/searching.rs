//! Finding what is remembered.

use std::time::Duration;

use convoke::kernel::clock::Clock as _;
use serde_json::json;

use super::{ada, code, fact, store, texts};
use crate::support::app::TestApp;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_question_finds_what_answers_it_by_its_words_and_says_why() {
    let app = TestApp::start().await;
    for text in
        ["Anna is drinking green tea in the morning", "Bo rides a horse", "Horses drink water", "Tea comes from China"]
    {
        fact(&app, text).await;
    }
    let found = ada(&app, "memory_search", json!({ "query": "What does Anna like to drink?" })).await.unwrap();
    let first = &found["items"][0];
    assert_eq!(
        (&first["text"], &found["method"]),
        (&json!("Anna is drinking green tea in the morning"), &json!("lexical"))
    );
    assert_eq!(first["why"]["wordsRank"], 1);
    assert!(first["why"]["wordsScore"].as_f64().unwrap() > 0.0 && first["score"].as_f64().unwrap() > 0.0, "{first}");
    assert_eq!(texts(&app, json!({ "query": "zebra" })).await, Vec::<String>::new());
    assert_eq!(texts(&app, json!({ "query": "?!" })).await, Vec::<String>::new());
    assert_eq!(texts(&app, json!({ "query": "drink", "limit": 1 })).await.len(), 1);
    // Marks and case fold; operators are text.
    fact(&app, "Zoë Müller leitet die Straßenmeisterei").await;
    assert_eq!(texts(&app, json!({ "query": "ZOE muller" })).await.len(), 1);
    for query in ["\"", "tea OR horse*", "NEAR(", "text:tea", "' | 1=1"] {
        ada(&app, "memory_search", json!({ "query": query })).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_new_and_matters_comes_before_its_equals() {
    let app = TestApp::start().await;
    store(&app, json!({ "text": "The red printer needs paper", "importance": 0.1 })).await;
    store(&app, json!({ "text": "The blue printer needs paper", "importance": 0.9 })).await;
    assert_eq!(texts(&app, json!({ "query": "printer paper" })).await[0], "The blue printer needs paper");
    let app = TestApp::start().await;
    fact(&app, "The red printer needs paper").await;
    app.clock.advance(200 * DAY);
    fact(&app, "The blue printer needs paper").await;
    assert_eq!(texts(&app, json!({ "query": "printer paper" })).await[0], "The blue printer needs paper");
    // Without a query the newest comes first.
    assert_eq!(
        texts(&app, json!({ "limit": 2 })).await,
        ["The blue printer needs paper", "The red printer needs paper"]
    );
}

#[tokio::test]
async fn what_was_believed_then_is_found_whatever_was_learned_since() {
    let app = TestApp::start().await;
    let hq = "company/headquarters";
    store(&app, json!({ "text": "The headquarters are in Oslo", "about": hq })).await;
    app.clock.advance(10 * DAY);
    let march = app.clock.now();
    app.clock.advance(10 * DAY);
    let bergen = store(&app, json!({ "text": "The headquarters are in Bergen", "about": hq })).await;
    app.clock.advance(10 * DAY);
    let april = app.clock.now();
    app.clock.advance(10 * DAY);
    let id = bergen["memory"]["memoryId"].clone();
    ada(&app, "memory_update", json!({ "id": id, "text": "The headquarters are in Bergen harbour" })).await.unwrap();
    let asked = "where are the headquarters";
    assert_eq!(texts(&app, json!({ "query": asked })).await, ["The headquarters are in Bergen harbour"]);
    assert_eq!(texts(&app, json!({ "query": asked, "believedAt": march })).await, ["The headquarters are in Oslo"]);
    assert_eq!(texts(&app, json!({ "query": asked, "believedAt": april })).await, ["The headquarters are in Bergen"]);
    assert_eq!(texts(&app, json!({ "query": asked, "includeEnded": true })).await.len(), 3);
    let told = ada(&app, "memory_get", json!({ "id": id })).await.unwrap();
    let line: Vec<_> = told["line"].as_array().unwrap().iter().map(|link| link["text"].clone()).collect();
    assert_eq!(line, ["The headquarters are in Oslo", "The headquarters are in Bergen"]);
}

#[tokio::test]
async fn filters_narrow_what_is_found() {
    let app = TestApp::start().await;
    let until =
        json!({ "text": "The lift is out of order", "validTo": "2020-01-01T00:00:00Z", "tags": ["house", "lift"] });
    store(&app, until).await;
    store(
        &app,
        json!({ "text": "Press twice to call the lift", "kind": "procedure", "importance": 0.9, "tags": ["house"] }),
    )
    .await;
    let session = json!({ "text": "The lift was mentioned today", "scope": "session", "scopeId": "s1" });
    store(&app, session).await;
    let lift = |more: serde_json::Value| {
        let mut input = json!({ "query": "lift" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let twice = ["Press twice to call the lift"];
    assert_eq!(texts(&app, lift(json!({ "kinds": ["procedure"] }))).await, twice);
    assert_eq!(texts(&app, lift(json!({ "minImportance": 0.8 }))).await, twice);
    assert_eq!(texts(&app, lift(json!({ "validAt": "2024-01-01T00:00:00Z" }))).await, twice);
    assert_eq!(texts(&app, lift(json!({ "validAt": "2019-01-01T00:00:00Z" }))).await.len(), 2);
    assert_eq!(texts(&app, lift(json!({ "tags": ["HOUSE", "lift"] }))).await, ["The lift is out of order"]);
    assert_eq!(texts(&app, json!({ "tags": ["lift"] })).await, ["The lift is out of order"]);
    // A session is looked into only where it is named.
    assert_eq!(texts(&app, lift(json!({}))).await.len(), 2);
    let of_session = lift(json!({ "scope": "session", "scopeId": "s1" }));
    assert_eq!(texts(&app, of_session).await, ["The lift was mentioned today"]);
    assert_eq!(texts(&app, lift(json!({ "scope": "session", "scopeId": "s2" }))).await, Vec::<String>::new());
    assert_eq!(code(&ada(&app, "memory_search", lift(json!({ "scopeId": "s1" }))).await), "bad_input");
    // What is put aside by itself is not found any more.
    store(&app, json!({ "text": "Cake in the kitchen", "expiresInDays": 1 })).await;
    assert_eq!(texts(&app, json!({ "query": "cake" })).await.len(), 1);
    app.clock.advance(2 * DAY);
    assert_eq!(texts(&app, json!({ "query": "cake" })).await, Vec::<String>::new());
}
