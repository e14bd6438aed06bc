//! `process_merge`: what was done on one branch brought into another.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::engine::differences::Difference;
use crate::domain::processes::engine::merging::{Conflict, Take, merge};
use crate::domain::processes::engine::validation::{Finding, Soundness};
use crate::domain::processes::faults::{MERGE_CONFLICTS, NOTHING_NEW};
use crate::domain::processes::finding::{load, revision};
use crate::domain::processes::lines::{Side, common};
use crate::domain::processes::looking::judged;
use crate::domain::processes::model::process::{MAIN, Process};
use crate::domain::processes::topics::UPDATED;
use crate::domain::processes::views::Written;
use crate::domain::processes::writing::{Draft, add_revision, expect, step};
use crate::domain::prompts::engine::version::Step;
use crate::kernel::fault::Fault;
use crate::kernel::tasks::blocking;

/// Merges branches.
pub(in crate::domain::processes) struct ProcessMerge;

/// Which ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The branch that is merged: "theirs". It stays as it is.
    #[schemars(length(min = 1, max = 64))]
    from: String,
    /// The branch that is merged into: "ours"; `main` when not said. A branch catches up where this is the branch and `from` is `main`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    into: Option<String>,
    /// What conflicts are settled with, each by its place, such as `{ "at": "/nodes/ask/config/assignee", "take": "theirs" }`.
    #[serde(default)]
    #[schemars(length(max = 500))]
    resolve: Vec<Resolution>,
    /// The newest revision of `into` as the caller knows it; else nothing is written.
    #[serde(default)]
    expected: Option<u32>,
    /// Whether it is only to be known what would come of it: conflicts are told as an answer, and nothing is written.
    #[serde(default)]
    dry_run: bool,
    /// Whether it is kept though it has errors, to be mended later.
    #[serde(default)]
    incomplete: bool,
    /// What is to be said of it in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

/// What a conflict is settled with: one of both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Resolution {
    /// The place, as the conflict tells it.
    #[schemars(length(min = 1, max = 2000))]
    at: String,
    /// Whose it is to be.
    #[serde(default)]
    take: Option<Whose>,
    /// What else it is to be.
    #[serde(default)]
    #[schemars(schema_with = "any")]
    value: Option<Value>,
}

/// The schema of a value of any type, which says a type.
fn any(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let kinds = ["string", "number", "boolean", "object", "array"].map(|kind| serde_json::json!({ "type": kind }));
    schemars::json_schema!({ "anyOf": kinds })
}

/// Whose side is taken.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Whose {
    /// What the branch has that is merged into.
    Ours,
    /// What the branch has that is merged.
    Theirs,
    /// What it was where both began.
    Base,
}

/// What came of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The id of the process.
    id: String,
    /// Whether it was written.
    merged: bool,
    /// The version that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<Written>,
    /// Where both began.
    base: Side,
    /// What was merged into.
    ours: Side,
    /// What was merged.
    theirs: Side,
    /// The conflicts that are left, of a dry run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conflicts: Vec<Conflict>,
    /// The places of the conflicts that were settled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    settled: Vec<String>,
    /// Exclusive gateways that ask ways of both sides, those of `into` first: see whether that order is meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interleaved: Vec<String>,
    /// What changes on the branch that is merged into; left out while conflicts are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Difference>,
    /// How far that is from what the branch was; left out while conflicts are left, and where nothing changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<Step>,
    /// What is found in what a dry run would write, errors first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
    /// Whether what a dry run would write always comes to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    soundness: Option<Soundness>,
}

