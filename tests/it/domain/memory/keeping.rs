//! What becomes of something that is to be remembered.

use convoke::kernel::codes;
use serde_json::{Value, json};

use super::{ada, code, fact, store, texts};
use crate::support::app::TestApp;
use crate::support::scene::{ADA, DAN};

#[tokio::test]
async fn what_says_the_same_is_merged_and_what_says_otherwise_takes_its_place() {
    let app = TestApp::start().await;
    let first = store(&app, json!({ "text": "Anna drinks green tea.", "tags": ["Tea"], "importance": 0.3 })).await;
    assert_eq!(first["action"], "created");
    let source = json!({ "uri": "mail://7", "title": "Her mail" });
    let again =
        json!({ "text": "Anna is drinking a green tea", "tags": ["drinks"], "importance": 0.9, "source": source });
    let again = store(&app, again).await;
    let id = &first["memory"]["memoryId"];
    assert_eq!((&again["action"], &again["memory"]["memoryId"]), (&json!("merged"), id));
    assert_eq!(again["memory"]["timesSaid"], 2);
    assert_eq!(again["memory"]["tags"], json!(["tea", "drinks"]));
    assert_eq!(
        (&again["memory"]["importance"], &again["memory"]["sources"][0]["title"]),
        (&json!(0.9), &json!("Her mail"))
    );

    let denied = fact(&app, "Anna does not drink green tea.").await;
    assert_eq!((&denied["action"], &denied["superseded"]), (&json!("created"), &json!([id])));
    let old = ada(&app, "memory_get", json!({ "id": id })).await.unwrap();
    assert_eq!((&old["state"], &old["supersededBy"]), (&json!("superseded"), &denied["memory"]["memoryId"]));
    assert!(old["endedAt"].is_string() && old["versions"].as_array().unwrap().len() == 2, "{old}");
    assert_eq!(old["line"][0]["text"], "Anna does not drink green tea.");
    // Said once more the old one is a new belief.
    let back = fact(&app, "Anna drinks green tea.").await;
    assert_eq!((&back["action"], &back["superseded"][0]), (&json!("created"), &denied["memory"]["memoryId"]));
    assert_ne!(&back["memory"]["memoryId"], id);
}

#[tokio::test]
async fn what_says_the_same_as_one_and_otherwise_than_another_confirms_the_one_and_ends_the_other() {
    let app = TestApp::start().await;
    for (text, denied, again) in [
        // In the same words, and in others.
        ("Anna drinks green tea.", "Anna does not drink green tea.", "Anna drinks green tea."),
        ("Bob is riding a horse.", "Bob is not riding a horse.", "Bob rides a horse"),
    ] {
        let first = fact(&app, text).await;
        let other = store(&app, json!({ "text": denied, "separate": true })).await;
        assert_eq!((&other["action"], &other["superseded"]), (&json!("created"), &json!([])));
        let told = fact(&app, again).await;
        let (id, gone) = (&first["memory"]["memoryId"], &other["memory"]["memoryId"]);
        assert_eq!((&told["action"], &told["memory"]["memoryId"]), (&json!("merged"), id), "{told}");
        assert_eq!(told["superseded"], json!([gone]), "{told}");
        let gone = ada(&app, "memory_get", json!({ "id": gone })).await.unwrap();
        assert_eq!((&gone["state"], &gone["supersededBy"]), (&json!("superseded"), id));
        let now = ada(&app, "memory_get", json!({ "id": id })).await.unwrap();
        assert_eq!((&now["state"], &now["timesSaid"]), (&json!("current"), &json!(2)), "{now}");
    }
}

#[tokio::test]
async fn what_is_of_another_name_number_or_word_stands_beside_it_and_is_told() {
    let app = TestApp::start().await;
    fact(&app, "The meeting room on floor 2 seats twelve people").await;
    let other = fact(&app, "The meeting room on floor 3 seats twelve people").await;
    assert_eq!((&other["action"], &other["superseded"]), (&json!("created"), &json!([])));
    assert_eq!(other["alike"][0]["text"], "The meeting room on floor 2 seats twelve people");
    assert!(other["alike"][0]["shared"].as_f64().unwrap() >= 0.5);
    // What happened stays true, whatever happens later.
    store(&app, json!({ "text": "The alarm was on", "kind": "event" })).await;
    let later = store(&app, json!({ "text": "The alarm was off", "kind": "event" })).await;
    assert_eq!(later["superseded"], json!([]));
    // Each kind and each scope stands for itself.
    let summary = store(&app, json!({ "text": "The alarm was on", "kind": "summary" })).await;
    assert_eq!(summary["action"], "created");
    let session =
        json!({ "text": "The meeting room on floor 2 seats twelve people", "scope": "session", "scopeId": "s1" });
    assert_eq!(store(&app, session).await["action"], "created");
    let separate = json!({ "text": "The meeting room on floor 2 seats twelve people", "separate": true });
    assert_eq!(store(&app, separate).await["action"], "created");
}

