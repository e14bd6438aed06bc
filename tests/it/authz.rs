//! Nobody gets at what is not theirs: every tool is tried without a credential, without a permission, and by the
//! administrator of another tenant with the ids of the first one.

use std::collections::BTreeSet;

use convoke::capability::caller::Credential;
use convoke::capability::outcome::Outcome;
use convoke::capability::permit::Permit;
use convoke::domain::MODULES;
use convoke::kernel::codes;
use convoke::kernel::id::TenantId;
use convoke::port::records::{Filter, Query, Scope};
use serde_json::{Value, json};

use crate::lists;
use crate::support::app::TestApp;
use crate::support::{examples, scene};
use crate::tools::built;

/// An input for a tool: that of its first example.
fn input_of(tool: &convoke::capability::tool::Tool) -> Value {
    tool.card.examples.first().map_or_else(|| json!({}), |example| example.input.clone())
}

#[tokio::test]
async fn without_a_credential_every_tool_is_refused() {
    let app = TestApp::start().await;
    let caller = app.app.gate().identify(&Credential::None, None).await.unwrap();
    let before = app.ledger().await;
    let mut open = BTreeSet::new();
    for tool in built() {
        match app.reply(caller.clone(), &tool.name, input_of(&tool), |_| {}).await.result {
            Err(fault) if fault.is(&codes::UNAUTHENTICATED) => {}
            _ => {
                open.insert(tool.name.to_string());
            }
        }
    }
    assert_eq!(app.ledger().await, before);
    let public: BTreeSet<String> =
        built().iter().filter(|tool| tool.permit == Permit::Public).map(|tool| tool.name.to_string()).collect();
    assert_eq!(open, public, "what runs without a credential (left) is not what says that it is public (right)");
    lists::hold("public_tools.txt", &public);
}

#[tokio::test]
async fn without_a_permission_every_tool_is_refused() {
    let app = TestApp::start().await;
    let before = app.ledger().await;
    let mut unneeded = BTreeSet::new();
    for tool in built().into_iter().filter(|tool| tool.permit != Permit::Public) {
        match app.call(&app.nobody, &tool.name, input_of(&tool)).await {
            Err(fault) if fault.is(&codes::FORBIDDEN) => {}
            _ => {
                unneeded.insert(tool.name.to_string());
            }
        }
    }
    let own: BTreeSet<String> =
        built().iter().filter(|tool| tool.permit == Permit::Own).map(|tool| tool.name.to_string()).collect();
    // A tool that calls tools is refused as the tool that its example names.
    let forwarding = built().into_iter().filter(|tool| tool.forwards.is_some()).map(|tool| tool.name.to_string());
    let unneeded: BTreeSet<String> = unneeded.into_iter().chain(forwarding).collect();
    assert_eq!(unneeded, own, "what needs no permission (left) is not what concerns only the caller (right)");
    lists::hold("own_tools.txt", &own);
    assert_eq!(app.ledger().await.audit, before.audit);
}

#[tokio::test]
async fn for_another_tenant_nothing_of_the_first_is_there() {
    let mut wrong = Vec::new();
    for (tool, example) in examples::all() {
        let app = TestApp::start().await;
        let before = documents(&app, app.admin.tenant).await;
        let ids: Vec<String> = before.iter().map(|(id, _)| id.clone()).collect();
        let named = strings(&example.input).into_iter().any(|text| ids.contains(&text));
        let reply = app.call_with(&app.stranger, &tool.name, example.input.clone(), |_| {}).await.unwrap();
        let answer = match reply.result {
            Ok(Outcome::Value(value)) => Ok(value),
            Ok(other) => panic!("{}: {other:?} is not looked through here", tool.name),
            Err(fault) => Err(fault),
        };
        let place = format!("{}, \"{}\"", tool.name, example.say);
        match &answer {
            // A list held to what is not there is empty.
            Ok(value) if named && value["items"] != json!([]) => {
                wrong.push(format!("{place}: found what another tenant has: {value}"));
            }
            Err(fault) if named && !fault.is(&codes::NOT_FOUND) => wrong.push(format!("{place}: {fault}")),
            _ => {}
        }
        let told = match &answer {
            Ok(value) => value.to_string(),
            Err(fault) => serde_json::to_string(&fault.problem("")).unwrap(),
        };
        let asked = example.input.to_string();
        let texts = private_texts();
        let betrayed = ids.iter().chain(&texts).find(|text| told.contains(*text) && !asked.contains(*text));
        if let Some(betrayed) = betrayed {
            wrong.push(format!("{place}: tells of '{betrayed}': {told}"));
        }
        if documents(&app, app.admin.tenant).await != before {
            wrong.push(format!("{place}: changed something of another tenant"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_suspended_are_refused_everything() {
    let app = TestApp::start().await;
    let fault = app.identify(app.suspended.key.reveal()).await.unwrap_err();
    assert_eq!(fault.code().status, 401, "{fault}");
}

/// Texts of the scene's first tenant that no other tenant may see.
fn private_texts() -> Vec<String> {
    ["ada@example.org", "bo@example.org", "cleo@example.org", "dan@example.org", "nightly report"]
        .map(str::to_owned)
        .into()
}

/// Every document of a tenant by its id.
async fn documents(app: &TestApp, tenant: TenantId) -> Vec<(String, Value)> {
    let mut all = vec![(tenant.to_string(), Value::Null)];
    for kind in MODULES.iter().flat_map(|module| module.kinds) {
        let query = Query::newest(Filter::All, 10_000);
        let found = app.app.platform().store.find(Scope::Tenant(tenant), kind, query).await.unwrap();
        all.extend(found.into_iter().map(|record| (record.id.to_string(), record.body)));
    }
    assert!(all.len() > 5 && tenant != TenantId::from_uuid(scene::ELSEWHERE));
    all
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(properties) => properties.values().flat_map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}