impl Capability for ProcessMerge {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "process_merge",
        Domain::Processes,
        Route::post("/processes/{id}/merge"),
        Permit::on(Resource::Processes, Action::Change),
        "Merges a branch of a process into main or another branch, also main into a branch: three-way, field by field. Conflicts are named by \
         node and field and settled by 'resolve'; until then nothing is written. Try it with 'dryRun'.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let mut process = stored.value.clone();
        let into = input.into.as_deref().unwrap_or(MAIN);
        if input.from == into {
            return Err(Fault::bad_input("/into", "must be another branch than 'from'"));
        }
        let settle = settlements(input.resolve)?;
        let head = expect(&process, into, input.expected)?;
        let ours = revision(cx, &process, head).await?;
        let theirs = revision(cx, &process, expect(&process, &input.from, None)?).await?;
        let base = common(cx, &process, ours.revision, theirs.revision).await?;
        if base.revision == theirs.revision {
            let say = format!("'{into}' has all that '{}' has: there is nothing to merge", input.from);
            return Err(Fault::new(&NOTHING_NEW, say));
        }
        let takes = settle.iter().map(|(at, (_, take))| (at.clone(), take.clone())).collect();
        let sides = [&base, &ours, &theirs].map(|side| side.definition.clone());
        // Large ones take their time.
        let merging = move || merge(&sides[0], &sides[1], &sides[2], &takes);
        let merged = blocking(merging).await.ok_or_else(|| Fault::internal("merging panicked"))?;
        let merged = merged.map_err(|(at, say)| {
            let under =
                |place: &str| place.strip_prefix(&at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let number = settle.iter().find(|(place, _)| under(place)).map(|(_, (number, _))| *number);
            let pointer = number.map_or_else(|| "/resolve".to_owned(), |number| format!("/resolve/{number}/value"));
            Fault::bad_input(pointer, format!("does not fit at {at}: {say}"))
        })?;
        if let Some((at, (number, _))) = settle.iter().find(|(at, _)| !merged.settled.contains(*at)) {
            let say = format!("there is no conflict at {at}: take the places that the call tells without 'resolve'");
            return Err(Fault::bad_input(format!("/resolve/{number}/at"), say));
        }
        let told = Output {
            id: process.process_id.clone(),
            merged: false,
            written: None,
            base: Side::of(&base),
            ours: Side::of(&ours),
            theirs: Side::of(&theirs),
            conflicts: merged.conflicts,
            settled: merged.settled.into_iter().collect(),
            interleaved: merged.interleaved,
            changes: None,
            step: None,
            findings: Vec::new(),
            soundness: None,
        };
        let Some(definition) = merged.definition else {
            return if input.dry_run { Ok(told) } else { Err(conflicting(&told, &input.from, into)) };
        };
        let changes = Difference::between(&ours.definition, &definition);
        let step = (!changes.is_empty()).then(|| step(&ours.definition, &definition));
        let told = Output { changes: Some(changes), step, ..told };
        if input.dry_run {
            let judged = judged(cx, &definition, Some(&process.process_id)).await?;
            return Ok(Output { findings: judged.findings, soundness: judged.sound, ..told });
        }
        let draft = Draft {
            definition,
            branch: into,
            parents: vec![ours.revision, theirs.revision],
            message: Some(input.message.unwrap_or_else(|| format!("Merges '{}'.", input.from))),
            incomplete: input.incomplete,
            version: None,
        };
        let (revision, judged) = add_revision(cx, &mut process, draft).await?;
        meet(&mut process, &input.from, into, theirs.revision);
        cx.change(&stored, &process)?;
        cx.about::<Process>(Process::id(&process.process_id));
        let event = serde_json::json!({
            "processId": process.process_id, "version": revision.called(), "branch": into,
        });
        cx.emit(UPDATED, &process.process_id, &event)?;
        Ok(Output { merged: true, written: Some(Written::of(&process, &revision, judged)), ..told })
    }
}

/// What each conflict is settled with, and its number in the call.
fn settlements(given: Vec<Resolution>) -> Result<BTreeMap<String, (usize, Take)>, Fault> {
    let mut all = BTreeMap::new();
    for (number, one) in given.into_iter().enumerate() {
        let take = match (one.take, one.value) {
            (Some(Whose::Ours), None) => Take::Ours,
            (Some(Whose::Theirs), None) => Take::Theirs,
            (Some(Whose::Base), None) => Take::Base,
            (None, Some(value)) => Take::Value(value),
            _ => return Err(Fault::bad_input(format!("/resolve/{number}"), "must have one of 'take' and 'value'")),
        };
        if all.insert(one.at, (number, take)).is_some() {
            return Err(Fault::bad_input(format!("/resolve/{number}/at"), "is there twice"));
        }
    }
    Ok(all)
}

fn conflicting(told: &Output, from: &str, into: &str) -> Fault {
    let first = told.conflicts.first().map(|one| one.at.as_str()).unwrap_or_default();
    let say = format!("{} conflicts between '{into}' and '{from}', the first at {first}", told.conflicts.len());
    let detail =
        serde_json::json!({ "base": told.base, "ours": told.ours, "theirs": told.theirs, "conflicts": told.conflicts });
    Fault::new(&MERGE_CONFLICTS, say).with_detail(detail)
}

/// Keeps with the branch what is behind both now.
fn meet(process: &mut Process, from: &str, into: &str, theirs: u32) {
    if let Some(branch) = process.branches.get_mut(from)
        && branch.from == into
    {
        branch.base = theirs;
        branch.merged = true;
    }
    if let Some(branch) = process.branches.get_mut(into)
        && branch.from == from
    {
        branch.base = theirs;
    }
}
