//! `migrate`: the store's schema.

use serde_json::json;

use super::arguments::Migrate;
use super::exit::Failure;
use super::setting::Setting;
use super::target::{Target, call};

pub(super) async fn run(setting: Setting, asked: Migrate) -> Result<(), Failure> {
    let input = json!({ "dryRun": asked.dry_run });
    Target::of(&setting, &asked.server, "migrate")?.write(call("system_migrate", input, None)).await
}
