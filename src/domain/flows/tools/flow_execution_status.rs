//! `flow_execution_status`: an outside runner reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::faults::{FLOW_EXECUTION_HERE, FLOW_EXECUTION_OVER};
use crate::domain::flows::model::execution::{FlowExecution, Runs, Status};
use crate::domain::flows::topics::{ENDED, PROGRESSED};
use crate::domain::flows::views::ExecutionView;
use crate::kernel::fault::Fault;
use crate::kernel::id::ExecutionId;

/// Takes a report.
pub(in crate::domain::flows) struct FlowExecutionStatus;

/// How an execution may be said to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Reported {
    /// It was begun, or has gone on.
    Running,
    /// It came to its end.
    Completed,
    /// It failed.
    Failed,
    /// It was called off.
    Cancelled,
}

/// The report.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// The execution's id, as `flow_execute` told it.
    id: ExecutionId,
    /// How it stands.
    status: Reported,
    /// What it brought, or has brought so far.
    #[serde(default)]
    result: Option<Map<String, Value>>,
    /// Why it failed: only with `failed`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 10_000))]
    error: Option<String>,
    /// How far it is, in percent.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 100.0))]
    progress: Option<f64>,
    /// What is to be said of it now.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    message: Option<String>,
}

/// The execution as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// The execution.
    #[serde(flatten)]
    execution: ExecutionView,
    /// Whether the report was new: the same end may be reported again.
    changed: bool,
}

impl Capability for FlowExecutionStatus {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "flow_execution_status",
        Domain::Flows,
        Route::put("/flows/executions/{id}/status"),
        Permit::on(Resource::Flows, Action::Change),
        "An outside runner reports how an execution of a flow stands: begun, how far, its result, why it failed. How it ended stays. For whoever \
         executed it, the flow's owner or the runner that it names; one that runs here is not reported.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<FlowExecution>(input.id.uuid(), Action::Change).await?;
        let before = &stored.value;
        if before.runs == Runs::Here {
            let detail = json!({ "processExecutionId": before.process });
            return Err(Fault::new(&FLOW_EXECUTION_HERE, "the execution runs here").with_detail(detail));
        }
        let status = match input.status {
            Reported::Running => Status::Running,
            Reported::Completed => Status::Completed,
            Reported::Failed => Status::Failed,
            Reported::Cancelled => Status::Cancelled,
        };
        if input.error.is_some() && status != Status::Failed {
            return Err(Fault::bad_input("/error", "is only of an execution that failed: say the status 'failed'"));
        }
        if before.status.is_over() {
            let same = status == before.status
                && (input.result.is_none() || input.result == before.result)
                && (input.error.is_none() || input.error == before.error);
            if same {
                return Ok(Output { execution: view(&stored, before.clone()), changed: false });
            }
            let say = format!("the execution is {} already", before.status.name());
            return Err(Fault::new(&FLOW_EXECUTION_OVER, say).with_detail(json!({ "status": before.status })));
        }
        let now = cx.now();
        let execution = FlowExecution {
            status,
            result: input.result.or_else(|| before.result.clone()),
            error: input.error,
            progress: if status == Status::Completed { Some(100.0) } else { input.progress.or(before.progress) },
            message: input.message.or_else(|| before.message.clone()),
            // Of one whose beginning nobody reported it is known when it was asked for.
            started_at: before.started_at.or_else(|| Some(if status.is_over() { stored.created_at } else { now })),
            ended_at: status.is_over().then_some(now),
            reported_at: Some(now),
            ..before.clone()
        };
        cx.change(&stored, &execution)?;
        let topic = if status.is_over() { ENDED } else { PROGRESSED };
        let told = json!({
            "executionId": stored.id, "flowId": execution.flow_id, "status": execution.status, "runs": execution.runs,
            "progress": execution.progress,
        });
        cx.emit(topic, stored.id, &told)?;
        Ok(Output { execution: view(&stored, execution), changed: true })
    }
}

fn view(stored: &Stored<FlowExecution>, execution: FlowExecution) -> ExecutionView {
    ExecutionView::of(stored.id, stored.created_at, execution)
}
