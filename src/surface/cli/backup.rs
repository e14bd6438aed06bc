//! `backup`: a backup of everything, or the list of those there are. It ends when the backup is whole, however long that takes.

use std::time::Duration;

use serde_json::{Value, json};

use super::arguments::Backup;
use super::exit::Failure;
use super::output;
use super::setting::Setting;
use super::target::{Target, call};
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// How often a server elsewhere is asked whether it has finished.
const ASK_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(setting: Setting, asked: Backup) -> Result<(), Failure> {
    let target = Target::of(&setting, &asked.server, "backup")?;
    if asked.list {
        return target.write(call("system_backups", json!({}), None)).await;
    }
    let mut made = target.value("system_backup", json!({})).await?;
    // On this machine the call lasts as long as the backup; one of a server elsewhere may outlive it.
    while made["state"] == "running" {
        tokio::time::sleep(ASK_EVERY).await;
        let listed = target.value("system_backups", json!({ "name": made["name"] })).await?;
        let Some(item) = listed["items"].get(0) else { break };
        for property in ["state", "sizeBytes"] {
            made[property] = item[property].clone();
        }
    }
    output::json(&made);
    if made["state"] == "complete" {
        return Ok(());
    }
    Err(Fault::new(&codes::UNAVAILABLE, "the backup was not finished; the server's log says why").into())
}

/// Waits for a restore that outlived its call; answers how it ended, `None` where whoever asks is not known any more: the
/// people and keys are those of the backup then.
pub(super) async fn restored(target: &Target) -> Result<Option<Value>, Failure> {
    loop {
        tokio::time::sleep(ASK_EVERY).await;
        match target.value("system_backups", json!({ "limit": 1 })).await {
            Ok(listed) if listed["restore"]["state"] == "running" => {}
            Ok(listed) => return Ok(Some(listed["restore"].clone())),
            Err(failure) if failure.problem.status == 401 => return Ok(None),
            Err(failure) => return Err(failure),
        }
    }
}
