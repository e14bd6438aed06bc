//! `process_diff`: what is different between two versions or branches of a process.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::engine::differences::{Difference, without_words};
use crate::domain::processes::finding::{DRAFT, LATEST, load, revision, unknown_branch, version};
use crate::domain::processes::lines::Side;
use crate::domain::processes::model::process::{MAIN, Process};
use crate::domain::processes::model::revision::Revision;
use crate::domain::processes::writing::step;
use crate::domain::prompts::engine::version::Step;
use crate::kernel::fault::Fault;

/// Compares versions.
pub(in crate::domain::processes) struct ProcessDiff;

/// Which two.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The version before: `1.2.0`, `1.3.0-draft.7`, `latest`, `draft`. When not said where the branch of `to` began, or on `main` the newest
    /// published version, or what `to` was made of.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    from: Option<String>,
    /// The version after; the newest draft when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    to: Option<String>,
    /// The branch whose newest draft is meant by `from`; `main` when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    from_branch: Option<String>,
    /// The branch whose newest draft is meant by `to`; `main` when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    to_branch: Option<String>,
}

/// What differs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The id of the process.
    id: String,
    /// The one before.
    from: Side,
    /// The one after.
    to: Side,
    /// Whether nothing differs.
    same: bool,
    /// Whether both do the same, and differ at most in what is said to people.
    words_only: bool,
    /// How far the one is from the other: `major` where whoever starts it must give something else, `minor` where it does something else,
    /// `patch` where only words differ; left out where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<Step>,
    /// What differs.
    #[serde(flatten)]
    difference: Difference,
}

impl Capability for ProcessDiff {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "process_diff",
        Domain::Processes,
        Route::get("/processes/{id}/diff"),
        Permit::on(Resource::Processes, Action::Read),
        "What changed between two versions or branches of a process: nodes added, removed, rewired, fields with before and after, edges, \
         variables, lanes; mere words apart from what is done. For the list of versions use process_versions.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let process = load(cx, &input.id, Action::Read).await?.value;
        let wanted = input.to.as_deref().unwrap_or(DRAFT);
        let to = version(cx, &process, Some(wanted), input.to_branch.as_deref()).await?;
        let from = match (input.from.as_deref(), input.from_branch.as_deref()) {
            (None, None) => before(cx, &process, &to, input.to_branch.as_deref()).await?,
            (name, branch) => version(cx, &process, Some(name.unwrap_or(DRAFT)), branch).await?,
        };
        let difference = Difference::between(&from.definition, &to.definition);
        let same = difference.is_empty();
        let words_only = same || without_words(&from.definition) == without_words(&to.definition);
        let step = (!same).then(|| step(&from.definition, &to.definition));
        let (from, to) = (Side::of(&from), Side::of(&to));
        Ok(Output { id: process.process_id, from, to, same, words_only, step, difference })
    }
}

/// What a definition is compared with where nothing is said.
async fn before(cx: &Cx, process: &Process, to: &Revision, branch: Option<&str>) -> Result<Revision, Fault> {
    let branch = branch.unwrap_or(&to.branch);
    if branch != MAIN {
        let base = process.branches.get(branch).ok_or_else(|| unknown_branch(process, branch))?.base;
        return revision(cx, process, base).await;
    }
    match &process.published {
        Some(published) if to.version.as_ref() != Some(published) => version(cx, process, Some(LATEST), None).await,
        _ => match to.parents.first() {
            Some(parent) => revision(cx, process, *parent).await,
            None => Err(Fault::bad_input("/from", "must be given: this is the first definition, there is none before")),
        },
    }
}
