//! `flow_execute`: a flow is executed, here or elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::registry::may_call;
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::starting::{Start, start};
use crate::domain::flows::finding::{load, not_active, version};
use crate::domain::flows::judging::{Place, credentials, place};
use crate::domain::flows::model::execution::{FlowExecution, Status};
use crate::domain::flows::model::flow::Status as FlowStatus;
use crate::domain::flows::running::{demand_credentials, prepared};
use crate::domain::flows::topics::STARTED;
use crate::domain::flows::views::{CredentialView, DependencyState, ExecutionView};
use crate::kernel::fault::Fault;
use crate::port::records::Visibility;

/// Executes a flow.
pub(in crate::domain::flows) struct FlowExecute;

/// Which one, and with what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// The flow's id.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// What it is given, by name; the variables of the process where it runs here.
    #[serde(default)]
    parameters: Map<String, Value>,
    /// Who or what executes it, such as `trading_bot`, for the record; the caller's name when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    triggered_by: Option<String>,
    /// The version; the newest when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 32))]
    version: Option<String>,
}

/// The execution.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// The execution.
    #[serde(flatten)]
    execution: ExecutionView,
    /// Why it does not run here: it waits for an outside runner, who takes it up and reports with `flow_execution_status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_outside: Option<String>,
    /// The credentials that it needs, by their names in the vault.
    credentials: Vec<CredentialView>,
    /// Its dependencies, as they were found.
    dependencies: Vec<DependencyState>,
}

impl Capability for FlowExecute {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "flow_execute",
        Domain::Flows,
        Route::post("/flows/{id}/execute"),
        Permit::on(Resource::Flows, Action::Create),
        "Executes a registered flow once its dependencies and credentials are found in order: here, where it names a process, else recorded as \
         'pending' for an outside runner. Answers at once; follow it with flow_executions. For a process without a flow use execution_start.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Read).await?;
        let flow = &stored.value;
        if flow.status != FlowStatus::Active {
            return Err(not_active(flow));
        }
        let (flow_version, said) = match input.version {
            Some(wanted) if wanted != flow.version => {
                let version = version(cx, flow, &wanted).await?;
                (version.version, version.definition)
            }
            _ => (flow.version.clone(), flow.definition.clone()),
        };
        let credentials = credentials(cx, &said.credentials).await?;
        demand_credentials(&credentials)?;
        let ready = prepared(cx, &said, input.parameters).await?;
        let place = place(cx, &said).await?;
        let triggered_by = input.triggered_by.unwrap_or_else(|| cx.caller().name.clone());
        let id = cx.new_id();
        let mut execution = FlowExecution {
            flow_id: flow.flow_id.clone(),
            flow_version,
            status: Status::Pending,
            runs: place.runs(),
            process: None,
            parameters: ready.parameters,
            inputs: ready.inputs,
            triggered_by,
            user: cx.caller().user,
            flow_owner: stored.owner,
            runner: said.runner,
            progress: None,
            message: None,
            result: None,
            error: None,
            started_at: None,
            ended_at: None,
            reported_at: None,
        };
        let why_outside = place.why();
        if let Place::Here(process, version) = place {
            may_start(cx)?;
            let start_it = Start {
                process,
                version,
                variables: execution.parameters.clone(),
                initiator: Some(format!("flow {}: {}", execution.flow_id, execution.triggered_by)),
                hold: false,
                priority: 0,
            };
            execution.process = Some(start(cx, start_it).await?);
            (execution.status, execution.started_at) = (Status::Running, Some(cx.now()));
        }
        cx.about::<FlowExecution>(id);
        let belongs = Belongs { visibility: Visibility::Private, ..cx.belongs_to_caller() };
        cx.create(id, belongs, &execution)?;
        let told = json!({
            "executionId": id, "flowId": execution.flow_id, "status": execution.status, "runs": execution.runs,
        });
        cx.emit(STARTED, id, &told)?;
        Ok(Output {
            execution: ExecutionView::of(id, cx.now(), execution),
            why_outside,
            credentials,
            dependencies: ready.states,
        })
    }
}

/// A flow is no way around the right to start a process.
fn may_start(cx: &Cx) -> Result<(), Fault> {
    let tools = cx.platform().registry.present();
    let allowed = tools.find(cx.tenant(), "execution_start").is_some_and(|tool| may_call(cx.caller(), tool));
    if allowed { Ok(()) } else { Err(forbidden(Permit::on(Resource::Executions, Action::Create))) }
}
