//! `system_config`.

use std::collections::BTreeMap;
use std::sync::Arc;

use convoke::capability::platform::{ConfigOrigins, Services};
use serde_json::{Value, json};

use crate::support::app::TestApp;

fn setting<'a>(answer: &'a Value, key: &str) -> &'a Value {
    answer["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap()
}

#[tokio::test]
async fn every_setting_says_where_it_comes_from() {
    let app = TestApp::start_with(|settings| {
        settings.config.server.allowed_origins = vec!["https://ann:s3cret@example.org".to_owned()];
        let origins = BTreeMap::from([("server.allowed_origins".to_owned(), "flag --allowed-origins".to_owned())]);
        settings.services = Services::default().with(Arc::new(ConfigOrigins(origins)));
    })
    .await;
    let answer = app.call(&app.admin, "system_config", json!({})).await.unwrap();
    let listen = setting(&answer, "server.listen");
    assert_eq!((&listen["value"], &listen["source"]), (&json!("127.0.0.1:7437"), &json!("default")));
    let origins = setting(&answer, "server.allowed_origins");
    assert_eq!(origins["source"], "flag --allowed-origins");
    assert_eq!(origins["value"], json!(["https://ann:***@example.org"]));

    let some = app.call(&app.admin, "system_config", json!({ "key": "backup." })).await.unwrap();
    let keys: Vec<&str> =
        some["settings"].as_array().unwrap().iter().map(|setting| setting["key"].as_str().unwrap()).collect();
    let all = ["folder", "place", "schedule", "keep", "keep_days", "encrypt"].map(|key| format!("backup.{key}"));
    assert_eq!(keys, all);
    let none = app.call(&app.admin, "system_config", json!({ "key": "nothing" })).await.unwrap();
    assert_eq!(none, json!({ "settings": [] }));
}
