//! The gate: what it lets through, what it refuses, and what is in the store afterwards. Tried on capabilities made for it.

mod approval;
mod asking;
mod behind;
mod bounds;
mod conflict;
mod ending;
pub(crate) mod fixture;
mod forms;
mod keys;
mod limits;
mod once;
mod outside;
mod tasks;

use std::sync::Arc;

use convoke::app::Settings;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use fixture::Probe;

/// The program with the fixtures.
async fn start() -> (TestApp, Arc<Probe>) {
    start_with(|_| {}).await
}

/// The same, started otherwise.
async fn start_with(alter: impl FnOnce(&mut Settings)) -> (TestApp, Arc<Probe>) {
    let probe = Probe::new();
    let fixtures = fixture::with(&probe);
    let app = TestApp::start_with(|settings| {
        fixtures(settings);
        alter(settings);
    })
    .await;
    (app, probe)
}

/// The input of a fixture that does its work at once.
fn note(text: &str) -> Value {
    json!({ "text": text })
}

/// The input of a fixture that stops inside.
fn held(text: &str) -> Value {
    json!({ "text": text, "wait": true })
}
