//! Keeping a version: compiled, tested, looked at, and only then written.

use std::sync::Arc;

use serde_json::json;

use super::book::RuleBook;
use super::content::Rules;
use super::engine::looking::{Finding, findings};
use super::engine::prepared::Prepared;
use super::engine::proving::failures;
use super::faults::RULE_TESTS_FAILED;
use super::finding::room_for_one;
use super::model::{RuleSet, RuleVersion};
use super::topics::{CREATED, UPDATED};
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::domain::prompts::engine::file::id_of;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::tasks::blocking;

/// What a rule set says, proved.
pub(super) struct Proved {
    pub(super) digest: String,
    pub(super) prepared: Arc<Prepared>,
    pub(super) findings: Vec<Finding>,
}

/// Compiles rules, runs their tests, and looks for overlaps and gaps.
pub(super) async fn proved(cx: &Cx, rules: &Rules) -> Result<Proved, Fault> {
    let digest = rules.digest();
    let prepared = cx.service::<RuleBook>()?.prepared(rules, &digest).await?;
    let one = prepared.clone();
    let looked = blocking(move || (failures(&one), findings(&one))).await;
    let (failed, findings) = looked.ok_or_else(|| Fault::internal("testing a rule set broke down"))?;
    if failed.is_empty() {
        return Ok(Proved { digest, prepared, findings });
    }
    let say = format!("{} of {} tests do not hold", failed.len(), rules.tests.len());
    Err(Fault::new(&RULE_TESTS_FAILED, say).with_detail(json!({ "tests": failed })))
}

/// Writes a new rule set as version 1.
pub(super) async fn create(
    cx: &Cx,
    name: String,
    description: String,
    rules: Rules,
    digest: String,
    message: Option<String>,
) -> Result<(RuleSet, RuleVersion), Fault> {
    let rule_set_id = free_id(cx, &name).await?;
    room_for_one(cx).await?;
    let set = RuleSet { rule_set_id, name, description, version: 1, digest };
    cx.create(RuleSet::id(&set.rule_set_id), cx.belongs_to_caller(), &set)?;
    let version = write(cx, &set, rules, message)?;
    cx.emit(CREATED, &set.rule_set_id, &json!({ "ruleSetId": set.rule_set_id, "version": set.version }))?;
    Ok((set, version))
}

/// The id that a name makes, where it is free.
pub(super) async fn free_id(cx: &Cx, name: &str) -> Result<String, Fault> {
    let id = id_of(name);
    if id.is_empty() {
        return Err(Fault::bad_input("/name", "must have a letter from a to z or a digit: the id is made of them"));
    }
    if cx.get::<RuleSet>(RuleSet::id(&id)).await?.is_some() {
        let say = format!("there is a rule set '{id}': change it with rule_update, or choose another name");
        return Err(Fault::new(&codes::ALREADY_EXISTS, say));
    }
    Ok(id)
}

/// Writes the next version of a rule set.
pub(super) fn next(
    cx: &Cx,
    stored: &Stored<RuleSet>,
    set: RuleSet,
    rules: Rules,
    message: Option<String>,
) -> Result<(RuleSet, RuleVersion), Fault> {
    cx.change(stored, &set)?;
    let version = write(cx, &set, rules, message)?;
    cx.emit(UPDATED, &set.rule_set_id, &json!({ "ruleSetId": set.rule_set_id, "version": set.version }))?;
    Ok((set, version))
}

fn write(cx: &Cx, set: &RuleSet, rules: Rules, message: Option<String>) -> Result<RuleVersion, Fault> {
    let version = RuleVersion {
        rule_set_id: set.rule_set_id.clone(),
        version: set.version,
        digest: set.digest.clone(),
        rules,
        author: cx.caller().user,
        message,
        written_at: cx.now(),
    };
    cx.create(RuleVersion::id(&set.rule_set_id, set.version), cx.belongs_to_caller(), &version)?;
    Ok(version)
}
