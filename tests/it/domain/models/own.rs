//! Providers of a tenant's own, and its own prices: asked over real HTTP, for that tenant alone, and only where the operator lets
//! the program connect to for others.

use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use super::{ask, code, logged};
use crate::support::app::{Person, TestApp};
use crate::support::vendor::{KEY, Reply, Said, Vendor};

/// The program, with this machine among the networks that it may connect to for others.
async fn near() -> TestApp {
    TestApp::start_with(|settings| settings.config.outside.private_networks = vec!["127.0.0.0/8".to_owned()]).await
}

async fn set(app: &TestApp, by: &Person, name: &str, text: &str) -> Result<Value, Fault> {
    app.call(by, "model_provider_set", json!({ "name": name, "text": text })).await
}

fn provider(name: &str, base_url: &str, more: &str) -> String {
    format!(
        "name = '{name}'\ndialect = 'openai'\nbase_url = '{base_url}'\n{more}\n[[models]]\nname = 'house'\nabilities = ['chat', \
         'streaming']\nprice = {{ input = '1', output = '2' }}\n"
    )
}

async fn put_key(app: &TestApp, by: &Person) {
    app.call(by, "secret_put", json!({ "name": "our-llm", "value": KEY })).await.unwrap();
}

#[tokio::test]
async fn a_tenant_asks_its_own_provider_with_its_own_key_and_nobody_else_does() {
    let (app, vendor) = (near().await, Vendor::open().await);
    put_key(&app, &app.stranger).await;
    let text = provider("ours", &vendor.base_url("openai"), "key = { vault = 'our-llm' }");
    let told = set(&app, &app.stranger, "ours", &text).await.unwrap();
    assert_eq!((&told["models"], &told["secret"]), (&json!(["ours/house"]), &json!("our-llm")));
    vendor.then(Reply::Said(Said::text("Here.")));
    let answer = ask(&app, &app.stranger, "ours/house", "Where?").await.unwrap();
    assert_eq!((&answer["text"], &answer["model"]), (&json!("Here."), &json!("ours/house")));
    assert_eq!(logged(&app).await.pop().unwrap()["model"], "ours/house");
    assert_eq!(code(&ask(&app, &app.admin, "ours/house", "x").await), "unknown_model");
    let listed = app.call(&app.stranger, "model_list", json!({ "provider": "ours" })).await.unwrap();
    assert_eq!(listed["items"][0]["available"], true, "{listed}");
    let own = app.call(&app.stranger, "model_provider_list", json!({})).await.unwrap();
    assert_eq!((&own["items"][0]["name"], own["items"][0]["text"] == text), (&json!("ours"), true));
    assert_eq!(app.call(&app.admin, "model_provider_list", json!({})).await.unwrap()["items"], json!([]));
    // Removed it is gone at once.
    let gone = app.call(&app.stranger, "model_provider_set", json!({ "name": "ours" })).await.unwrap();
    assert_eq!(gone["removed"], true);
    assert_eq!(code(&ask(&app, &app.stranger, "ours/house", "x").await), "unknown_model");
    assert_eq!(code(&app.call(&app.stranger, "model_provider_set", json!({ "name": "ours" })).await), "not_found");
}

#[tokio::test]
async fn it_leads_only_where_the_operator_allows() {
    let app = TestApp::start().await;
    for base_url in ["http://127.0.0.1:9/v1", "https://[::1]/v1", "https://169.254.169.254/v1", "https://10.0.0.1/v1"] {
        let refused = set(&app, &app.admin, "ours", &provider("ours", base_url, "")).await.unwrap_err();
        assert!(refused.say().contains("private_networks"), "{base_url}: {refused}");
    }
    // A name is judged when it is resolved: however it got there, nothing is sent.
    let vendor = Vendor::open().await;
    let port = vendor.base_url("openai").replace("127.0.0.1", "localhost");
    set(&app, &app.admin, "ours", &provider("ours", &port, "")).await.unwrap();
    let refused = ask(&app, &app.admin, "ours/house", "x").await.unwrap_err();
    assert!(refused.say().contains("private_networks"), "{refused:?}");
    assert!(vendor.came().is_empty());
    // What the parser of addresses makes an address of is one.
    set(&app, &app.admin, "ours", &provider("ours", "http://0x7f.1:9/v1", "")).await.unwrap_err();
}

