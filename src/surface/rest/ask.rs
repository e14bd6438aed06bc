//! Calls that need an answer before they can go on. The fault carries the questions and a sealed state that holds the whole
//! call; `POST /api/v1/calls/resume` with the state and the answers makes the call again.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Asked, Rest, answer};
use crate::capability::caller::Caller;
use crate::capability::client::Answers;
use crate::capability::gate::Request as Call;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;

const PURPOSE: &str = "rest-call";

/// A call that waits for answers, as its state holds it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Held {
    tool: String,
    input: Value,
    answers: Answers,
    tenant: TenantId,
    principal: String,
    idempotency_key: Option<String>,
    if_match: Option<i64>,
    until: Timestamp,
}

/// What a client sends to go on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Resume {
    request_state: String,
    answers: Answers,
}

impl Rest {
    /// The fault with the state that lets the call go on.
    pub(super) fn ask(&self, call: &Call, fault: Fault) -> Fault {
        let platform = self.gate.platform();
        let held = Held {
            tool: call.tool.clone(),
            input: call.input.clone(),
            answers: call.answers.clone(),
            tenant: call.caller.tenant,
            principal: call.caller.principal_name(),
            // The state is good for one call: who sends it again is told what that call answered.
            idempotency_key: Some(call.idempotency_key.clone().unwrap_or_else(|| format!("round {}", call.id))),
            if_match: call.if_match,
            until: platform.clock.now().plus(std::time::Duration::from_secs(platform.config.mcp.request_state_seconds)),
        };
        let Ok(content) = serde_json::to_vec(&held) else { return fault };
        let mut detail = fault.detail().cloned().unwrap_or_else(|| serde_json::json!({}));
        detail["requestState"] = platform.seal.seal(PURPOSE, &content).into();
        fault.with_detail(detail)
    }

    /// Makes a call again with answers.
    pub(super) async fn resume(
        &self,
        asked: &Asked,
        caller: Arc<Caller>,
        parts: &Parts,
        body: Body,
    ) -> Result<Response, Fault> {
        let body = self.read(parts, body).await?.unwrap_or(Value::Null);
        let resume: Resume = serde_json::from_value(body).map_err(|error| Fault::bad_input("", error.to_string()))?;
        let platform = self.gate.platform();
        let held = platform
            .seal
            .open(PURPOSE, &resume.request_state)
            .and_then(|content| serde_json::from_slice::<Held>(&content).ok())
            .filter(|held| held.tenant == caller.tenant && held.principal == caller.principal_name())
            .filter(|held| held.until > platform.clock.now())
            .ok_or_else(|| {
                Fault::new(&codes::BAD_REQUEST_STATE, "the request state is not one of this caller's calls")
            })?;
        let target = self
            .routes
            .of_tool(&held.tool)
            .ok_or_else(|| Fault::new(&codes::UNKNOWN_TOOL, format!("there is no tool '{}'", held.tool)))?;
        answer::acceptable(&parts.headers, target.tool.form)?;
        let mut call = asked.call(parts, caller, &held.tool, held.input);
        call.answers = held.answers;
        call.answers.extend(resume.answers);
        call.idempotency_key = held.idempotency_key;
        call.if_match = held.if_match;
        self.make(parts, target, call, false).await
    }
}
