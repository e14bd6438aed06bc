//! `backup`: a backup of everything, or the list of those there are.

use serde_json::json;

use super::arguments::Backup;
use super::exit::Failure;
use super::setting::Setting;
use super::target::{Target, call};

pub(super) async fn run(setting: Setting, asked: Backup) -> Result<(), Failure> {
    let tool = if asked.list { "system_backups" } else { "system_backup" };
    Target::of(&setting, &asked.server, "backup")?.write(call(tool, json!({}), None)).await
}
