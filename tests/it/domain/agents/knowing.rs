//! What is known of something, from memory, documents and the graph, in one order.

use std::time::Duration;

use serde_json::{Value, json};

use super::register;
use crate::support::app::{Person, TestApp};
use crate::support::scene::DAN;

async fn known(app: &TestApp, person: &Person, input: Value) -> Value {
    app.call(person, "agent_knowledge", input).await.unwrap()
}

fn kinds(told: &Value) -> Vec<&str> {
    told["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect()
}

async fn with_all() -> TestApp {
    let app = TestApp::start().await;
    let document = json!({ "name": "lease.md", "text": "# Lease\n\nThe lease of Zephyr Yard runs until May 2030." });
    app.call(&app.member, "document_upload", document).await.unwrap();
    let memory =
        json!({ "text": "The lease of Zephyr Yard cannot be ended before 2028.", "source": { "uri": "mail://17" } });
    app.call(&app.member, "memory_store", memory).await.unwrap();
    let nodes = json!({
        "nodes": [{ "ref": "a", "type": "Company", "name": "Zephyr Yard" }, { "ref": "b", "type": "Person", "name": "Dora Lind" }],
        "relations": [{ "from": "b", "type": "signed_the_lease_of", "to": "a", "confidence": 0.9 }],
        "provenance": { "source": "the register", "note": "Signed: D. Lind" },
    });
    app.call(&app.member, "graph_upsert", nodes).await.unwrap();
    app
}

#[tokio::test]
async fn memories_passages_and_facts_stand_in_one_list_with_their_sources() {
    let app = with_all().await;
    let told = known(&app, &app.member, json!({ "query": "What do we know of the lease of Zephyr Yard?" })).await;
    let mut found = kinds(&told);
    found.sort_unstable();
    assert_eq!(
        (found, &told["method"], told.get("partial")),
        (vec!["fact", "memory", "passage"], &json!("lexical"), None),
        "{told}"
    );
    let of = |kind: &str| told["items"].as_array().unwrap().iter().find(|item| item["kind"] == kind).unwrap();
    let (memory, passage, fact) = (of("memory"), of("passage"), of("fact"));
    assert_eq!((&memory["trust"], &memory["source"]["sources"][0]["uri"]), (&json!("stated"), &json!("mail://17")));
    assert_eq!((&passage["trust"], &passage["source"]["name"]), (&json!("untrusted"), &json!("lease.md")));
    assert_eq!(
        (&fact["text"], &fact["trust"]),
        (&json!("Dora Lind signed the lease of Zephyr Yard"), &json!("stated"))
    );
    assert_eq!(fact["source"]["places"][0], json!({ "source": "the register", "quote": "Signed: D. Lind" }));
    for item in [memory, passage, fact] {
        assert!(item["score"].as_f64().is_some_and(|score| score > 0.0 && score <= 1.0), "{item}");
        assert_eq!(item["at"].as_str().unwrap().len(), "2026-11-20T12:00:00.000Z".len(), "{item}");
        assert!(item["why"]["wordsRank"].as_u64().is_some(), "{item}");
    }
    let only =
        known(&app, &app.member, json!({ "query": "the lease of Zephyr Yard", "kinds": ["fact"], "limit": 1 })).await;
    assert_eq!(kinds(&only), ["fact"]);
    let trusted = json!({ "query": "the lease of Zephyr Yard", "trust": ["stated"] });
    assert!(!kinds(&known(&app, &app.member, trusted).await).contains(&"passage"));
    // What nobody knows.
    assert!(kinds(&known(&app, &app.member, json!({ "query": "zebra" })).await).is_empty());
}

#[tokio::test]
async fn of_what_fits_as_well_the_newer_comes_first_and_since_leaves_out_the_old() {
    let app = TestApp::start().await;
    let store = |text: &'static str| json!({ "text": text, "separate": true });
    app.call(&app.member, "memory_store", store("The lease of Zephyr ends in May")).await.unwrap();
    app.clock.advance(Duration::from_secs(86_400 * 400));
    let since = app.call(&app.member, "memory_store", store("The lease of Zephyr ends in June")).await.unwrap()["memory"]["saidAt"].clone();
    let told = known(&app, &app.member, json!({ "query": "when does the lease of Zephyr end" })).await;
    let texts: Vec<&str> =
        told["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["The lease of Zephyr ends in June", "The lease of Zephyr ends in May"]);
    let told = known(&app, &app.member, json!({ "query": "when does the lease of Zephyr end", "since": since })).await;
    assert_eq!(told["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_is_told_what_they_could_not_look_up() {
    let app = with_all().await;
    let query = json!({ "query": "the lease of Zephyr Yard" });
    // What is private stays so; what everybody sees is seen.
    let of_admin = known(&app, &app.admin, query.clone()).await;
    let mut found = kinds(&of_admin);
    found.sort_unstable();
    // Whoever manages documents sees everybody's, and nobody sees another's memories.
    assert_eq!(found, ["fact", "passage"]);
    assert!(kinds(&known(&app, &app.stranger, query.clone()).await).is_empty());
    // An agent's memories come with the agent, for those who may see it.
    register(&app, &app.member, "Clerk", json!({})).await;
    let of_agent =
        json!({ "text": "Ask the landlord of the lease of Zephyr Yard first", "scope": "agent", "scopeId": "clerk" });
    app.call(&app.member, "memory_store", of_agent).await.unwrap();
    let with_agent = json!({ "query": "the lease of Zephyr Yard", "agentId": "Clerk", "kinds": ["memory"] });
    assert_eq!(known(&app, &app.member, with_agent.clone()).await["items"].as_array().unwrap().len(), 2);
    let hidden = app.call(&app.stranger, "agent_knowledge", with_agent).await.unwrap_err();
    assert_eq!(hidden.code().name, "not_found");
    // Without the right to one kind the others are told, and that it was left out.
    app.call(&app.admin, "role_create", json!({ "name": "reader", "permissions": ["agents:read", "graph:read"] }))
        .await
        .unwrap();
    app.call(&app.admin, "role_assign", json!({ "role": "reader", "userId": DAN })).await.unwrap();
    let key = json!({ "name": "reader", "userId": DAN, "scopes": ["agents:read", "graph:read"] });
    let key = app.call(&app.admin, "api_key_create", key).await.unwrap()["key"].as_str().unwrap().to_owned();
    let told = app.call_by_key(&key, "agent_knowledge", query).await.unwrap();
    assert_eq!(kinds(&told), ["fact"]);
    let partial = told["partial"].as_str().unwrap();
    assert!(partial.contains("memory_search") && partial.contains("document_search"), "{partial}");
    for wrong in [
        json!({}),
        json!({ "query": "" }),
        json!({ "query": "x", "limit": 0 }),
        json!({ "query": "x", "kinds": ["node"] }),
    ] {
        assert_eq!(app.call(&app.member, "agent_knowledge", wrong).await.unwrap_err().code().name, "bad_input");
    }
}
