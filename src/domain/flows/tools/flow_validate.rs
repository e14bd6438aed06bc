//! `flow_validate`: what is wrong with a flow, registered or not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::engine::finding::Finding;
use crate::domain::flows::engine::kinds::FlowType;
use crate::domain::flows::finding::{load, version};
use crate::domain::flows::judging::judged;
use crate::domain::flows::model::definition::{Credential, Dependency, Edge, Node};
use crate::domain::flows::model::execution::Runs;
use crate::domain::flows::views::CredentialView;
use crate::kernel::fault::Fault;

/// Judges a flow.
pub(in crate::domain::flows) struct FlowValidate;

/// What to judge. What is left out is that of the registered version.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// The flow's id.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The version; the newest when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 32))]
    version: Option<String>,
    /// Nodes that are judged in place of those registered; nothing is kept.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    nodes: Option<Vec<Node>>,
    /// Edges that are judged in place of those registered.
    #[serde(default)]
    #[schemars(length(max = 4000))]
    edges: Option<Vec<Edge>>,
    /// Credentials that are judged in place of those registered.
    #[serde(default)]
    #[schemars(length(max = 50))]
    credentials: Option<Vec<Credential>>,
    /// Dependencies that are judged in place of those registered.
    #[serde(default)]
    #[schemars(length(max = 50))]
    dependencies: Option<Vec<Dependency>>,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// The flow.
    flow_id: String,
    /// Its type, by whose rules it was judged.
    #[serde(rename = "type")]
    kind: FlowType,
    /// Whether there are no errors.
    valid: bool,
    /// What forbids keeping it, a hundred at most.
    errors: Vec<Finding>,
    /// What will stand in the way of executing it.
    warnings: Vec<Finding>,
    /// The circle that its dependencies would close.
    #[serde(skip_serializing_if = "Option::is_none")]
    cycle: Option<Vec<String>>,
    /// The credentials that it needs, and whether the vault has them.
    credentials: Vec<CredentialView>,
    /// Where it would run, were it executed now by the caller.
    runs: Runs,
    /// Why it would not run here.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_outside: Option<String>,
}

impl Capability for FlowValidate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "flow_validate",
        Domain::Flows,
        Route::post("/flows/{id}/validate"),
        Permit::on(Resource::Flows, Action::Read),
        "Checks a registered flow, or changes of it that are not kept: structure, ends of edges, rules of its type, dependencies and circles, \
         credentials in the vault, the process that it names; each finding with rule and place. For the rules themselves use flow_types.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let flow = load(cx, &input.id, Action::Read).await?.value;
        let mut said = match input.version {
            Some(wanted) if wanted != flow.version => version(cx, &flow, &wanted).await?.definition,
            _ => flow.definition.clone(),
        };
        said.nodes = input.nodes.unwrap_or(said.nodes);
        said.edges = input.edges.unwrap_or(said.edges);
        said.credentials = input.credentials.unwrap_or(said.credentials);
        said.dependencies = input.dependencies.unwrap_or(said.dependencies);
        said.name_edges();
        let judged = judged(cx, &flow.flow_id, flow.kind, &said).await?;
        Ok(Output {
            flow_id: flow.flow_id,
            kind: flow.kind,
            valid: judged.errors.is_empty(),
            runs: judged.place.runs(),
            why_outside: judged.place.why(),
            errors: judged.errors,
            warnings: judged.warnings,
            cycle: judged.cycle,
            credentials: judged.credentials,
        })
    }
}
