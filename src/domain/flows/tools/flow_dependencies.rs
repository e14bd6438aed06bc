//! `flow_dependencies`: what a flow depends on, and in which order all of it is to be done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::engine::kinds::FlowType;
use crate::domain::flows::finding::{dependents, load};
use crate::domain::flows::model::definition::{Dependency, DependencyType};
use crate::domain::flows::model::flow::{Flow, Status};
use crate::domain::flows::weaving::Woven;
use crate::kernel::fault::Fault;

/// Tells dependencies.
pub(in crate::domain::flows) struct FlowDependencies;

/// Whose.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// The flow's id.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Whether those of what it depends on are told, too, over any number of steps; so when not said.
    #[serde(default = "yes")]
    transitive: bool,
}

const fn yes() -> bool {
    true
}

/// The graph.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// The flow.
    flow_id: String,
    /// Each dependency, the nearest first.
    dependencies: Vec<Edge>,
    /// The flows that they are on, by id.
    flows: Vec<Node>,
    /// The order in which all is to be executed: each after what it depends on, the flow itself last.
    order: Vec<String>,
    /// The flows in use that depend on this one by themselves.
    dependents: Vec<Node>,
}

/// A dependency.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Edge {
    /// The flow that depends.
    flow_id: String,
    /// What it depends on.
    #[serde(flatten)]
    dependency: Dependency,
    /// How many steps away from the flow that was asked for: 1 for its own.
    depth: usize,
}

/// A flow in short.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Node {
    /// Its id.
    flow_id: String,
    /// What people call it.
    name: String,
    /// Its type.
    #[serde(rename = "type")]
    kind: FlowType,
    /// How it stands.
    status: Status,
    /// Its newest version.
    version: String,
    /// How the flow that was asked for is depended on; only of those that depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    dependency_type: Option<DependencyType>,
}

impl Capability for FlowDependencies {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "flow_dependencies",
        Domain::Flows,
        Route::get("/flows/{id}/dependencies"),
        Permit::on(Resource::Flows, Action::Read),
        "The dependency graph of a registered flow: what it needs, over any number of steps, the order in which to execute all of it, and which \
         flows need it. To add one use flow_dependency_add.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let flow = load(cx, &input.id, Action::Read).await?.value;
        let own = &flow.definition.dependencies;
        let mut woven = Woven::below(cx, own).await?;
        if !input.transitive {
            for below in woven.flows.values_mut() {
                below.definition.dependencies.clear();
            }
            woven.flows.retain(|id, _| own.iter().any(|one| one.depends_on_flow_id == *id));
        }
        let edge = |(flow_id, one, depth): (&str, &Dependency, usize)| Edge {
            flow_id: flow_id.to_owned(),
            dependency: one.clone(),
            depth,
        };
        let dependencies = woven.told(&flow.flow_id, own).into_iter().map(edge).collect();
        let order = woven.order(&flow.flow_id, own);
        let above = dependents(cx, &flow.flow_id).await?;
        let how = |other: &Flow| {
            let mut all = other.definition.dependencies.iter();
            all.find(|one| one.depends_on_flow_id == flow.flow_id).map(|one| one.dependency_type)
        };
        let dependents = above.iter().map(|other| Node { dependency_type: how(other), ..Node::of(other) }).collect();
        let flows = woven.flows.values().map(Node::of).collect();
        Ok(Output { flow_id: flow.flow_id.clone(), dependencies, flows, order, dependents })
    }
}

impl Node {
    fn of(flow: &Flow) -> Self {
        Self {
            flow_id: flow.flow_id.clone(),
            name: flow.name.clone(),
            kind: flow.kind,
            status: flow.status,
            version: flow.version.clone(),
            dependency_type: None,
        }
    }
}
