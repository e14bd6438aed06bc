//! `flow_types`: the types of flows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::engine::kinds::{FlowType, Rule};
use crate::kernel::fault::Fault;

/// Tells the types.
pub(in crate::domain::flows) struct FlowTypes;

/// Which ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// Only this one.
    #[serde(rename = "type", default)]
    kind: Option<FlowType>,
}

/// The types.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// The types.
    items: Vec<Item>,
}

/// A type.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Item {
    /// Its name, as `flow_register` takes it.
    #[serde(rename = "type")]
    kind: FlowType,
    /// What it is for.
    about: &'static str,
    /// The JSON Schema that nodes and edges fit.
    schema: Map<String, Value>,
    /// The rules beyond that, by which `flow_validate` judges.
    rules: Vec<Rule>,
}

impl Capability for FlowTypes {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "flow_types",
        Domain::Flows,
        Route::get("/flows/types"),
        Permit::on(Resource::Flows, Action::Read),
        "The types of flows that can be registered, each with what it is for, the JSON Schema of its nodes and edges, and its rules. For what is \
         wrong with one flow use flow_validate.",
    );

    async fn run(_: &Cx, input: Input) -> Result<Output, Fault> {
        let wanted = |kind: &FlowType| input.kind.is_none_or(|one| one == *kind);
        let item = |kind: FlowType| Item { kind, about: kind.about(), schema: kind.schema(), rules: kind.rules() };
        Ok(Output { items: FlowType::ALL.into_iter().filter(wanted).map(item).collect() })
    }
}