#[tokio::test]
async fn of_two_about_the_same_the_later_one_is_believed() {
    let app = TestApp::start().await;
    let oslo = store(&app, json!({ "text": "Anna lives in Oslo", "about": "Anna/Home" })).await;
    let bergen = json!({ "text": "Anna lives in Bergen", "about": "anna/home", "validFrom": "2024-05-01T00:00:00Z" });
    let bergen = store(&app, bergen).await;
    assert_eq!(bergen["superseded"], json!([oslo["memory"]["memoryId"]]));
    assert_eq!(bergen["memory"]["supersedes"], json!([oslo["memory"]["memoryId"]]));
    let old = ada(&app, "memory_get", json!({ "id": oslo["memory"]["memoryId"] })).await.unwrap();
    assert_eq!(old["validTo"], "2024-05-01T00:00:00.000Z");
    assert_eq!(texts(&app, json!({ "about": "ANNA/home" })).await, ["Anna lives in Bergen"]);
    let again = store(&app, json!({ "text": "anna lives in bergen.", "about": "anna/home" })).await;
    assert_eq!(again["action"], "merged");
}

#[tokio::test]
async fn a_worse_source_changes_nothing_that_a_better_one_said() {
    let app = TestApp::start().await;
    let stated = store(&app, json!({ "text": "Invoices go to Carla", "about": "invoices/to" })).await;
    let page = json!({ "text": "Invoices go to Mallory", "about": "invoices/to", "trust": "untrusted" });
    let page = store(&app, page).await;
    assert_eq!((&page["action"], &page["superseded"]), (&json!("created"), &json!([])));
    assert_eq!(page["memory"]["trust"], "untrusted");
    assert_eq!(
        (&page["alike"][0]["memoryId"], &page["alike"][0]["contradicts"]),
        (&stated["memory"]["memoryId"], &json!(true))
    );
    let trusted = json!({ "query": "who gets invoices", "trust": ["stated", "inferred"] });
    assert_eq!(texts(&app, trusted).await, ["Invoices go to Carla"]);
    // What was untrusted becomes stated when somebody says it.
    let said = store(&app, json!({ "text": "Invoices go to Mallory", "trust": "stated" })).await;
    assert_eq!((&said["action"], &said["memory"]["trust"]), (&json!("merged"), &json!("stated")));
}

#[tokio::test]
async fn nobody_changes_what_is_not_theirs() {
    let app = TestApp::start().await;
    // The scene's hours are Ada's; another member says them again, and says otherwise.
    let dan = |text: &str| json!({ "text": text, "scope": "tenant" });
    let key = app.call(&app.admin, "api_key_create", json!({ "name": "dan", "userId": DAN })).await.unwrap();
    let key = key["key"].as_str().unwrap();
    let known = app.call_by_key(key, "memory_store", dan("The office opens at eight on weekdays.")).await.unwrap();
    assert_eq!((&known["action"], &known["memory"]["timesSaid"]), (&json!("known"), &json!(1)));
    let denied =
        app.call_by_key(key, "memory_store", dan("The office never opens at eight on weekdays.")).await.unwrap();
    assert_eq!((&denied["action"], &denied["superseded"]), (&json!("created"), &json!([])));
    assert_eq!(denied["alike"][0]["contradicts"], true);
    let id = known["memory"]["memoryId"].clone();
    let change = app.call_by_key(key, "memory_update", json!({ "id": id, "text": "No" })).await;
    assert_eq!(code(&change), "forbidden");
    let forget = app.call_by_key(key, "memory_forget", json!({ "id": id })).await;
    assert_eq!(code(&forget), "forbidden");
    // What is Ada's alone is not there for others.
    let own = fact(&app, "Ada keeps her diary in the desk").await["memory"]["memoryId"].clone();
    for (tool, input) in [
        ("memory_get", json!({ "id": own })),
        ("memory_update", json!({ "id": own, "importance": 1.0 })),
        ("memory_forget", json!({ "id": own })),
    ] {
        assert_eq!(code(&app.call_by_key(key, tool, input.clone()).await), "not_found", "{tool}");
        assert_eq!(code(&app.call(&app.stranger, tool, input).await), "not_found", "{tool}");
    }
    let found = app.call_by_key(key, "memory_search", json!({ "query": "diary" })).await.unwrap();
    assert_eq!(found["items"], json!([]));
    let theirs = json!({ "query": "diary", "scope": "user", "scopeId": ADA });
    assert_eq!(code(&app.call_by_key(key, "memory_search", theirs.clone()).await), "forbidden");
    let managed = app.call(&app.admin, "memory_search", theirs).await.unwrap();
    assert_eq!(managed["items"].as_array().unwrap().len(), 1);
    let stats = app.call_by_key(key, "memory_stats", json!({})).await.unwrap();
    assert_eq!(stats["total"], 3);
}

