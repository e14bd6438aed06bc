//! A call that a person must approve first is held: it does not run, and is there for whoever decides.

use std::sync::Arc;

use convoke::capability::caller::Caller;
use convoke::capability::gate::approve::ApprovalPolicy;
use convoke::capability::gate::operation::{OPERATION, State};
use convoke::capability::tool::Tool;
use convoke::kernel::codes;
use convoke::kernel::id::OperationId;
use serde_json::Value;

use super::{note, start_with};

struct Sensitive;

impl ApprovalPolicy for Sensitive {
    fn demands(&self, _: &Caller, tool: &Tool, input: &Value) -> Option<String> {
        (&*tool.name == "fixture_note" && input["text"] == "payment").then(|| "payments are approved".to_owned())
    }
}

#[tokio::test]
async fn a_held_call_waits_and_runs_nothing() {
    let (app, probe) = start_with(|settings| settings.approvals = Arc::new(Sensitive)).await;
    app.call(&app.member, "fixture_note", note("tea")).await.unwrap();
    let before = app.ledger().await;
    let fault = app.call(&app.member, "fixture_note", note("payment")).await.unwrap_err();
    assert!(fault.is(&codes::APPROVAL_REQUIRED) && fault.say() == "payments are approved", "{fault}");
    assert_eq!(probe.runs(), 1);
    let after = app.ledger().await;
    assert_eq!((after.audit, after.usage, after.operations), (before.audit, before.usage, before.operations + 1));

    let id: OperationId = fault.detail().unwrap()["operationId"].as_str().unwrap().parse().unwrap();
    let caller = app.identify(app.member.key.reveal()).await.unwrap();
    let gate = app.app.gate();
    assert_eq!(gate.operation(&caller, id).await.unwrap().value.state, State::Held);
    gate.take_up().await.unwrap();
    assert_eq!(app.documents(&OPERATION).await[0]["state"], "held", "a restart approves nothing");
    gate.cancel(&caller, id).await.unwrap();
    assert_eq!(gate.operation(&caller, id).await.unwrap().value.state, State::Cancelled);
}

#[tokio::test]
async fn a_forwarded_call_is_held_as_well() {
    let (app, probe) = start_with(|settings| settings.approvals = Arc::new(Sensitive)).await;
    let input = serde_json::json!({ "name": "fixture_note", "input": { "text": "payment" } });
    let fault = app.call(&app.member, "tool_call", input).await.unwrap_err();
    assert!(fault.is(&codes::APPROVAL_REQUIRED), "{fault}");
    assert_eq!(probe.runs(), 0);
}
