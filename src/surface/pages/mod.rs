//! Pages behind links: `/forms/{pass}` shows a page with a form and takes what is filled in. Which page, and who takes it, the pass says; the page is
//! what the one tool answers, and what a person sends becomes the input of the other, through the gate as the person. So this door knows no domain.
//!
//! The page is plain HTML: it runs no script, loads nothing from elsewhere, and works on a phone and for a screen reader. The pass in the address is
//! the credential, and no cookie is: another site cannot send a form in a person's name without having their link.

mod draw;
mod fields;
mod sent;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};

use self::draw::{page, told};
use self::sent::Sent;
use crate::capability::caller::{Caller, Door, Origin};
use crate::capability::form_page::FormPage;
use crate::capability::gate::{Gate, Request as Call};
use crate::capability::outcome::Outcome;
use crate::capability::passes::Pass;
use crate::kernel::fault::Fault;
use crate::kernel::id::Id;
use crate::surface::http::proxies::ClientAddress;
use crate::surface::http::{body, trace};

/// Where the pages lie.
pub const PREFIX: &str = "/forms/";
const STYLE: &str = include_str!("style.css");
/// Nothing runs, nothing is loaded but the style, nothing is sent elsewhere, and no other page shows this one within itself.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// More than any form's answer.
const MOST_BYTES: usize = 1 << 20;

/// The routes of this door.
pub fn router(gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/forms/style.css", get(|| async { file("text/css; charset=utf-8", STYLE.to_owned(), StatusCode::OK) }))
        .route("/forms/{pass}", get(show).post(take))
        .with_state(gate)
}

async fn show(State(gate): State<Arc<Gate>>, Path(token): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let head = parts.method == Method::HEAD;
    let mut response = match Visit::of(&gate, &parts, &token).await {
        Ok(visit) => visit.shown(&Sent::default(), None).await,
        Err(fault) => refused(&fault),
    };
    if head {
        *response.body_mut() = Body::empty();
    }
    response
}

async fn take(State(gate): State<Arc<Gate>>, Path(token): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let visit = match Visit::of(&gate, &parts, &token).await {
        Ok(visit) => visit,
        Err(fault) => return refused(&fault),
    };
    let sent = match body::read(body, MOST_BYTES).await.and_then(|bytes| Sent::read(&parts.headers, &bytes)) {
        Ok(sent) => sent,
        Err(fault) => return refused(&fault),
    };
    match visit.send(&sent).await {
        // What was sent is not sent again when the page is loaded anew.
        Ok(()) => {
            let mut response = file("text/plain; charset=utf-8", String::new(), StatusCode::SEE_OTHER);
            if let Ok(location) = HeaderValue::from_str(&format!("{PREFIX}{token}")) {
                response.headers_mut().insert(LOCATION, location);
            }
            response
        }
        Err(fault) => visit.shown(&sent, Some(&fault)).await,
    }
}

/// One request of somebody who holds a pass.
struct Visit {
    gate: Arc<Gate>,
    pass: Arc<Pass>,
    caller: Arc<Caller>,
    origin: Origin,
    trace: Option<crate::kernel::trace::TraceContext>,
}

impl Visit {
    async fn of(gate: &Arc<Gate>, parts: &Parts, token: &str) -> Result<Self, Fault> {
        let address = parts.extensions.get::<ClientAddress>().and_then(|client| client.0);
        let (pass, caller) = gate.identify_pass(token, address).await?;
        let origin = Origin { door: Door::Page, address };
        Ok(Self { gate: gate.clone(), pass, caller, origin, trace: trace::of(&parts.headers) })
    }

    async fn call(&self, tool: &str, input: Map<String, Value>) -> Result<Value, Fault> {
        let id = Id::new(self.gate.platform().clock.now());
        let mut call = Call::new(id, self.caller.clone(), self.origin, tool, Value::Object(input));
        call.trace = self.trace;
        let gate = self.gate.clone();
        // A person who closes the page has sent it all the same.
        let reply = tokio::spawn(async move { gate.call(call).await }).await.map_err(Fault::internal)?;
        reply.result.and_then(Outcome::value)
    }

    async fn page(&self) -> Result<FormPage, Fault> {
        let told = self.call(&self.pass.shows, self.pass.fixed.clone()).await?;
        serde_json::from_value(told).map_err(Fault::internal)
    }

    /// The page, with what was sent and why it was not taken.
    async fn shown(&self, sent: &Sent, fault: Option<&Fault>) -> Response {
        match self.page().await {
            Ok(form) => {
                let status = fault.map_or(StatusCode::OK, status);
                html(page(&form, sent, fault), status)
            }
            Err(fault) => refused(&fault),
        }
    }

    /// Hands what was sent to the tool that takes it.
    async fn send(&self, sent: &Sent) -> Result<(), Fault> {
        let form = self.page().await?;
        let mut input = self.pass.fixed.clone();
        input.extend(sent.input(&form));
        self.call(&self.pass.answers, input).await.map(drop)
    }
}

/// The page that says why there is none.
fn refused(fault: &Fault) -> Response {
    let code = status(fault);
    let text = match code.as_u16() {
        401 | 404 => {
            "This link leads nowhere, or not any more: its time is over, or what it was for is another person's now. Ask whoever sent it \
                      for a new one."
        }
        429 => "Too many requests came from here. Wait a minute and load the page again.",
        413 | 415 | 400 => "What was sent could not be read. Go back, look at what you filled in, and send it again.",
        _ => "This page cannot be shown now. Try again in a few minutes; nothing was written.",
    };
    html(told("This page cannot be shown", text), code)
}

fn status(fault: &Fault) -> StatusCode {
    StatusCode::from_u16(fault.code().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn html(text: String, status: StatusCode) -> Response {
    file("text/html; charset=utf-8", text, status)
}

fn file(media: &'static str, text: String, status: StatusCode) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    // Not 'no-referrer': browsers then send the form with the origin 'null', which is nobody's.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    response
}