#[tokio::test]
async fn a_key_is_given_away_only_by_who_may_and_never_in_the_clear() {
    let app = near().await;
    put_key(&app, &app.admin).await;
    let with_key = |base_url: &str| provider("ours", base_url, "key = { vault = 'our-llm' }");
    for base_url in ["http://llm.example.org/v1", "http://8.8.8.8/v1"] {
        let refused = set(&app, &app.admin, "ours", &with_key(base_url)).await.unwrap_err();
        assert!(refused.say().contains("https only"), "{refused}");
    }
    set(&app, &app.admin, "ours", &with_key("https://llm.example.org/v1")).await.unwrap();
    // Who may set providers and may not replace secrets cannot send one elsewhere.
    let role = json!({ "name": "models", "permissions": ["models:read", "models:change"] });
    app.call(&app.admin, "role_create", role).await.unwrap();
    app.call(&app.admin, "role_assign", json!({ "userId": app.nobody.user, "role": "models" })).await.unwrap();
    let refused = set(&app, &app.nobody, "ours", &with_key("https://elsewhere.example.org/v1")).await;
    assert_eq!(code(&refused), "forbidden");
    set(&app, &app.nobody, "plain", &provider("plain", "https://elsewhere.example.org/v1", "")).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place() {
    let app = TestApp::start().await;
    for (name, text, said) in [
        ("ours", "name = 'ours'\ndialect = 'klingon'".to_owned(), "line 2"),
        ("ours", provider("others", "https://llm.example.org/v1", ""), "name: "),
        ("ours", provider("ours", "llm.example.org", ""), "base_url: "),
        (
            "ours",
            provider("ours", "https://llm.example.org", "key = { variable = 'OPENAI_API_KEY' }"),
            "key.variable: ",
        ),
        ("ours", provider("ours", "https://llm.example.org", "base_url_variable = 'HOME'"), "base_url_variable: "),
        (
            "ours",
            provider("ours", "https://llm.example.org", "headers = { Authorization = 'Bearer x' }"),
            "headers.Auth",
        ),
        ("prices", "[prices.test]\nsmall = { input = 'cheap' }".to_owned(), "prices.test"),
    ] {
        let refused = set(&app, &app.admin, name, &text).await.unwrap_err();
        let told: Vec<_> =
            refused.places().iter().map(|place| (&*place.pointer, place.message.contains(said))).collect();
        assert_eq!((refused.code().name, told.contains(&("/text", true))), ("bad_input", true), "{text}: {refused:?}");
    }
    assert_eq!(code(&set(&app, &app.member, "ours", "x = 1").await), "forbidden");
    assert_eq!(code(&set(&app, &app.admin, "Ours", "x = 1").await), "bad_input");
}

#[tokio::test]
async fn a_tenant_s_own_prices_lie_over_all_and_are_exact() {
    let app = TestApp::start().await;
    let prices = "prices_of = '2026-11-20'\n[prices.test]\nsmall = { input = '0.000001', output = '3' }";
    // Budgets count by prices: who may not change the ones may not change the others.
    let scopes = ["models:change", "models:read"];
    let key = app.call(&app.admin, "api_key_create", json!({ "name": "models", "scopes": scopes })).await.unwrap();
    let by_key = async |input| app.call_by_key(key["key"].as_str().unwrap(), "model_provider_set", input).await;
    let input = json!({ "name": "prices", "text": prices });
    assert_eq!(code(&by_key(input).await), "forbidden");
    set(&app, &app.admin, "prices", prices).await.unwrap();
    // Ten read at a millionth of a dollar a million, five written at three dollars: 0.01 and 15,000, rounded up once.
    let cost = ask(&app, &app.admin, "test/small", "x").await.unwrap()["cost"].clone();
    assert_eq!(cost, json!({ "known": true, "nanoDollars": 15_001 }));
    assert_eq!(code(&by_key(json!({ "name": "prices" })).await), "forbidden");
    app.call(&app.admin, "model_provider_set", json!({ "name": "prices" })).await.unwrap();
    let cost = ask(&app, &app.admin, "test/small", "x").await.unwrap()["cost"].clone();
    assert_eq!(cost, json!({ "known": true, "nanoDollars": 20_000 }), "the provider's own again");
}
