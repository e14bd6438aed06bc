//! Secrets that a process sends: whoever says where one goes must be allowed to change secrets.

use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use super::{ada, line, named};
use crate::support::app::TestApp;

fn sends(url: &str, secret: &str) -> Value {
    let config = json!({ "url": url, "credential": secret });
    line(json!([{ "id": "send", "type": "integration", "config": config }]), json!({ "order": { "default": "A-1" } }))
}

fn code(told: Result<Value, Fault>) -> Option<&'static str> {
    told.err().map(|fault| fault.code().name)
}

#[tokio::test]
async fn only_who_may_change_secrets_says_where_one_goes_and_what_was_there_may_stay() {
    let app = TestApp::start().await;
    let known = "https://api.example.org/orders";
    let told = ada(&app, "process_create", named("Sends", sends(known, "crm"))).await;
    assert_eq!(code(told), Some("forbidden"));
    let right = json!({ "name": "keeper", "description": "Keeps secrets.", "permissions": ["secrets:change"] });
    app.call(&app.admin, "role_create", right).await.unwrap();
    let who = json!({ "role": "keeper", "userId": app.member.user.to_string() });
    app.call(&app.admin, "role_assign", who.clone()).await.unwrap();
    ada(&app, "process_create", named("Sends", sends(known, "crm"))).await.unwrap();
    app.call(&app.admin, "role_revoke", who).await.unwrap();
    let update = |url: &str, secret: &str| {
        let mut input = sends(url, secret);
        input["id"] = json!("sends");
        input
    };
    for (url, secret) in [("https://elsewhere.example.org/orders", "crm"), (known, "other")] {
        assert_eq!(code(ada(&app, "process_update", update(url, secret)).await), Some("forbidden"), "{url} {secret}");
    }
    // The same secret to the same server, on another path.
    let other = "= \"https://api.example.org/returns/\" + order";
    ada(&app, "process_update", update(other, "crm")).await.unwrap();
}

#[tokio::test]
async fn the_address_of_a_secret_names_its_server() {
    let app = TestApp::start().await;
    for url in ["= order", "= \"https://api.example.org\" + order"] {
        let told = app.call(&app.admin, "process_create", named("Sends", sends(url, "crm"))).await;
        assert!(told.is_err(), "{url}");
        assert_ne!(code(told), Some("forbidden"), "{url}");
    }
}
