//! `process_create`: a process with its first definition.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::processes::engine::definition::{Definition, Edge, Lane, Node, Variable};
use crate::domain::processes::finding::RESERVED;
use crate::domain::processes::library::{Templates, named};
use crate::domain::processes::model::process::{Calls, MAIN, Process};
use crate::domain::processes::topics::CREATED;
use crate::domain::processes::views::Written;
use crate::domain::processes::writing::{Draft, add_revision, room_for_one};
use crate::domain::prompts::engine::file::id_of;
use crate::domain::prompts::engine::version::{PATTERN, Version};
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Violation};

/// Makes a process.
pub(in crate::domain::processes) struct ProcessCreate;

/// What it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// Its name, such as "Expense approval"; its id is made of it.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// What it is for, in a sentence or two.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    description: String,
    /// What it is found by.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64)))]
    tags: Vec<String>,
    /// The nodes. Each has an id, a type and, for most types, a config, such as
    /// `{ "id": "keep", "type": "tool", "config": { "tool": "memory_store" }, "input": { "text": "= note" } }`. Types: start, end, `human_task`,
    /// agent, tool, integration, decision, script, prompt, `sub_process`, `for_each`, exclusive, parallel, inclusive, timer, wait,
    /// `boundary_timeout`, `boundary_error`, compensation, compensate. What a type takes is told where it is missing.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    nodes: Vec<Node>,
    /// The edges, such as `{ "from": "begin", "to": "keep" }`.
    #[serde(default)]
    #[schemars(length(max = 4000))]
    edges: Vec<Edge>,
    /// The variables by name, such as `{ "note": { "schema": { "type": "string" }, "required": true } }`.
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    /// Who does what.
    #[serde(default)]
    #[schemars(length(max = 100))]
    lanes: Vec<Lane>,
    /// The id of a template, in place of nodes and all that: `process_templates` tells them.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    template: Option<String>,
    /// Values for the parameters of the template, by name.
    #[serde(default)]
    parameters: Map<String, Value>,
    /// The version that it is to become when it is published; 1.0.0 when not said.
    #[serde(default)]
    #[schemars(length(max = 32), regex(pattern = PATTERN))]
    version: Option<String>,
    /// Whether it is kept though it has errors, to be mended by `process_update`; it cannot be published so.
    #[serde(default)]
    incomplete: bool,
    /// What is to be said of this definition in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

impl Capability for ProcessCreate {
    type Input = Input;
    type Output = Written;
    const SPEC: Spec = Spec::create(
        "process_create",
        Domain::Processes,
        Route::post("/processes"),
        Permit::on(Resource::Processes, Action::Create),
        "Makes a process, a workflow as data: nodes (people, agents, tools, decisions, timers, gateways), edges with conditions, variables \
         with schema, or of a template; checked for soundness, kept as a draft. Publish it with process_publish; change it with process_update.",
    )
    .also(&[Route::post("/processes/designs"), Route::post("/operations/workflows")]);

    async fn run(cx: &Cx, input: Input) -> Result<Written, Fault> {
        let input = of_template(cx, input)?;
        let process_id = id_of(&input.name);
        if process_id.is_empty() {
            return Err(Fault::bad_input("/name", "must have a letter from a to z or a digit: the id is made of them"));
        }
        if RESERVED.contains(&process_id.as_str()) {
            return Err(Fault::bad_input("/name", format!("'{process_id}' is a word of paths: choose another name")));
        }
        if cx.get::<Process>(Process::id(&process_id)).await?.is_some() {
            let say =
                format!("there is a process '{process_id}': change it with process_update, or choose another name");
            return Err(Fault::new(&codes::ALREADY_EXISTS, say));
        }
        room_for_one(cx).await?;
        let mut process = Process {
            process_id: process_id.clone(),
            name: input.name,
            description: input.description,
            tags: input.tags,
            words: String::new(),
            revision: 0,
            published: None,
            branches: BTreeMap::new(),
            links: Vec::new(),
            calls: Calls::default(),
        };
        let definition =
            Definition { nodes: input.nodes, edges: input.edges, variables: input.variables, lanes: input.lanes };
        let draft = Draft {
            definition,
            branch: MAIN,
            parents: Vec::new(),
            message: input.message,
            incomplete: input.incomplete,
            version: input.version.as_deref().and_then(Version::parse),
        };
        let (revision, judged) = add_revision(cx, &mut process, draft).await?;
        cx.create(Process::id(&process_id), cx.belongs_to_caller(), &process)?;
        let told = serde_json::json!({ "processId": process_id, "version": revision.called(), "branch": MAIN });
        cx.emit(CREATED, &process_id, &told)?;
        cx.about::<Process>(Process::id(&process_id));
        Ok(Written::of(&process, &revision, judged))
    }
}

/// What a call says that names a template.
fn of_template(cx: &Cx, mut input: Input) -> Result<Input, Fault> {
    let Some(id) = &input.template else {
        return if input.nodes.is_empty() {
            Err(Fault::bad_input("/nodes", "are missing: give nodes and edges, or a template"))
        } else if input.parameters.is_empty() {
            Ok(input)
        } else {
            Err(Fault::bad_input("/parameters", "are those of a template: name it, or leave them out"))
        };
    };
    if !(input.nodes.is_empty() && input.edges.is_empty() && input.variables.is_empty() && input.lanes.is_empty()) {
        let say = "does not go together with nodes, edges, variables and lanes: change the process afterwards by process_update";
        return Err(Fault::bad_input("/template", say));
    }
    let files = cx.service::<Templates>()?.present();
    let template = named(&files, id)?;
    let definition = template.filled(&input.parameters).map_err(|all| {
        Fault::violations(all.into_iter().map(|(pointer, message)| Violation { pointer, message }).collect())
    })?;
    let Definition { nodes, edges, variables, lanes } = definition;
    (input.nodes, input.edges, input.variables, input.lanes) = (nodes, edges, variables, lanes);
    if input.description.is_empty() {
        input.description.clone_from(&template.description);
    }
    if input.tags.is_empty() {
        input.tags.clone_from(&template.tags);
    }
    Ok(input)
}
