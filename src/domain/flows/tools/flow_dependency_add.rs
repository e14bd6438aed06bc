//! `flow_dependency_add`: a flow depends on another one from now on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::finding::{load, not_active};
use crate::domain::flows::keeping::{Next, change};
use crate::domain::flows::model::definition::{Dependency, DependencyType, FLOW_ID};
use crate::domain::flows::model::flow::Status;
use crate::domain::flows::weaving::Woven;
use crate::kernel::fault::Fault;

/// Adds a dependency.
pub(in crate::domain::flows) struct FlowDependencyAdd;

/// The most that a flow has.
const MOST: usize = 50;

/// Of which flow, on which.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// The id of the flow that is to depend.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The id of the flow that it is to depend on.
    #[schemars(length(min = 1, max = 100), regex(pattern = FLOW_ID))]
    depends_on_flow_id: String,
    /// How it depends on it.
    #[serde(default)]
    dependency_type: DependencyType,
    /// An expression over what the flow is given and the other's newest result, such as `risk_approved` or `result.score > 0.5`. Of a
    /// prerequisite or data it must hold of that result; of a conditional one, which needs it, it says whether the dependency counts.
    #[serde(default)]
    #[schemars(length(min = 1, max = 2000))]
    condition: Option<String>,
    /// Of data: the parameter that takes the other's newest result where the caller gives it nothing else.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    parameter: Option<String>,
}

/// What the flow depends on now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// The flow.
    flow_id: String,
    /// Its version: a new one where the dependency is new.
    version: String,
    /// All that it depends on by itself.
    dependencies: Vec<Dependency>,
    /// The order in which all is to be executed, the flow itself last.
    order: Vec<String>,
    /// Whether anything changed: the same dependency may have been there.
    changed: bool,
}

impl Capability for FlowDependencyAdd {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "flow_dependency_add",
        Domain::Flows,
        Route::post("/flows/{id}/dependencies"),
        Permit::on(Resource::Flows, Action::Change),
        "Lets a registered flow depend on another one: prerequisite, conditional or data. One on the same flow is replaced. Where a circle would \
         come of it, it is refused and the circle shown. To take one away use flow_update with the other dependencies.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        if stored.value.status == Status::Archived {
            return Err(not_active(&stored.value));
        }
        let mut definition = stored.value.definition.clone();
        let new = Dependency {
            depends_on_flow_id: input.depends_on_flow_id,
            dependency_type: input.dependency_type,
            condition: input.condition,
            parameter: input.parameter,
        };
        let all = &mut definition.dependencies;
        match all.iter().position(|one| one.depends_on_flow_id == new.depends_on_flow_id) {
            Some(place) => all[place] = new.clone(),
            None if all.len() >= MOST => {
                let say = format!("the flow has {MOST} dependencies and may have no more");
                return Err(Fault::bad_input("/dependsOnFlowId", say));
            }
            None => all.push(new.clone()),
        }
        let message = Some(format!("depends on {}", new.depends_on_flow_id));
        let next = Next { definition, status: stored.value.status, version: None, message };
        let (flow, _, changed) = change(cx, &stored, next).await?;
        let dependencies = flow.definition.dependencies.clone();
        let order = Woven::below(cx, &dependencies).await?.order(&flow.flow_id, &dependencies);
        Ok(Output { flow_id: flow.flow_id, version: flow.version, dependencies, order, changed })
    }
}
