//! What entries say of people is sealed under keys that no backup reaches; a destroyed key erases it, and every proof holds.

use std::sync::Arc;

use convoke::capability::gate::audit::AUDIT;
use convoke::capability::gate::sealing::{SUBJECT_KEY, Sealer, SubjectKey};
use convoke::port::records::{Filter, Query, Scope};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::TestApp;

async fn keys(app: &TestApp) -> Vec<SubjectKey> {
    let found = app.app.platform().store.find(Scope::Platform, &SUBJECT_KEY, Query::newest(Filter::All, 100)).await;
    found.unwrap().into_iter().map(|record| serde_json::from_value(record.body).unwrap()).collect()
}

fn sealer(app: &TestApp) -> Arc<Sealer> {
    app.app.platform().service::<Sealer>().unwrap()
}

async fn entries(app: &TestApp) -> Vec<Value> {
    app.call(&app.admin, "audit_query", json!({})).await.unwrap()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_is_personal_lies_sealed_and_is_read_in_the_clear() {
    let app = TestApp::start().await;
    let user = json!({ "email": "secret@example.org", "name": "Sybil Secret" });
    app.call(&app.admin, "user_create", user).await.unwrap();
    let raw = app.entries(&AUDIT).await;
    let text = serde_json::to_string(&raw).unwrap();
    assert!(!text.contains("secret@example.org") && !text.contains("Sybil"), "{text}");
    assert!(text.contains("user_create") && text.contains("sealed"));
    let seen = entries(&app).await;
    assert_eq!(seen[0]["changes"]["after"]["email"], "secret@example.org");
    assert_eq!(seen[0]["also"][0]["resourceType"], "role_assignment");
    assert!(seen[0].get("withheld").is_none() && seen[0].get("sealed").is_none(), "{}", seen[0]);
}

#[tokio::test]
async fn a_person_has_one_key_also_after_a_restart() {
    let app = TestApp::start().await;
    let user = app.call(&app.admin, "user_create", json!({ "email": "one@example.org" })).await.unwrap();
    let id: Uuid = user["id"].as_str().unwrap().parse().unwrap();
    app.call(&app.admin, "user_update", json!({ "id": id, "name": "One" })).await.unwrap();
    let app = app.restart().await;
    app.call(&app.admin, "user_update", json!({ "id": id, "name": "Two" })).await.unwrap();
    assert_eq!(keys(&app).await.iter().filter(|key| key.subject == id).count(), 1);
    let seen = entries(&app).await;
    assert_eq!(seen[0]["changes"]["before"]["name"], "One");
}

#[tokio::test]
async fn a_destroyed_key_erases_and_every_proof_holds() {
    let app = TestApp::start().await;
    let gone = app.call(&app.admin, "user_create", json!({ "email": "gone@example.org" })).await.unwrap();
    app.call(&app.admin, "user_create", json!({ "email": "stays@example.org" })).await.unwrap();
    app.chained().await;
    let root = app.verified().await["head"]["root"].clone();
    let id: Uuid = gone["id"].as_str().unwrap().parse().unwrap();
    let key = keys(&app).await.into_iter().find(|key| key.subject == id).unwrap();
    assert!(sealer(&app).keys().destroy(key.key).await.unwrap());
    sealer(&app).forget(app.admin.tenant, id);
    let seen = entries(&app).await;
    assert_eq!((&seen[1]["withheld"], &seen[1]["changes"]), (&json!("erased"), &Value::Null), "{}", seen[1]);
    assert_eq!((&seen[1]["action"], &seen[1]["resourceId"]), (&json!("user_create"), &gone["id"]));
    assert_eq!(seen[0]["changes"]["after"]["email"], "stays@example.org");
    let told = app.verified().await;
    assert_eq!((&told["valid"], &told["checked"]["entries"], &told["head"]["root"]), (&json!(true), &json!(2), &root));
    // Whoever acts again has a new key.
    app.call(&app.admin, "user_update", json!({ "id": id, "name": "Again" })).await.unwrap();
    assert_eq!(keys(&app).await.iter().filter(|key| key.subject == id).count(), 2);
    assert_eq!(entries(&app).await[0]["changes"]["after"]["name"], "Again");
}

#[tokio::test]
async fn no_backup_holds_a_key() {
    let app = TestApp::start().await;
    app.call(&app.admin, "user_create", json!({ "email": "one@example.org" })).await.unwrap();
    let backup = app.call(&app.admin, "system_backup", json!({})).await.unwrap();
    let folder = std::path::PathBuf::from(backup["folder"].as_str().unwrap());
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(!path.to_string_lossy().contains("keys"), "{}", path.display());
        if path.is_file() {
            bytes.extend(std::fs::read(path).unwrap());
        }
    }
    for key in keys(&app).await {
        let convoke::port::subject_keys::Kept::Key(secret) = sealer(&app).keys().read(key.key).await.unwrap() else {
            panic!("the key is there")
        };
        assert!(!bytes.windows(32).any(|window| window == &secret[..]), "a key lies in the backup");
    }
    // Without the keys the entries are there, and what they say of people is not.
    std::fs::remove_file(app.app.data().join("keys/subjects.keys")).unwrap();
    let app = app.restart().await;
    let seen = entries(&app).await;
    assert!(seen.iter().any(|entry| entry["withheld"] == "key_missing"), "{seen:?}");
    app.chained().await;
    assert_eq!(app.verified().await["valid"], true);
}

#[tokio::test]
async fn a_part_of_another_entry_does_not_open() {
    let app = TestApp::start().await;
    let user = app.call(&app.admin, "user_create", json!({ "email": "one@example.org" })).await.unwrap();
    app.call(&app.admin, "user_update", json!({ "id": user["id"], "name": "One" })).await.unwrap();
    app.tamper(
        "UPDATE l_audit SET body = json_set(body, '$.sealed', (SELECT json_extract(body, '$.sealed') FROM l_audit WHERE \
         body LIKE '%user_create%' LIMIT 1)) WHERE body LIKE '%user_update%'",
    );
    let seen = entries(&app).await;
    assert_eq!((&seen[0]["action"], &seen[0]["withheld"]), (&json!("user_update"), &json!("damaged")));
    assert!(seen[0]["changes"].is_null());
}
