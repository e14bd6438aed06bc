//! `system_migrate`: the schema of the store.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::shelf::{Shelf, State};
use crate::domain::system::{faults, operator};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::store::Migration;

/// Tells of the schema and its migrations.
pub(in crate::domain::system) struct Migrate;

/// What to do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// Only tell what would be run.
    #[serde(default)]
    dry_run: bool,
    /// Go back to the copy of this name, from before a change of the schema. Only on the machine, while no server runs:
    /// `convoke migrate --roll-back`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    roll_back_to: Option<String>,
}

/// The schema and its migrations.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// The schema's number.
    schema: u32,
    /// Whether nothing was to be run.
    dry_run: bool,
    /// The migrations that have been run, by number.
    applied: Vec<Step>,
    /// The migrations that have not. The store runs them when it is opened, so a running server has none.
    pending: Vec<Step>,
    /// Changes of single tables that were not made yet, in words. A running server has none.
    changes: Vec<String>,
    /// The migrations that this call ran.
    ran: Vec<Step>,
    /// How to go back to the schema before.
    roll_back: RollBack,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Step {
    /// Its number.
    number: u32,
    /// Its name.
    name: String,
    /// When it was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RollBack {
    /// What to do.
    how: String,
    /// The copies of the store from before its schema changed, newest first.
    copies: Vec<String>,
}

impl Capability for Migrate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "system_migrate",
        Domain::System,
        Route::post("/system/migrate"),
        Permit::on(Resource::System, Action::Change),
        "The version of the database schema, migrations that were run and those pending, and how to go back. Migrations run by \
         themselves when the server starts, after a copy of the store was made.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        operator::check(cx).await?;
        let shelf = cx.service::<Shelf>()?;
        if let Some(name) = input.roll_back_to {
            let found = shelf.find(&name).await?;
            if found.state != State::Automatic {
                return Err(Fault::bad_input("/rollBackTo", "is no copy from before a change of the schema"));
            }
            let say = format!("the store can go back to '{name}' only while no server runs");
            return Err(Fault::new(&faults::ROLL_BACK_STOPPED, say).with_detail(json!({
                "command": format!("convoke migrate --roll-back {name}"),
            })));
        }
        let schema = cx.platform().store.health().await.map_err(store_fault)?.schema;
        let migrations = cx.platform().store.migrations().await.map_err(store_fault)?;
        report(&shelf, schema, migrations, Vec::new(), input.dry_run).await
    }
}

/// What there is to tell of a store's schema.
///
/// # Errors
/// When the folder of backups cannot be read.
pub async fn report(
    shelf: &Arc<Shelf>,
    schema: u32,
    migrations: Vec<Migration>,
    changes: Vec<String>,
    dry_run: bool,
) -> Result<Output, Fault> {
    let (applied, pending): (Vec<_>, Vec<_>) = migrations
        .into_iter()
        .map(|Migration { number, name, applied_at }| Step { number, name, applied_at })
        .partition(|step| step.applied_at.is_some());
    let copies = shelf.list_here().await?.into_iter();
    let copies = copies.filter(|found| found.state == State::Automatic).map(|found| found.name).collect();
    Ok(Output {
        schema,
        dry_run,
        applied,
        pending,
        changes,
        ran: Vec::new(),
        roll_back: RollBack {
            how: "Stop the server, run 'convoke migrate --roll-back COPY', and start the version of the program that wrote \
                  the copy. What was written since is kept beside the copies and is not in it."
                .to_owned(),
            copies,
        },
    })
}
