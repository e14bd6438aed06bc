//! The domain of models: the router with its routes, budgets, cache and meter, on a vendor that does what it is told.

mod advice;
mod budgets;
mod caching;
mod cards;
mod completing;
mod crowd;
mod failing;
mod keys;
mod listing;
mod own;
mod pace;
mod routes;
mod similar;
mod streamed;
mod streaming;
mod telemetry;
mod usage;

use std::sync::Arc;

use convoke::capability::caller::{Credential, Door, Origin};
use convoke::domain::models::{Asker, CacheUse, Router, Tags, Wish};
use convoke::kernel::clock::Clock as _;
use convoke::kernel::fault::Fault;
use convoke::kernel::id::CallId;
use convoke::port::models::{ChatRequest, Message, Part, Role};
use serde_json::{Value, json};

use crate::support::app::{Person, TestApp};

/// Asks a model as somebody.
async fn ask(app: &TestApp, person: &Person, model: &str, prompt: &str) -> Result<Value, Fault> {
    app.call(person, "model_complete", json!({ "model": model, "prompt": prompt })).await
}

/// Sets a route of the administrator's.
async fn route(app: &TestApp, input: Value) -> Value {
    app.call(&app.admin, "model_route_set", input).await.unwrap()
}

/// The only entries of the log of calls, oldest first.
async fn logged(app: &TestApp) -> Vec<Value> {
    let platform = app.app.platform();
    platform.service::<Router>().unwrap().flush(platform).await.unwrap();
    let module = &convoke::domain::models::MODULE;
    app.entries(module.logs[0]).await
}

/// The router and somebody who asks it.
async fn asker(app: &TestApp, person: &Person) -> (Arc<Router>, Asker) {
    let platform = app.app.platform().clone();
    let caller = app.app.gate().identify(&Credential::Bearer(person.key.clone()), None).await.unwrap();
    let origin = Origin { door: Door::Inside, address: None };
    let request_id = CallId::new(app.clock.now());
    (
        platform.service::<Router>().unwrap(),
        Asker { platform, caller, request_id, origin, client: None, trace: None, asked: None },
    )
}

fn wish(model: &str) -> Wish {
    Wish { model: Some(model.to_owned()), cache: CacheUse::AsRouted, tags: Tags::default() }
}

fn request(text: &str) -> Arc<ChatRequest> {
    let parts = vec![Part::Text { text: text.to_owned() }];
    Arc::new(ChatRequest { messages: vec![Message { role: Role::User, parts }], ..ChatRequest::default() })
}

/// The code of what went wrong.
fn code<T: std::fmt::Debug>(answer: &Result<T, Fault>) -> &'static str {
    answer.as_ref().map_or_else(|fault| fault.code().name, |answer| panic!("it went well: {answer:?}"))
}
