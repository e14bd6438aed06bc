//! The personas domain.

mod analytics;

use convoke::kernel::codes;
use serde_json::{Value, json};

use crate::support::app::TestApp;

fn clerk() -> Value {
    json!({
        "name": "Billing clerk", "description": "Explains bills.", "role": "A clerk who explains bills.",
        "expertise": ["invoices"], "tone": "friendly", "rules": ["Quote amounts."], "tags": ["support"],
        "instructions": "{% for one in rules %}{{ loop.index }}: {{ one }}{% endfor %}",
        "examples": [{ "user": "Hi", "assistant": "Hello." }],
        "checks": [{ "name": "says the rule", "contains": ["1: Quote amounts."], "maxTokens": 200 }],
    })
}

#[tokio::test]
async fn a_persona_is_made_changed_and_read_in_every_version() {
    let app = TestApp::start().await;
    let made = app.call(&app.member, "persona_create", clerk()).await.unwrap();
    assert_eq!((&made["personaId"], &made["version"]), (&json!("billing-clerk"), &json!("1.0.0")));
    let told = made["systemPrompt"].as_str().unwrap();
    assert!(
        told.contains("You are Billing clerk") && told.contains("1: Quote amounts.") && told.contains("<user>\nHi"),
        "{told}"
    );
    let change = |field: &str, value: &str| json!({ "id": "Billing clerk", field: value, "message": "m" });
    let told = app.call(&app.member, "persona_update", change("tone", "dry")).await.unwrap();
    assert_eq!((&told["version"], &told["before"], &told["changed"]), (&json!("1.1.0"), &json!("1.0.0"), &json!(true)));
    let again = app.call(&app.member, "persona_update", change("tone", "dry")).await.unwrap();
    assert_eq!((&again["version"], &again["changed"]), (&json!("1.1.0"), &json!(false)));
    let told = app.call(&app.member, "persona_update", change("role", "Another clerk.")).await.unwrap();
    assert_eq!(told["version"], "2.0.0");
    for (version, tone, role) in [
        ("1.0.0", "friendly", "A clerk who explains bills."),
        ("1.1.0", "dry", "A clerk who explains bills."),
        ("2.0.0", "dry", "Another clerk."),
    ] {
        let one =
            app.call(&app.member, "persona_get", json!({ "id": "billing-clerk", "version": version })).await.unwrap();
        assert_eq!((&one["version"], &one["tone"], &one["role"]), (&json!(version), &json!(tone), &json!(role)));
    }
    let unknown = json!({ "id": "billing-clerk", "version": "9.0.0" });
    assert!(app.call(&app.member, "persona_get", unknown).await.unwrap_err().is(&codes::NOT_FOUND));
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_its_place() {
    let app = TestApp::start().await;
    let with = |field: &str, value: Value| {
        let mut input = clerk();
        input[field] = value;
        input
    };
    let refused =
        app.call(&app.member, "persona_create", with("instructions", json!("a\n{{ nobody }}"))).await.unwrap_err();
    assert_eq!((refused.code().name, &refused.detail().unwrap()["line"]), ("persona_unusable", &json!(2)));
    let check = json!([{ "name": "is short", "maxTokens": 3 }]);
    let refused = app.call(&app.member, "persona_create", with("checks", check)).await.unwrap_err();
    assert_eq!(refused.detail().unwrap()["checks"][0]["check"], "is short");
    let refused = app.call(&app.member, "persona_create", with("expertise", json!(["a", "A"]))).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/expertise");
    let refused = app.call(&app.member, "persona_create", with("role", json!("  "))).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/role");
    for name in ["Code reviewer", "house guide"] {
        let refused = app.call(&app.member, "persona_create", with("name", json!(name))).await.unwrap_err();
        assert!(refused.is(&codes::ALREADY_EXISTS), "{name} {refused}");
    }
}

#[tokio::test]
async fn a_file_becomes_the_tenants_own_only_by_who_manages() {
    let app = TestApp::start().await;
    let change = json!({ "id": "code-reviewer", "tone": "gentle" });
    assert!(app.call(&app.member, "persona_update", change.clone()).await.unwrap_err().is(&codes::FORBIDDEN));
    let told = app.call(&app.admin, "persona_update", change).await.unwrap();
    assert_eq!(
        (&told["version"], &told["source"], &told["tone"]),
        (&json!("1.1.0"), &json!("tenant"), &json!("gentle"))
    );
    // The version that it began as can still be read.
    let first = json!({ "id": "code-reviewer", "version": "1.0.0" });
    let first = app.call(&app.member, "persona_get", first).await.unwrap();
    assert_ne!(first["tone"], "gentle");
    let theirs = app.call(&app.stranger, "persona_get", json!({ "id": "code-reviewer" })).await.unwrap();
    assert_eq!((&theirs["source"], &theirs["tone"]), (&json!("file"), &first["tone"]));
}

#[tokio::test]
async fn a_search_ranks_filters_and_pages() {
    let app = TestApp::start().await;
    let search = async |input: Value| app.call(&app.member, "persona_search", input).await.unwrap();
    let ids = |found: &Value| -> Vec<String> {
        found["items"].as_array().unwrap().iter().map(|one| one["personaId"].as_str().unwrap().to_owned()).collect()
    };
    let found = search(json!({ "query": "somebody who reviews code" })).await;
    assert_eq!(ids(&found)[0], "code-reviewer", "{found}");
    let scores: Vec<f64> =
        found["items"].as_array().unwrap().iter().map(|one| one["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|one, other| one >= other) && scores[0] <= 1.0, "{scores:?}");
    assert_eq!(ids(&search(json!({ "query": "guiding through stairs" })).await)[0], "house-guide");
    assert_eq!(ids(&search(json!({ "query": "zebra crossing hats" })).await), Vec::<String>::new());
    assert_eq!(ids(&search(json!({ "tag": "house", "tone": "CALM", "expertise": "room" })).await), ["house-guide"]);
    let all = ids(&search(json!({ "limit": 200 })).await);
    assert!(all.len() > 15 && all.is_sorted(), "{all:?}");
    let mut paged = Vec::new();
    let mut input = json!({ "limit": 4 });
    loop {
        let page = search(input.clone()).await;
        paged.extend(ids(&page));
        let Some(token) = page["nextPageToken"].as_str() else { break };
        input["pageToken"] = token.into();
    }
    assert_eq!(paged, all);
    let elsewhere = app.call(&app.stranger, "persona_search", json!({ "tag": "house" })).await.unwrap();
    assert_eq!(elsewhere["items"], json!([]));
    let hidden = app.call(&app.stranger, "persona_get", json!({ "id": "house-guide" })).await.unwrap_err();
    assert!(hidden.is(&codes::NOT_FOUND));
}
