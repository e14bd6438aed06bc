//! `flow_register`: a flow into the registry.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::engine::kinds::FlowType;
use crate::domain::flows::finding::room_for_one;
use crate::domain::flows::keeping::{proved, tell, write_version};
use crate::domain::flows::model::definition::{Credential, Definition, Dependency, Edge, FLOW_ID, Node, VERSION};
use crate::domain::flows::model::flow::{Flow, Status};
use crate::domain::flows::topics::REGISTERED;
use crate::domain::flows::views::Full;
use crate::domain::prompts::engine::file::id_of;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;

/// Registers a flow.
pub(in crate::domain::flows) struct FlowRegister;

/// Ids that paths of the registry have.
const PATHS: [&str; 4] = ["executions", "health", "statistics", "types"];

/// The flow.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// Its id, which never changes, such as `ai_trading_analysis`; made of the name when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100), regex(pattern = FLOW_ID))]
    id: Option<String>,
    /// What people call it; the id when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    name: Option<String>,
    /// Its type, which never changes: it decides by which rules the flow is judged, as `flow_types` tells.
    #[serde(rename = "type")]
    kind: FlowType,
    /// Its version; `1.0.0` when not said.
    #[serde(default)]
    #[schemars(length(min = 5, max = 32), regex(pattern = VERSION))]
    version: Option<String>,
    /// What it does.
    #[serde(default)]
    #[schemars(length(max = 5000))]
    description: String,
    /// What it is found by.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 60)))]
    tags: Vec<String>,
    /// Its nodes; the rules of an `ai_brain_validation`. A custom flow that names a process needs none.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    nodes: Vec<Node>,
    /// Its edges: what follows what.
    #[serde(default)]
    #[schemars(length(max = 4000))]
    edges: Vec<Edge>,
    /// The credentials that it needs. Their texts lie in the vault, by `secret_put`.
    #[serde(default)]
    #[schemars(length(max = 50))]
    credentials: Vec<Credential>,
    /// The flows that it depends on, which are registered already.
    #[serde(default)]
    #[schemars(length(max = 50))]
    dependencies: Vec<Dependency>,
    /// The process by which it runs here, by id or name; without one an outside runner carries it out.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    process_id: Option<String>,
    /// The published version of that process; the newest when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    process_version: Option<String>,
    /// The user whose runner carries it out elsewhere: besides its owner and whoever executed it, that user reports its executions.
    #[serde(default)]
    runner: Option<UserId>,
    /// What else is known of it, such as `entryPoint` of a `langgraph_workflow`.
    #[serde(default)]
    metadata: Map<String, Value>,
    /// Who makes it, such as `ai_team`; the caller's name when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    created_by: Option<String>,
}

impl Capability for FlowRegister {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::create(
        "flow_register",
        Domain::Flows,
        Route::post("/flows"),
        Permit::on(Resource::Flows, Action::Create),
        "Registers a flow that runs elsewhere (LangGraph workflow, AI brain validation, chain mapping, custom) or here by a process it names: \
         nodes, edges, credentials, dependencies, judged by the rules of its type. To design what this platform runs step by step use \
         process_create.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let (flow_id, name) = match (input.id, input.name) {
            (Some(id), name) => (id.clone(), name.unwrap_or(id)),
            (None, Some(name)) => {
                let id = id_of(&name);
                if id.is_empty() {
                    let say = "must have a letter from a to z or a digit: the id is made of them; or say the id";
                    return Err(Fault::bad_input("/name", say));
                }
                (id, name)
            }
            (None, None) => return Err(Fault::bad_input("/id", "is missing: say the id or the name")),
        };
        if PATHS.contains(&flow_id.as_str()) {
            return Err(Fault::bad_input("/id", format!("'{flow_id}' is a path of the registry: choose another id")));
        }
        if cx.get::<Flow>(Flow::id(&flow_id)).await?.is_some() {
            let say = format!("there is a flow '{flow_id}': change it with flow_update, or choose another id");
            return Err(Fault::new(&codes::ALREADY_EXISTS, say));
        }
        room_for_one(cx).await?;
        let mut definition = Definition {
            name,
            description: input.description,
            tags: input.tags,
            nodes: input.nodes,
            edges: input.edges,
            credentials: input.credentials,
            dependencies: input.dependencies,
            process_id: input.process_id,
            process_version: input.process_version,
            runner: input.runner,
            metadata: input.metadata,
        };
        definition.name_edges();
        let flow = Flow {
            name: definition.name.clone(),
            kind: input.kind,
            status: Status::Active,
            revision: 1,
            version: input.version.unwrap_or_else(|| "1.0.0".to_owned()),
            created_by: input.created_by.unwrap_or_else(|| cx.caller().name.clone()),
            words: definition.words(&flow_id),
            marks: definition.marks(),
            flow_id,
            definition,
        };
        let judged = proved(cx, &flow).await?;
        cx.create(Flow::id(&flow.flow_id), cx.belongs_to_caller(), &flow)?;
        write_version(cx, &flow, None)?;
        tell(cx, REGISTERED, &flow)?;
        Ok(Full::of(&flow, flow.version.clone(), flow.definition.clone(), judged))
    }
}
