//! Finding rule sets and their versions.

use super::faults::TOO_MANY_RULE_SETS;
use super::model::{RuleSet, RuleVersion};
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::Action;
use crate::domain::prompts::engine::file::meant;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// The counter of a tenant's rule sets.
const RULE_SETS: &str = "rule_sets";
/// The most rule sets of a tenant.
const MOST_RULE_SETS: u32 = 2_000;

/// The rule set of an id or name that the caller may do this to.
pub(super) async fn load(cx: &Cx, given: &str, action: Action) -> Result<Stored<RuleSet>, Fault> {
    cx.load::<RuleSet>(RuleSet::id(&meant(given)), action)
        .await
        .map_err(|fault| if fault.is(&codes::NOT_FOUND) { Fault::not_found("rule set", given) } else { fault })
}

/// A version of a rule set that was loaded; the newest where none is named.
pub(super) async fn version(cx: &Cx, set: &RuleSet, wanted: Option<u32>) -> Result<RuleVersion, Fault> {
    let number = wanted.unwrap_or(set.version);
    let found = cx.get::<RuleVersion>(RuleVersion::id(&set.rule_set_id, number)).await?;
    found.map(|stored| stored.value).ok_or_else(|| {
        let detail = serde_json::json!({ "ruleSetId": set.rule_set_id, "newest": set.version });
        Fault::not_found("version", number).with_detail(detail)
    })
}

/// Counts a new rule set against what the tenant may have.
pub(super) async fn room_for_one(cx: &Cx) -> Result<(), Fault> {
    cx.room_for_one(RULE_SETS, MOST_RULE_SETS, "rule sets", &TOO_MANY_RULE_SETS).await
}
