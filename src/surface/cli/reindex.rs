//! `reindex`: the index of vectors filled anew. It ends when the new one is in force, however long that takes.

use std::time::Duration;

use serde_json::json;

use super::arguments::Reindex;
use super::exit::Failure;
use super::output::{self, Bar};
use super::setting::Setting;
use super::target::{Target, call};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::runtime::owner::protocol::{ProgressTold, Told};

/// How often a server elsewhere is asked how far it has come.
const ASK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(setting: Setting, asked: Reindex) -> Result<(), Failure> {
    let target = Target::of(&setting, &asked.server, "reindex")?;
    let mut bar = Bar::in_lines();
    let mut done = json!(null);
    let what = call("system_reindex", json!({}), None);
    target.ask_with(what, &mut bar, |told| done = result(told, &done)).await?;
    // On this machine the call lasts as long as the work; one of a server elsewhere may outlive it.
    while done["state"] == "running" {
        tokio::time::sleep(ASK_EVERY).await;
        done = target.value("system_reindex", json!({ "watch": true })).await?;
        let (read, of) = (done["read"].as_f64().unwrap_or_default(), done["of"].as_f64());
        bar.show(&ProgressTold { done: read, total: of, message: None });
    }
    drop(bar);
    output::json(&done);
    if done["state"] == "complete" {
        return Ok(());
    }
    let say =
        "the index was not filled anew; the server's log says why, and the next 'convoke reindex' goes on from there";
    Err(Fault::new(&codes::UNAVAILABLE, say).into())
}

fn result(told: Told, before: &serde_json::Value) -> serde_json::Value {
    match told {
        Told::Result(value) => value,
        _ => before.clone(),
    }
}
