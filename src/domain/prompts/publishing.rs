//! Publishing: a content gets its version, and labels move, all or nothing. What callers rely on is held against it first.

use schemars::JsonSchema;
use serde::Serialize;

use super::engine::checks::Wanted as Expected;
use super::engine::content::Case;
use super::engine::variables::breaks;
use super::faults::{CONTRACT_BROKEN, LABEL_MOVED, LABEL_PROTECTED};
use super::finding::Found;
use super::judging::{Whole, tokens};
use super::model::prompt::{Label, Prompt, Target};
use super::model::revision::Revision;
use super::writing::own_name;
use crate::capability::cx::Cx;
use crate::kernel::fault::Fault;

/// A case that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BrokenCase {
    /// The case.
    pub(super) case: String,
    /// The version whose callers rely on it.
    pub(super) of: String,
    /// What does not hold.
    pub(super) problems: Vec<String>,
}

/// What a label stands for, in a word.
pub(super) fn told(targets: &[Target]) -> String {
    match targets {
        [] => "nothing".to_owned(),
        [only] => only.version.clone(),
        many => {
            let all: Vec<String> =
                many.iter().map(|target| format!("{} ({})", target.version, target.weight)).collect();
            all.join(", ")
        }
    }
}

/// Whether the caller may move a label that is as they expect it.
pub(super) fn may_move(cx: &Cx, name: &str, label: Option<&Label>, expected: Option<&str>) -> Result<(), Fault> {
    let targets = label.map(|label| label.targets.as_slice()).unwrap_or_default();
    if let Some(expected) = expected {
        let found = told(targets);
        let fits = match targets {
            [] => expected == "none",
            [only] => only.version == expected,
            many => many.iter().any(|target| target.version == expected),
        };
        if !fits {
            let detail = serde_json::json!({ "label": name, "expected": expected, "targets": targets });
            return Err(
                Fault::new(&LABEL_MOVED, format!("'{name}' stands for {found}, not {expected}")).with_detail(detail)
            );
        }
    }
    match label.and_then(|label| label.role.as_deref()) {
        Some(role) if !cx.caller().roles.iter().any(|one| one == role) => {
            let detail = serde_json::json!({ "label": name, "role": role });
            Err(Fault::new(&LABEL_PROTECTED, format!("'{name}' is moved by holders of the role '{role}'"))
                .with_detail(detail))
        }
        _ => Ok(()),
    }
}

/// Holds what callers of a label rely on against what it is to stand for: where a version takes less than one that the label
/// stands for now, the contract cases of that one must hold with it. Answers what breaks all the same.
pub(super) async fn hold_contract(
    cx: &Cx,
    found: &Found,
    name: &str,
    label: Option<&Label>,
    new: &[Revision],
) -> Result<Vec<String>, Fault> {
    let own = own_name(&found.prompt);
    let mut breaking = Vec::new();
    let mut broken = Vec::new();
    for target in label.map(|label| label.targets.as_slice()).unwrap_or_default() {
        let present = found.version(cx, &target.version).await?;
        let before = Whole::of(cx, &present.content, own).await?;
        let before = before.map_or_else(|_| present.content.variables.clone(), |whole| whole.variables);
        for revision in new.iter().filter(|revision| revision.digest != present.digest) {
            let whole = Whole::load(cx, &revision.content, own).await?;
            let found = breaks(&before, &whole.variables);
            if found.is_empty() {
                continue;
            }
            breaking.extend(found);
            for case in &present.content.cases {
                let problems = problems(cx, case, revision, &whole).await?;
                if !problems.is_empty() {
                    broken.push(BrokenCase { case: case.name.clone(), of: present.called(), problems });
                }
            }
        }
    }
    if broken.is_empty() {
        breaking.sort();
        breaking.dedup();
        return Ok(breaking);
    }
    let names: Vec<&str> = broken.iter().map(|one| one.case.as_str()).collect();
    let say = format!("with it cases of callers of '{name}' do not hold: {}", names.join(", "));
    let detail = serde_json::json!({ "label": name, "breaking": breaking, "cases": broken });
    Err(Fault::new(&CONTRACT_BROKEN, say).with_detail(detail))
}

/// In which way a case of callers does not hold with a version: what they give is not taken, or the answer that they rely on is
/// not one that the version's own case of that name allows.
async fn problems(cx: &Cx, case: &Case, revision: &Revision, whole: &Whole) -> Result<Vec<String>, Fault> {
    if let Err(why) = whole.text(&revision.content, &case.variables, "/variables") {
        return Ok(vec![why.say()]);
    }
    let same = revision.content.cases.iter().find(|one| one.name == case.name);
    match (same, &case.answer) {
        (Some(same), Some(answer)) => judged(cx, Expected::from(same), answer).await,
        _ => Ok(Vec::new()),
    }
}

/// In which way an answer is not as it must be.
pub(super) async fn judged(cx: &Cx, expected: Expected<'_>, answer: &str) -> Result<Vec<String>, Fault> {
    let counted = if expected.counts() { tokens(cx, answer).await?.tokens } else { 0 };
    Ok(expected.lacking(answer, counted))
}

/// The prompt with its labels as they are to be.
pub(super) fn set_label(cx: &Cx, prompt: &mut Prompt, name: &str, targets: Vec<Target>, message: Option<String>) {
    let label = prompt.labels.entry(name.to_owned()).or_default();
    if label.targets != targets {
        label.set(targets, cx.caller().user, cx.now(), message);
    }
}
