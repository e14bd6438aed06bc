//! `process_get`: one process, in any of its versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::engine::definition::Definition;
use crate::domain::processes::engine::nodes::{NODE_TYPES, Role};
use crate::domain::processes::finding::{load, version};
use crate::domain::processes::views::{BranchView, Brief};
use crate::kernel::fault::Fault;

/// Tells a process.
pub(in crate::domain::processes) struct ProcessGet;

/// Which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The version: `1.2.0`, `1.3.0-draft.7`, `latest` for the newest that was published, `draft` for the newest definition. When not said
    /// `latest`, or the draft where nothing was published.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// The branch whose newest definition is meant.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    branch: Option<String>,
    /// Whether to tell what each type of node takes, too: names, purpose and the schema of `config`.
    #[serde(default)]
    node_types: bool,
}

/// The process.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The version.
    #[serde(flatten)]
    brief: Brief,
    /// Its number among all definitions of the process: what `process_update` takes as `expected`.
    revision: u32,
    /// Nodes, edges, variables and lanes.
    #[serde(flatten)]
    definition: Definition,
    /// All branches.
    branches: Vec<BranchView>,
    /// What each type of node takes, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    node_types: Vec<TypeView>,
}

/// A type of node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct TypeView {
    /// What it is called.
    name: &'static str,
    /// What it is for.
    about: &'static str,
    /// What it is in the play of tokens.
    role: Role,
    /// The JSON Schema of `config`.
    config: serde_json::Map<String, serde_json::Value>,
}

impl Capability for ProcessGet {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "process_get",
        Domain::Processes,
        Route::get("/processes/{id}"),
        Permit::on(Resource::Processes, Action::Read),
        "One process with nodes, edges, variables and lanes, in any version or branch; on request with the schema of every node type. For \
         its history use process_versions.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let process = load(cx, &input.id, Action::Read).await?.value;
        let revision = version(cx, &process, input.version.as_deref(), input.branch.as_deref()).await?;
        let brief = Brief::of(&process, &revision);
        let branches = process.branches.into_iter().map(|(name, branch)| BranchView { name, branch }).collect();
        let types = NODE_TYPES.iter().map(|one| TypeView {
            name: one.name,
            about: one.about,
            role: one.role,
            config: (one.schema)().as_ref().clone(),
        });
        let node_types = if input.node_types { types.collect() } else { Vec::new() };
        Ok(Output { brief, revision: revision.revision, definition: revision.definition, branches, node_types })
    }
}
