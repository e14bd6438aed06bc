//! `migrate`: the store's schema. Opening a store brings it up to this program, so what must not do that looks at the data
//! folder, as its owner, without opening it. And moving everything from one kind of store to another.

use serde_json::json;

use super::arguments::{Backend, Migrate};
use super::exit::Failure;
use super::house::Plan;
use super::output;
use super::setting::Setting;
use super::target::{Target, call};
use crate::app::{App, Move};
use crate::kernel::fault::Fault;
use crate::runtime::owner::join::{Joined, PATIENCE, join};
use crate::runtime::owner::lock::{OwnerLock, owned};
use crate::runtime::owner::protocol::Wish;

pub(super) async fn run(setting: Setting, asked: Migrate) -> Result<(), Failure> {
    let target = Target::of(&setting, &asked.server, "migrate")?;
    if let Target::Local(plan) = &target {
        if let Some(copy) = &asked.roll_back {
            return roll_back(plan, copy).await;
        }
        if let (Some(from), Some(to)) = (asked.from, asked.to) {
            return transfer(plan, from, to).await;
        }
        if asked.dry_run
            && let Some(lock) = lock(plan).await?
        {
            let inspected = App::inspect(&plan.loaded.config, plan.data(), plan.clock.clone()).await?;
            output::json(&serde_json::to_value(inspected).map_err(Fault::internal)?);
            drop(lock);
            return Ok(());
        }
    }
    target.write(call("system_migrate", json!({ "dryRun": asked.dry_run }), None)).await
}

/// The data folder for this process alone; `None` when another one has it open, and has brought it up by that.
async fn lock(plan: &Plan) -> Result<Option<OwnerLock>, Failure> {
    match join(plan.data(), &plan.holder(), &Wish::Call, PATIENCE).await? {
        Joined::Owner(lock) => Ok(Some(lock)),
        Joined::Guest(_) => Ok(None),
    }
}

/// Moves everything from one store into the other.
async fn transfer(plan: &Plan, from: Backend, to: Backend) -> Result<(), Failure> {
    let way = match (from, to) {
        (Backend::Sqlite, Backend::Postgres) => Move::SqliteToPostgres,
        (Backend::Postgres, Backend::Sqlite) => Move::PostgresToSqlite,
        (Backend::Sqlite, Backend::Sqlite) | (Backend::Postgres, Backend::Postgres) => {
            return Err(Failure::usage("--from and --to name the same store".to_owned()));
        }
    };
    let Some(lock) = lock(plan).await? else {
        return Err(owned(plan.data(), "the store can move only while nothing else has it open").into());
    };
    let moved = App::transfer(&plan.loaded.config, plan.data(), plan.clock.clone(), way).await?;
    drop(lock);
    let (from, to) = (name(from), name(to));
    output::json(&json!({
        "from": from,
        "to": to,
        "moved": moved,
        "next": format!("Set store.backend = \"{to}\" and start the server. Blobs stay where they are. What was in \
                         '{from}' is as it was: remove it when you are content."),
    }));
    Ok(())
}

const fn name(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "sqlite",
        Backend::Postgres => "postgres",
    }
}

async fn roll_back(plan: &Plan, copy: &str) -> Result<(), Failure> {
    let Some(lock) = lock(plan).await? else {
        return Err(owned(plan.data(), "the store can go back only while nothing else has it open").into());
    };
    let kept = App::roll_back(&plan.loaded.config, plan.data(), copy, &*plan.clock).await?;
    drop(lock);
    output::json(&json!({
        "rolledBackTo": copy,
        "kept": kept,
        "next": "Start the version of the program that wrote the copy: this one would bring the store up again.",
    }));
    Ok(())
}
