//! One request to a door of this kind: who asks, the call that it becomes, and what every answer has.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::DropGuard;

use crate::capability::caller::{Caller, Door, Origin};
use crate::capability::gate::limit::Left;
use crate::capability::gate::{Gate, Request as Call};
use crate::capability::outcome::{Items, Outcome};
use crate::kernel::codes::Retry;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, Id};
use crate::surface::http::credentials::credential_or_key;
use crate::surface::http::proxies::ClientAddress;
use crate::surface::http::{body, problem, tenant, trace};
use crate::surface::rest::{answer, input};

/// A request.
pub(in crate::surface) struct Visit {
    gate: Arc<Gate>,
    door: Door,
    /// Its id, as in the log.
    pub(in crate::surface) id: CallId,
    left: Left,
    /// Its head.
    pub(in crate::surface) parts: Parts,
}

impl Visit {
    pub(in crate::surface) fn open(gate: Arc<Gate>, door: Door, request: Request) -> (Self, Body) {
        let id = Id::new(gate.platform().clock.now());
        let (parts, body) = request.into_parts();
        (Self { gate, door, id, left: Left::default(), parts }, body)
    }

    fn address(&self) -> Option<IpAddr> {
        self.parts.extensions.get::<ClientAddress>().and_then(|client| client.0)
    }

    /// Now, in seconds, as vendors tell it.
    pub(in crate::surface) fn seconds(&self) -> i64 {
        self.gate.platform().clock.now().as_millis().div_euclid(1000)
    }

    /// A call of a tool by whoever asks, without an input as yet.
    pub(in crate::surface) async fn call(&self, tool: &str) -> Result<Call, Fault> {
        let caller = self.caller().await?;
        let origin = Origin { door: self.door, address: self.address() };
        let mut call = Call::new(self.id, caller, origin, tool, Value::Null);
        call.left = self.left.clone();
        call.trace = trace::of(&self.parts.headers);
        if !call.caller.is_known() {
            // Who may not call learns nothing else about the request; the gate says so, and counts the call.
            return Err(self
                .make(call)
                .await
                .err()
                .unwrap_or_else(|| Fault::internal("a call without a key went well")));
        }
        Ok(call)
    }

    async fn caller(&self) -> Result<Arc<Caller>, Fault> {
        let caller = self.gate.identify(&credential_or_key(&self.parts.headers), self.address()).await?;
        if let Err(fault) = tenant::check(&self.parts.headers, &caller) {
            self.gate.count(&caller, self.address(), &self.left)?;
            return Err(fault);
        }
        Ok(caller)
    }

    /// The JSON of the body.
    pub(in crate::surface) async fn body(&self, body: Body) -> Result<Value, Fault> {
        let bytes = body::read(body, self.gate.platform().config.server.body_limit_bytes).await?;
        input::body(&self.parts.headers, &bytes)?.ok_or_else(|| Fault::bad_input("", "the body is missing"))
    }

    /// A call that is refused before it is made counts like one that was.
    pub(in crate::surface) fn refuse(&self, call: &Call, fault: Fault) -> Fault {
        self.gate.refuse(call, fault)
    }

    /// Makes a call. When the client goes away the call is called off, and what it has begun outside is still recorded.
    pub(in crate::surface) async fn make(&self, call: Call) -> Result<(Outcome, DropGuard), Fault> {
        let calling = call.cancel.clone().drop_guard();
        let reply = self.gate.call(call).await;
        Ok((reply.result?, calling))
    }

    /// Makes a call that answers with one value.
    pub(in crate::surface) async fn value(&self, call: Call) -> Result<Value, Fault> {
        match self.make(call).await? {
            (Outcome::Value(value), calling) => {
                let _ = calling.disarm();
                Ok(value)
            }
            _ => Err(strange()),
        }
    }

    /// Makes a call that answers with items as they come.
    pub(in crate::surface) async fn items(&self, call: Call) -> Result<(Items, DropGuard), Fault> {
        match self.make(call).await? {
            (Outcome::Stream(items), calling) => Ok((items, calling)),
            _ => Err(strange()),
        }
    }

    /// What every answer has. Each vendor's clients look for the id under another name.
    pub(in crate::surface) fn close(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(id) = HeaderValue::from_str(&self.id.to_string()) {
            headers.insert(problem::REQUEST_ID.clone(), id.clone());
            headers.insert(HeaderName::from_static("request-id"), id);
        }
        if let Some(allowance) = self.left.get() {
            answer::tell_allowance(headers, allowance);
        }
        response
    }
}

fn strange() -> Fault {
    Fault::internal("a tool answered in another form than it says")
}

/// An answer as JSON.
pub(in crate::surface) fn json(told: &impl Serialize) -> Result<Response, Fault> {
    let bytes = serde_json::to_vec(told).map_err(Fault::internal)?;
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    *response.body_mut() = Body::from(bytes);
    Ok(response)
}

/// A fault in a vendor's form, with the headers by which its clients decide whether to ask again.
pub(in crate::surface) fn refusal(fault: &Fault, status: u16, told: &Value) -> Response {
    let mut response = json(told).unwrap_or_default();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    // A budget is whole again after days: nobody waits for that.
    if fault.code().retry != Retry::Later || fault.code().status == 402 {
        headers.insert(HeaderName::from_static("x-should-retry"), HeaderValue::from_static("false"));
    }
    if status == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"convoke\""));
    }
    if let Some(wait) = fault.retry_after() {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}
