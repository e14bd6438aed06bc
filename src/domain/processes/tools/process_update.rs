//! `process_update`: a new draft, as a whole or by edits.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::engine::definition::{Definition, Edge, Lane, Node, Variable};
use crate::domain::processes::engine::edits::{Edit, edited};
use crate::domain::processes::faults::{EDIT_UNFIT, NOTHING_NEW};
use crate::domain::processes::finding::{load, revision, words_of};
use crate::domain::processes::looking::judged;
use crate::domain::processes::model::process::{MAIN, Process};
use crate::domain::processes::topics::UPDATED;
use crate::domain::processes::views::Written;
use crate::domain::processes::writing::{Draft, add_revision, expect};
use crate::kernel::fault::Fault;

/// Changes a process.
pub(in crate::domain::processes) struct ProcessUpdate;

/// What changes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Edits of the newest definition, made in order, all or none, such as `{ "do": "connect", "edge": { "from": "a", "to": "b" } }`.
    #[serde(default)]
    #[schemars(length(max = 200))]
    edits: Vec<Edit>,
    /// All nodes anew, in place of edits.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1000))]
    nodes: Option<Vec<Node>>,
    /// All edges anew.
    #[serde(default)]
    #[schemars(length(max = 4000))]
    edges: Option<Vec<Edge>>,
    /// All variables anew.
    #[serde(default)]
    variables: Option<BTreeMap<String, Variable>>,
    /// All lanes anew.
    #[serde(default)]
    #[schemars(length(max = 100))]
    lanes: Option<Vec<Lane>>,
    /// The branch that is written on; `main` when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    branch: Option<String>,
    /// The newest revision of the branch as the caller knows it; else nothing is written.
    #[serde(default)]
    expected: Option<u32>,
    /// Another name; the id stays.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// Another description.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    description: Option<String>,
    /// Other tags.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64)))]
    tags: Option<Vec<String>>,
    /// Whether it is kept though it has errors, to be mended later.
    #[serde(default)]
    incomplete: bool,
    /// What is new, for the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

impl Capability for ProcessUpdate {
    type Input = Input;
    type Output = Written;
    const SPEC: Spec = Spec::change(
        "process_update",
        Domain::Processes,
        Route::put("/processes/{id}"),
        Permit::on(Resource::Processes, Action::Change),
        "Changes a process: by edits (add, change, remove nodes; connect; set variables), all or none, or as a whole. A new draft; what runs \
         keeps its version. Also renames or describes it anew. To make the draft usable use process_publish.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Written, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let mut process = stored.value.clone();
        let branch = input.branch.as_deref().unwrap_or(MAIN);
        let head = expect(&process, branch, input.expected)?;
        let before = revision(cx, &process, head).await?;
        let whole =
            input.nodes.is_some() || input.edges.is_some() || input.variables.is_some() || input.lanes.is_some();
        if whole && !input.edits.is_empty() {
            return Err(Fault::bad_input(
                "/edits",
                "do not go together with nodes, edges, variables and lanes: give one of the two",
            ));
        }
        let renamed = input.name.is_some() || input.description.is_some() || input.tags.is_some();
        process.name = input.name.unwrap_or(process.name);
        process.description = input.description.unwrap_or(process.description);
        process.tags = input.tags.unwrap_or(process.tags);
        if !whole && input.edits.is_empty() {
            if !renamed {
                return Err(Fault::new(&NOTHING_NEW, "the call says nothing that is to change"));
            }
            process.words = words_of(&before.definition, &process.tags);
            let judged = judged(cx, &before.definition, Some(&process.process_id)).await?;
            let written = Written::of(&process, &before, judged);
            save(cx, &stored, &process, &before.called(), branch)?;
            return Ok(written);
        }
        let definition = if whole {
            Definition {
                nodes: input.nodes.unwrap_or(before.definition.nodes),
                edges: input.edges.unwrap_or(before.definition.edges),
                variables: input.variables.unwrap_or(before.definition.variables),
                lanes: input.lanes.unwrap_or(before.definition.lanes),
            }
        } else {
            edited(&before.definition, input.edits).map_err(|(number, say)| {
                let detail = serde_json::json!({ "at": format!("/edits/{number}") });
                Fault::new(&EDIT_UNFIT, format!("the edit {number}: {say}")).with_detail(detail)
            })?
        };
        let draft = Draft {
            definition,
            branch,
            parents: vec![head],
            message: input.message,
            incomplete: input.incomplete,
            version: None,
        };
        let (revision, judged) = add_revision(cx, &mut process, draft).await?;
        let written = Written::of(&process, &revision, judged);
        save(cx, &stored, &process, &revision.called(), branch)?;
        Ok(written)
    }
}

fn save(
    cx: &Cx,
    stored: &crate::capability::owned::Stored<Process>,
    process: &Process,
    version: &str,
    branch: &str,
) -> Result<(), Fault> {
    cx.change(stored, process)?;
    cx.about::<Process>(Process::id(&process.process_id));
    let told = serde_json::json!({ "processId": process.process_id, "version": version, "branch": branch });
    cx.emit(UPDATED, &process.process_id, &told)
}