#[tokio::test]
async fn the_same_said_many_times_at_once_is_one_memory() {
    let app = std::sync::Arc::new(TestApp::start().await);
    let calls = (0..8).map(|_| {
        let app = app.clone();
        tokio::spawn(async move { fact(&app, "Eight say the same at the same moment").await })
    });
    let calls: Vec<_> = calls.collect();
    let mut actions = Vec::new();
    for call in calls {
        actions.push(call.await.unwrap()["action"].as_str().unwrap().to_owned());
    }
    assert_eq!(actions.iter().filter(|action| *action == "created").count(), 1, "{actions:?}");
    let found = ada(&app, "memory_search", json!({ "query": "same moment", "includeEnded": true })).await.unwrap();
    let items = found["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["timesSaid"]), (1, &json!(8)));
}

#[tokio::test]
async fn what_cannot_be_remembered_is_refused_with_its_place() {
    let app = TestApp::start().await;
    let wrong = |input: Value| {
        let app = &app;
        async move { ada(app, "memory_store", input).await }
    };
    assert_eq!(code(&wrong(json!({ "text": " ?!… " })).await), "memory_empty");
    for (input, place) in [
        (json!({ "text": "" }), "/text"),
        (json!({ "text": "x".repeat(8001) }), "/text"),
        (json!({ "text": "a b", "scope": "workspace" }), "/scopeId"),
        (json!({ "text": "a b", "scope": "workspace", "scopeId": "w" }), "/scopeId"),
        (json!({ "text": "a b", "scope": "session" }), "/scopeId"),
        (json!({ "text": "a b", "scope": "agent" }), "/scopeId"),
        (json!({ "text": "a b", "scope": "tenant", "scopeId": "x" }), "/scopeId"),
        (json!({ "text": "a b", "importance": 1.5 }), "/importance"),
        (json!({ "text": "a b", "validFrom": "2024-05-02T00:00:00Z", "validTo": "2024-05-01T00:00:00Z" }), "/validTo"),
    ] {
        let refused = wrong(input).await.unwrap_err();
        assert_eq!(refused.places()[0].pointer, place, "{refused}");
    }
    let nowhere = json!({ "text": "a b", "scope": "workspace", "scopeId": ADA });
    assert!(wrong(nowhere).await.unwrap_err().is(&codes::NOT_FOUND));
    assert!(
        wrong(json!({ "text": "a b", "scope": "agent", "scopeId": "nobody" })).await.unwrap_err().is(&codes::NOT_FOUND)
    );
    let agent =
        wrong(json!({ "text": "Archives close at noon", "scope": "agent", "scopeId": "Archivist" })).await.unwrap();
    assert_eq!((&agent["memory"]["scopeId"], &agent["memory"]["scope"]), (&json!("archivist"), &json!("agent")));
}

#[tokio::test]
async fn the_id_of_a_text_that_was_corrected_since_is_not_the_text() {
    let app = TestApp::start().await;
    let nine = fact(&app, "The shop opens at nine").await["memory"]["memoryId"].clone();
    ada(&app, "memory_update", json!({ "id": nine, "text": "The shop opens at eight" })).await.unwrap();
    let again = fact(&app, "The shop opens at nine").await;
    assert_eq!((&again["action"], &again["memory"]["text"]), (&json!("created"), &json!("The shop opens at nine")));
    assert_ne!(again["memory"]["memoryId"], nine);
    let once_more = fact(&app, "The shop opens at nine").await;
    assert_eq!((&once_more["action"], &once_more["memory"]["timesSaid"]), (&json!("merged"), &json!(2)));
}

#[tokio::test]
async fn a_worse_source_confirms_nothing_and_what_is_over_is_over_only_until_it_is_said_again() {
    let app = TestApp::start().await;
    store(&app, json!({ "text": "The gate code is on the board" })).await;
    let page = json!({ "text": "The gate code is on the board", "trust": "untrusted", "expiresInDays": 1 });
    let page = store(&app, page).await;
    assert_eq!(
        (&page["action"], &page["memory"]["timesSaid"], page["memory"].get("expiresAt")),
        (&json!("known"), &json!(1), None)
    );
    store(&app, json!({ "text": "Lunch is at noon", "expiresInDays": 1 })).await;
    app.clock.advance(std::time::Duration::from_hours(48));
    assert_eq!(texts(&app, json!({ "query": "lunch" })).await, Vec::<String>::new());
    let again = fact(&app, "Lunch is at noon").await;
    assert_eq!((&again["action"], again["memory"].get("expiresAt")), (&json!("merged"), None));
    assert_eq!(texts(&app, json!({ "query": "lunch" })).await, ["Lunch is at noon"]);
}

#[tokio::test]
async fn the_same_said_of_two_things_is_two() {
    let app = TestApp::start().await;
    for about in ["anna/home", "bob/home"] {
        let kept = store(&app, json!({ "text": "Lives in Oslo", "about": about })).await;
        assert_eq!((&kept["action"], &kept["superseded"]), (&json!("created"), &json!([])), "{about}");
    }
    assert_eq!(texts(&app, json!({ "query": "oslo" })).await.len(), 2);
}
