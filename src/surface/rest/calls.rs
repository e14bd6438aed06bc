//! Calls that go on after their request: started with `Prefer: respond-async`, followed at `/api/v1/calls/{id}`.

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Asked, PREFIX, Rest, address, allowing, nothing_here};
use crate::capability::client::Answers;
use crate::capability::gate::Request as Call;
use crate::capability::gate::operation::{Operation, State};
use crate::capability::owned::Stored;
use crate::capability::spec::Verb;
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Problem};
use crate::kernel::id::OperationId;
use crate::kernel::time::Timestamp;

/// How a call stands that went on after its request.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Standing {
    /// The call's id here.
    id: String,
    /// The tool.
    tool: String,
    /// `running`, `waiting` (for answers), `held` (for a person's approval), `done`, `failed`, `cancelled` or `unknown`.
    state: String,
    /// When it began.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
    /// When it is forgotten.
    expires_at: Timestamp,
    /// What it answered, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// Whether the answer held a secret and was therefore not kept.
    secret_withheld: bool,
    /// The fault, where it ended by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
    /// The questions that it waits for answers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    questions: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    answers: Answers,
}

impl Standing {
    fn of(stored: Stored<Operation>) -> Self {
        let operation = stored.value;
        let state = serde_json::to_value(operation.state).ok();
        Self {
            id: stored.id.to_string(),
            tool: operation.tool,
            state: state.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
            created_at: operation.created_at,
            updated_at: operation.updated_at,
            expires_at: operation.expires_at,
            result: operation.result,
            secret_withheld: operation.secret,
            problem: operation.fault,
            questions: operation.questions,
        }
    }
}

impl Rest {
    /// Starts a call and answers where it can be followed.
    pub(super) async fn start(&self, call: Call) -> Result<Response, Fault> {
        let caller = call.caller.clone();
        if !caller.is_known() {
            return Err(Fault::new(&codes::UNAUTHENTICATED, "a call that goes on later needs a credential"));
        }
        let gate = self.gate.clone();
        let stored = lasting(async move {
            let id = gate.start(call).await?;
            gate.operation(&caller, id).await
        })
        .await?;
        let id = stored.id;
        let mut response = tell(StatusCode::ACCEPTED, stored)?;
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static("preference-applied"), HeaderValue::from_static("respond-async"));
        if let Ok(location) = HeaderValue::from_str(&format!("{PREFIX}/calls/{id}")) {
            headers.insert(LOCATION, location);
        }
        Ok(response)
    }

    /// What is below `/api/v1/calls/`.
    pub(super) async fn of_calls(
        &self,
        asked: &Asked,
        parts: &Parts,
        rest: &str,
        body: Body,
    ) -> Result<Response, Fault> {
        let (which, deed) = rest.split_once('/').map_or((rest, None), |(which, deed)| (which, Some(deed)));
        let method = &parts.method;
        match deed {
            None if which == "resume" && method == Method::POST => {}
            None if which == "resume" => return allowing(&[Verb::Post], method),
            None if matches!(*method, Method::GET | Method::HEAD) => {}
            None => return allowing(&[Verb::Get], method),
            Some("answers" | "cancel") if method == Method::POST => {}
            Some("answers" | "cancel") => return allowing(&[Verb::Post], method),
            Some(_) => return Err(nothing_here()),
        }
        let caller = self.caller(asked, parts).await?;
        // Asking how a call stands is a read; what it does besides, the gate counts.
        self.gate.count(&caller, address(parts), &asked.left)?;
        if !caller.is_known() {
            return Err(Fault::new(&codes::UNAUTHENTICATED, "this needs a credential"));
        }
        if rest == "resume" {
            return self.resume(asked, caller, parts, body).await;
        }
        let operation: OperationId = which.parse().map_err(|_| Fault::not_found("call", which))?;
        if deed == Some("answers") {
            let body = self.read(parts, body).await?.unwrap_or(Value::Null);
            let given: Given = serde_json::from_value(body).map_err(|error| Fault::bad_input("", error.to_string()))?;
            let call = asked.call(parts, caller.clone(), "", Value::Null);
            let gate = self.gate.clone();
            lasting(async move { gate.answer(call, operation, given.answers).await }).await?;
            return tell(StatusCode::ACCEPTED, self.gate.operation(&caller, operation).await?);
        }
        if deed == Some("cancel") {
            let (gate, caller) = (self.gate.clone(), caller.clone());
            lasting(async move { gate.cancel(&caller, operation).await }).await?;
        }
        tell(StatusCode::OK, self.gate.operation(&caller, operation).await?)
    }
}

/// What must not end halfway because the client went away.
async fn lasting<T: Send + 'static>(work: impl Future<Output = Result<T, Fault>> + Send + 'static) -> Result<T, Fault> {
    tokio::spawn(work).await.map_err(Fault::internal)?
}

fn tell(status: StatusCode, stored: Stored<Operation>) -> Result<Response, Fault> {
    let running = stored.value.state == State::Running;
    let body = serde_json::to_vec(&Standing::of(stored)).map_err(Fault::internal)?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if running {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Ok(response)
}
