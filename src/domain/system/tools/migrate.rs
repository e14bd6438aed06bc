//! `system_migrate`: the schema of the store.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::shelf::{Shelf, State};
use crate::domain::system::operator;
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
}

/// The schema and its migrations.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// The schema's number.
    schema: u32,
    /// Whether nothing was to be run.
    dry_run: bool,
    /// The migrations that have been run, by number.
    applied: Vec<Step>,
    /// The migrations that have not. The store runs them when it is opened, so a running server has none.
    pending: Vec<Step>,
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
        let schema = cx.platform().store.health().await.map_err(store_fault)?.schema;
        let (applied, pending): (Vec<_>, Vec<_>) = cx
            .platform()
            .store
            .migrations()
            .await
            .map_err(store_fault)?
            .into_iter()
            .map(|Migration { number, name, applied_at }| Step { number, name, applied_at })
            .partition(|step| step.applied_at.is_some());
        let copies = cx.service::<Shelf>()?.list().await?.into_iter();
        let copies = copies.filter(|found| found.state == State::Automatic).map(|found| found.name).collect();
        Ok(Output {
            schema,
            dry_run: input.dry_run,
            applied,
            pending,
            ran: Vec::new(),
            roll_back: RollBack {
                how: "Stop the server. Start the version of the program that wrote the copy on a new data folder, put the copy \
                      into its backups folder, and restore it there with system_restore or 'convoke restore'."
                    .to_owned(),
                copies,
            },
        })
    }
}
