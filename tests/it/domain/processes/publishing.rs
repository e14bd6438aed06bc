//! Publishing: versions that never change and say how much has changed, and the history.

use serde_json::{Value, json};

use super::{ada, checked_note, named};
use crate::support::app::TestApp;

async fn update(app: &TestApp, edit: Value) -> Value {
    ada(app, "process_update", json!({ "id": "checked-note", "edits": [edit] })).await.unwrap()
}

async fn publish(app: &TestApp) -> Value {
    ada(app, "process_publish", json!({ "id": "checked-note" })).await.unwrap()
}

#[tokio::test]
async fn a_version_says_how_much_has_changed() {
    let app = TestApp::start().await;
    ada(&app, "process_create", named("Checked note", checked_note())).await.unwrap();
    let first = publish(&app).await;
    assert_eq!((&first["version"], &first["status"]), (&json!("1.0.0"), &json!("published")));
    assert!(first.get("step").is_none());
    // Only words.
    let told = update(&app, json!({ "do": "changeNode", "id": "look", "set": { "name": "Look it over" } })).await;
    assert_eq!(told["version"], "1.0.1-draft.2");
    let told = publish(&app).await;
    assert_eq!((&told["version"], &told["step"]), (&json!("1.0.1"), &json!("patch")));
    // Something else is done.
    update(&app, json!({ "do": "changeEdge", "id": "choose--store", "set": { "condition": "keep and note != \"\"" } }))
        .await;
    let told = publish(&app).await;
    assert_eq!((&told["version"], &told["step"]), (&json!("1.1.0"), &json!("minor")));
    // Something that may be given is no break; something that must be is.
    update(&app, json!({ "do": "setVariable", "name": "urgent", "variable": { "schema": { "type": "boolean" } } }))
        .await;
    assert_eq!(publish(&app).await["version"], "1.2.0");
    let must = json!({ "schema": { "type": "boolean" }, "required": true });
    update(&app, json!({ "do": "setVariable", "name": "urgent", "variable": must })).await;
    let small = json!({ "id": "checked-note", "release": "1.3.0" });
    let refused = ada(&app, "process_publish", small).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/release");
    assert!(refused.places()[0].message.contains("2.0.0 or later"), "{:?}", refused.places());
    let told = publish(&app).await;
    assert_eq!((&told["version"], &told["step"]), (&json!("2.0.0"), &json!("major")));
    update(&app, json!({ "do": "removeVariable", "name": "urgent" })).await;
    let told = ada(&app, "process_publish", json!({ "id": "checked-note", "release": "4.0.0" })).await.unwrap();
    assert_eq!(told["version"], "4.0.0");
}

#[tokio::test]
async fn what_is_published_stays_as_it_is() {
    let app = TestApp::start().await;
    ada(&app, "process_create", named("Checked note", checked_note())).await.unwrap();
    publish(&app).await;
    let version = |version: &str| json!({ "id": "checked-note", "version": version });
    let before = ada(&app, "process_get", version("1.0.0")).await.unwrap();
    for wanted in ["draft", "1.0.0", "1.0.0-draft.1"] {
        let refused = ada(&app, "process_publish", version(wanted)).await.unwrap_err();
        assert_eq!(refused.code().name, "process_version_taken", "{wanted}");
    }
    update(&app, json!({ "do": "changeNode", "id": "look", "set": { "config": { "assignee": "dan" } } })).await;
    let mut after = ada(&app, "process_get", version("1.0.0")).await.unwrap();
    // The branch has moved on; the version has not.
    assert_eq!(after["branches"][0]["head"], 2);
    after["branches"] = before["branches"].clone();
    assert_eq!(before, after);
    assert_eq!(ada(&app, "process_get", json!({ "id": "checked-note" })).await.unwrap()["version"], "1.0.0");
    assert_eq!(ada(&app, "process_get", version("draft")).await.unwrap()["version"], "1.1.0-draft.2");
    publish(&app).await;
    assert_eq!(ada(&app, "process_get", version("1.0.0")).await.unwrap()["status"], "superseded");
    for missing in ["3.0.0", "9.9.9-draft.9", "newest"] {
        let refused = ada(&app, "process_get", version(missing)).await.unwrap_err();
        assert_eq!((refused.code().status, &refused.detail().unwrap()["latest"]), (404, &json!("1.1.0")), "{missing}");
    }
}

#[tokio::test]
async fn the_history_tells_everything_newest_first_page_by_page() {
    let app = TestApp::start().await;
    let mut input = named("Checked note", checked_note());
    input["message"] = json!("first");
    ada(&app, "process_create", input).await.unwrap();
    publish(&app).await;
    for number in 2..=4 {
        update(&app, json!({ "do": "changeNode", "id": "look", "set": { "name": format!("Look {number}") } })).await;
    }
    publish(&app).await;
    let first = ada(&app, "process_versions", json!({ "id": "checked-note", "limit": 3 })).await.unwrap();
    let told = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|one| one["version"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(told(&first), ["1.0.1", "1.0.1-draft.3", "1.0.1-draft.2"]);
    let token = &first["nextPageToken"];
    let rest =
        ada(&app, "process_versions", json!({ "id": "checked-note", "limit": 3, "pageToken": token })).await.unwrap();
    assert_eq!((told(&rest), rest.get("nextPageToken")), (vec!["1.0.0".to_owned()], None));
    assert_eq!((&rest["items"][0]["message"], &rest["items"][0]["status"]), (&json!("first"), &json!("superseded")));
    assert_eq!(first["items"][0]["parents"], json!([3]));
    let only = ada(&app, "process_versions", json!({ "id": "checked-note", "published": true })).await.unwrap();
    assert_eq!(told(&only), ["1.0.1", "1.0.0"]);
    let refused = ada(&app, "process_versions", json!({ "id": "checked-note", "branch": "side" })).await.unwrap_err();
    assert_eq!((refused.code().status, &refused.detail().unwrap()["branches"]), (404, &json!(["main"])));
}
