//! Nobody gets at what is not theirs: every tool is tried without a credential, without a permission, and by the
//! administrator of another tenant with the ids of the first one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use convoke::capability::caller::Credential;
use convoke::capability::outcome::Outcome;
use convoke::capability::permit::Permit;
use convoke::capability::spec::Forward;
use convoke::capability::tool::Tool;
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
fn input_of(tool: &Tool) -> Value {
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
    for tool in built().into_iter().filter(|tool| tool.permit != Permit::Public && tool.forwards.is_none()) {
        match app.call(&app.nobody, &tool.name, input_of(&tool)).await {
            Err(fault) if fault.is(&codes::FORBIDDEN) => {}
            _ => {
                unneeded.insert(tool.name.to_string());
            }
        }
    }
    let own = |tool: &&Arc<Tool>| tool.permit == Permit::Own;
    let expected: BTreeSet<String> =
        built().iter().filter(own).filter(|tool| tool.forwards.is_none()).map(|tool| tool.name.to_string()).collect();
    assert_eq!(unneeded, expected, "what needs no permission (left) is not what concerns only the caller (right)");
    lists::hold("own_tools.txt", &built().iter().filter(own).map(|tool| tool.name.to_string()).collect());
    assert_eq!(app.ledger().await.audit, before.audit);
}

/// A tool that calls tools opens none of them: through it each is refused as it is by itself.
#[tokio::test]
async fn without_a_permission_every_tool_is_refused_through_others_too() {
    let app = TestApp::start().await;
    let before = app.ledger().await;
    let ways: Vec<Arc<Tool>> = built().into_iter().filter(|tool| tool.forwards.is_some()).collect();
    assert!(!ways.is_empty());
    for way in ways {
        for tool in built() {
            let input = json!({ "name": tool.name, "input": input_of(&tool) });
            let answer = app.call(&app.nobody, &way.name, input).await;
            let place = format!("{} through {}: {answer:?}", tool.name, way.name);
            let only_reads = way.forwards == Some(Forward::Reads) && (tool.is_audited() || tool.reaches);
            if tool.forwards.is_some() || only_reads {
                assert!(answer.unwrap_err().is(&codes::BAD_INPUT), "{place}");
            } else if matches!(tool.permit, Permit::On(..)) {
                assert!(answer.unwrap_err().is(&codes::FORBIDDEN), "{place}");
            } else {
                assert!(!answer.is_err_and(|fault| fault.is(&codes::FORBIDDEN)), "{place}");
            }
        }
    }
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

/// What ended a caller while a door still held them.
enum Ended {
    Suspended,
    Revoked,
    Expired,
}

#[tokio::test]
async fn those_whose_account_or_key_has_ended_are_refused_everything() {
    for ended in [Ended::Suspended, Ended::Revoked, Ended::Expired] {
        let app = TestApp::start().await;
        app.call(&app.admin, "role_assign", json!({ "role": "admin", "userId": scene::DAN })).await.unwrap();
        let input = json!({ "name": "all", "userId": scene::DAN, "expiresInDays": 1 });
        let made = app.call(&app.admin, "api_key_create", input).await.unwrap();
        let key = made["key"].as_str().unwrap();
        // A door may hold a caller for as long as its connection lives.
        let held = app.identify(key).await.unwrap();
        let answer = app.reply(held.clone(), "user_list", json!({}), |_| {}).await;
        assert!(answer.result.is_ok(), "{answer:?}");
        match ended {
            Ended::Suspended => {
                let input = json!({ "id": scene::DAN, "status": "suspended" });
                app.call(&app.admin, "user_update", input).await.unwrap();
            }
            Ended::Revoked => {
                app.call(&app.admin, "api_key_revoke", json!({ "id": made["id"] })).await.unwrap();
            }
            Ended::Expired => app.clock.advance(Duration::from_hours(24)),
        }
        let before = app.ledger().await;
        assert!(app.identify(key).await.unwrap_err().is(&codes::KEY_REFUSED));
        for tool in built() {
            let answer = app.reply(held.clone(), &tool.name, input_of(&tool), |_| {}).await.result;
            let fault = answer.map(drop).expect_err(&tool.name);
            assert!(fault.is(&codes::KEY_REFUSED), "{}: {fault}", tool.name);
        }
        assert_eq!(app.ledger().await, before);
    }
}

#[tokio::test]
async fn the_suspended_are_not_known() {
    let app = TestApp::start().await;
    let fault = app.identify(app.suspended.key.reveal()).await.unwrap_err();
    assert!(fault.is(&codes::KEY_REFUSED), "{fault}");
}

/// Texts of the scene's first tenant that no other tenant may see.
fn private_texts() -> Vec<String> {
    [
        "ada@example.org",
        "bo@example.org",
        "cleo@example.org",
        "dan@example.org",
        "nightly report",
        "old customer database",
    ]
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
