//! Keys of providers: taken once, told of once, never shown.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use convoke::capability::gate::audit::AUDIT;
use convoke::kernel::secret::Secret;
use convoke::port::models::ModelFaultKind;
use convoke::port::secrets::Environment;
use serde_json::json;

use super::{ask, code, logged};
use crate::support::app::TestApp;
use crate::support::scripted::fault;

struct Variables(HashMap<&'static str, &'static str>);

impl Environment for Variables {
    fn value(&self, variable: &str) -> Option<Secret> {
        self.0.get(variable).map(|value| Secret::new((*value).to_owned()))
    }
}

const PROVIDER: &str = r#"
name = "keyed"
dialect = "openai"
base_url = "https://vendor.test/v1"
[key]
variable = "KEYED_API_KEY"
vault = "keyed-key"
[[models]]
name = "one"
abilities = ["chat"]
"#;

async fn keyed(variables: &[(&'static str, &'static str)]) -> TestApp {
    let variables = Arc::new(Variables(variables.iter().copied().collect()));
    TestApp::start_with(|settings| {
        std::fs::write(settings.data.join("providers/keyed.toml"), PROVIDER).unwrap();
        settings.environment = variables;
    })
    .await
}

async fn uses(app: &TestApp) -> usize {
    app.entries(&AUDIT).await.iter().filter(|entry| entry["action"] == "secret_use").count()
}

#[tokio::test]
async fn a_key_of_the_environment_is_taken_once_and_told_of_once() {
    let app = keyed(&[("KEYED_API_KEY", "sk-operator")]).await;
    for _ in 0..3 {
        ask(&app, &app.member, "keyed/one", "x").await.unwrap();
    }
    assert_eq!(app.vendor.keys(), vec![Some("sk-operator".to_owned()); 3]);
    assert_eq!(uses(&app).await, 1);
    // One that is refused is asked for anew.
    app.vendor.tell("one", [fault(ModelFaultKind::Credential)]);
    assert_eq!(code(&ask(&app, &app.member, "keyed/one", "x").await), "provider_key_refused");
    ask(&app, &app.member, "keyed/one", "x").await.unwrap();
    assert_eq!(uses(&app).await, 2);
}

#[tokio::test]
async fn a_tenant_s_own_key_goes_first_and_a_new_one_is_used_at_once() {
    let app = keyed(&[("KEYED_API_KEY", "sk-operator")]).await;
    assert_eq!(code(&ask(&app, &app.stranger, "keyed/one", "x").await), "no_model_configured");
    let put = async |text: &str| {
        app.call(&app.stranger, "secret_put", json!({ "name": "keyed-key", "value": text })).await.unwrap();
    };
    put("sk-first").await;
    for _ in 0..3 {
        ask(&app, &app.stranger, "keyed/one", "x").await.unwrap();
    }
    assert_eq!(uses(&app).await, 1);
    put("sk-second").await;
    ask(&app, &app.stranger, "keyed/one", "x").await.unwrap();
    app.clock.advance(Duration::from_mins(2));
    ask(&app, &app.stranger, "keyed/one", "x").await.unwrap();
    let keys: Vec<String> = app.vendor.keys().into_iter().flatten().collect();
    assert_eq!(keys, ["sk-first", "sk-first", "sk-first", "sk-second", "sk-second"]);
    assert_eq!(uses(&app).await, 3, "now and then it is asked for again");
    app.call(&app.stranger, "secret_delete", json!({ "name": "keyed-key" })).await.unwrap();
    assert_eq!(code(&ask(&app, &app.stranger, "keyed/one", "x").await), "no_model_configured");
    // The operator's own tenant has the key of the environment.
    ask(&app, &app.admin, "keyed/one", "x").await.unwrap();
    assert_eq!(app.vendor.keys().pop().unwrap().as_deref(), Some("sk-operator"));
}

#[tokio::test]
async fn a_key_is_never_told() {
    let app = keyed(&[("KEYED_API_KEY", "sk-operator")]).await;
    app.vendor.tell("one", [fault(ModelFaultKind::Credential), fault(ModelFaultKind::Unavailable)]);
    let mut told = String::new();
    for _ in 0..3 {
        write!(told, "{:?}", ask(&app, &app.admin, "keyed/one", "x").await).unwrap();
    }
    write!(told, "{:?}", logged(&app).await).unwrap();
    write!(told, "{:?}", app.audited().await).unwrap();
    write!(told, "{:?}", app.entries(&convoke::capability::events::EVENTS).await).unwrap();
    for tool in ["model_list", "model_route_list", "model_usage", "system_config"] {
        told.push_str(&app.call(&app.admin, tool, json!({})).await.unwrap().to_string());
    }
    assert!(!told.contains("sk-operator"), "{told}");
}

#[tokio::test]
async fn a_provider_without_a_key_says_what_is_missing() {
    let app = keyed(&[]).await;
    let refused = ask(&app, &app.admin, "keyed/one", "x").await.unwrap_err();
    assert_eq!(refused.code().name, "not_configured");
    let detail = refused.detail().unwrap();
    assert_eq!((&detail["environment"], &detail["vault"]), (&json!(["KEYED_API_KEY"]), &json!("keyed-key")));
    let listed = app.call(&app.admin, "model_list", json!({ "provider": "keyed", "all": true })).await.unwrap();
    assert_eq!(listed["items"][0]["available"], false);
    let missing = listed["items"][0]["missing"].to_string();
    assert!(missing.contains("KEYED_API_KEY") && missing.contains("keyed-key"), "{missing}");
    let listed = app.call(&app.admin, "model_list", json!({ "provider": "keyed" })).await.unwrap();
    assert_eq!(listed["items"], json!([]));
}

/// Without any key at all the fault names the three ways to a model.
#[tokio::test]
async fn who_has_no_model_is_told_of_three_ways_to_one() {
    let app = TestApp::start_with(|settings| {
        std::fs::remove_file(settings.data.join("providers/test.toml")).unwrap();
        std::fs::write(settings.data.join("providers/keyed.toml"), PROVIDER).unwrap();
        settings.environment = Arc::new(Variables(HashMap::new()));
    })
    .await;
    app.call(
        &app.admin,
        "model_route_set",
        json!({ "name": "default", "candidates": [{ "model": "keyed/one" }], "enabled": false }),
    )
    .await
    .unwrap();
    for model in [
        json!({ "prompt": "x" }),
        json!({ "prompt": "x", "model": "keyed/one" }),
        json!({ "prompt": "x", "model": "one" }),
    ] {
        let fault = app.call(&app.admin, "model_complete", model).await.unwrap_err();
        assert_eq!(fault.code().name, "no_model_configured");
        let detail = fault.detail().unwrap();
        assert!(detail["environment"].to_string().contains("KEYED_API_KEY"), "{detail}");
        assert!(detail["vault"].to_string().contains("keyed-key") && detail["folder"] == "providers/", "{detail}");
    }
}
