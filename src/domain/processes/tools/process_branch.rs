//! `process_branch`: a line of definitions beside the others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::faults::TOO_MANY_PROCESSES;
use crate::domain::processes::finding::{DRAFT, load, version};
use crate::domain::processes::lines::{BRANCH, MOST_BRANCHES, Side};
use crate::domain::processes::model::process::{Branch, Process};
use crate::domain::processes::topics::BRANCHED;
use crate::domain::processes::views::BranchView;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Makes a branch.
pub(in crate::domain::processes) struct ProcessBranch;

/// Which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// What the branch is called, such as `four-eyes`.
    #[schemars(length(min = 1, max = 64), regex(pattern = BRANCH))]
    name: String,
    /// The version that it begins with: `1.2.0`, `1.3.0-draft.7`, `latest`; the newest draft when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// The branch whose newest draft it begins with; `main` when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    from: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[schemars(length(max = 500))]
    about: String,
}

/// The branch.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The id of the process.
    id: String,
    /// The branch.
    branch: BranchView,
    /// The definition that it begins with.
    begins: Side,
}

impl Capability for ProcessBranch {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "process_branch",
        Domain::Processes,
        Route::post("/processes/{id}/branches"),
        Permit::on(Resource::Processes, Action::Change),
        "Makes a branch of a process from a version or another branch: to try a change aside, while main goes on. Write on it with \
         process_update and its 'branch', bring it back with process_merge.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let mut process = stored.value.clone();
        let name = input.name;
        if process.branches.contains_key(&name) {
            let say = format!("there is a branch '{name}': write on it, or choose another name");
            return Err(Fault::new(&codes::ALREADY_EXISTS, say));
        }
        if process.branches.len() >= MOST_BRANCHES {
            let say = format!("'{}' has {MOST_BRANCHES} branches and may have no more", process.process_id);
            return Err(Fault::new(&TOO_MANY_PROCESSES, say));
        }
        let wanted = input.version.as_deref().unwrap_or(DRAFT);
        let begins = version(cx, &process, Some(wanted), input.from.as_deref()).await?;
        let from = input.from.unwrap_or_else(|| begins.branch.clone());
        let branch = Branch { head: begins.revision, base: begins.revision, from, about: input.about, merged: false };
        process.branches.insert(name.clone(), branch.clone());
        cx.change(&stored, &process)?;
        cx.about::<Process>(Process::id(&process.process_id));
        let told = serde_json::json!({
            "processId": process.process_id, "version": begins.called(), "branch": name,
        });
        cx.emit(BRANCHED, &process.process_id, &told)?;
        Ok(Output { id: process.process_id, branch: BranchView { name, branch }, begins: Side::of(&begins) })
    }
}
