//! `flow_update`: a new version of a flow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::finding::{load, not_active};
use crate::domain::flows::keeping::{Next, change};
use crate::domain::flows::model::definition::{Credential, Definition, Dependency, Edge, Node, VERSION};
use crate::domain::flows::model::flow::{Flow, Status};
use crate::domain::flows::views::Full;
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;

/// Changes a flow.
pub(in crate::domain::flows) struct FlowUpdate;

/// How a flow may be made to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Wanted {
    /// It can be executed; an archived one is taken into use again.
    Active,
    /// It is set aside and cannot be executed.
    Inactive,
}

/// What is new. What is left out stays as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// Its id.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// How it is to stand: no new version comes of that alone.
    #[serde(default)]
    status: Option<Wanted>,
    /// The new version, greater than the newest; its last number grows by one when not said.
    #[serde(default)]
    #[schemars(length(min = 5, max = 32), regex(pattern = VERSION))]
    version: Option<String>,
    /// What is to be said of this version in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
    /// Another name; the id stays.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    name: Option<String>,
    /// Another description.
    #[serde(default)]
    #[schemars(length(max = 5000))]
    description: Option<String>,
    /// All tags.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 60)))]
    tags: Option<Vec<String>>,
    /// All nodes.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    nodes: Option<Vec<Node>>,
    /// All edges.
    #[serde(default)]
    #[schemars(length(max = 4000))]
    edges: Option<Vec<Edge>>,
    /// All credentials.
    #[serde(default)]
    #[schemars(length(max = 50))]
    credentials: Option<Vec<Credential>>,
    /// All dependencies; those that are left out end.
    #[serde(default)]
    #[schemars(length(max = 50))]
    dependencies: Option<Vec<Dependency>>,
    /// Another process by which it runs here; an empty text for none.
    #[serde(default)]
    #[schemars(length(max = 100))]
    process_id: Option<String>,
    /// Another version of that process; an empty text for the newest.
    #[serde(default)]
    #[schemars(length(max = 64))]
    process_version: Option<String>,
    /// The user whose runner carries it out elsewhere and reports.
    #[serde(default)]
    runner: Option<UserId>,
    /// All else that is known of it.
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
}

/// The flow as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// The flow.
    #[serde(flatten)]
    flow: Full,
    /// Whether anything changed.
    changed: bool,
}

impl Capability for FlowUpdate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "flow_update",
        Domain::Flows,
        Route::put("/flows/{id}"),
        Permit::on(Resource::Flows, Action::Change),
        "Writes a new version of a registered flow, judged first by the rules of its type, or sets it aside and into use again by its status. \
         Earlier versions stay. Lists that are given replace the whole list; what is left out stays. To only add a dependency use \
         flow_dependency_add.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let status = match (input.status, stored.value.status) {
            (None | Some(Wanted::Inactive), Status::Archived) => {
                return Err(not_active(&stored.value));
            }
            (None, as_it_is) => as_it_is,
            (Some(Wanted::Active), _) => Status::Active,
            (Some(Wanted::Inactive), _) => Status::Inactive,
        };
        let (version, message) = (input.version.clone(), input.message.clone());
        let next = Next { definition: said(&stored.value, input), status, version, message };
        let (flow, judged, changed) = change(cx, &stored, next).await?;
        Ok(Output { flow: Full::of(&flow, flow.version.clone(), flow.definition.clone(), judged), changed })
    }
}

/// What the flow says then.
fn said(flow: &Flow, input: Input) -> Definition {
    let old = flow.definition.clone();
    let text = |new: Option<String>, old: Option<String>| match new {
        Some(new) => Some(new).filter(|new| !new.is_empty()),
        None => old,
    };
    Definition {
        name: input.name.unwrap_or(old.name),
        description: input.description.unwrap_or(old.description),
        tags: input.tags.unwrap_or(old.tags),
        nodes: input.nodes.unwrap_or(old.nodes),
        edges: input.edges.unwrap_or(old.edges),
        credentials: input.credentials.unwrap_or(old.credentials),
        dependencies: input.dependencies.unwrap_or(old.dependencies),
        process_id: text(input.process_id, old.process_id),
        process_version: text(input.process_version, old.process_version),
        runner: input.runner.or(old.runner),
        metadata: input.metadata.unwrap_or(old.metadata),
    }
}
