//! `execution_dependencies`: what waits for what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{LARGEST_PAGE, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::depending::{Back, Depending, depending};
use crate::domain::executions::finding::{Stage, load};
use crate::domain::executions::model::execution::{Execution, Status};
use crate::domain::processes::engine::interpreter::Failure;
use crate::kernel::fault::Fault;
use crate::kernel::id::ExecutionId;
use crate::port::records::{Filter, Scalar};

/// Tells what waits for what in an execution.
pub(in crate::domain::executions) struct ExecutionDependencies;

/// In which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The execution's id.
    #[schemars(length(min = 1, max = 64))]
    id: String,
}

/// What waits for what.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Output {
    /// The execution.
    execution_id: ExecutionId,
    /// The process.
    process_id: String,
    /// The version that it keeps to.
    version: String,
    /// How it stands.
    status: Status,
    /// The nodes in their order.
    nodes: Vec<Depending>,
    /// The ways that lead back to an earlier node: they do not count for the order.
    loops: Vec<Back>,
    /// The execution or batch that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    above: Option<Beside>,
    /// Executions that it runs as parts of itself, newest first.
    below: Vec<Beside>,
    /// Whether there are more of these than are told: `execution_list` by `parent` tells all.
    more_below: bool,
}

/// Another execution.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Beside {
    /// Its id.
    execution_id: ExecutionId,
    /// The process; left out where it cannot be seen, or is a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    process_id: Option<String>,
    /// How it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// The node that waits for its end, while it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    waited_for_by: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

impl Capability for ExecutionDependencies {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "execution_dependencies",
        Domain::Executions,
        Route::get("/operations/{id}/dependencies"),
        Permit::on(Resource::Executions, Action::Read),
        "What waits for what in one execution: its nodes in order, each with its state, the nodes it depends on and those that must go on first, loops, \
         and the executions above and below. For links between processes as such use process_links.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Read).await?;
        let execution = &stored.value;
        let stage = Stage::of(cx, &execution.process_id, execution.revision).await?;
        let (nodes, loops) = depending(execution, &stage.graph);
        let paging = Paging { limit: Some(LARGEST_PAGE), page_token: None };
        let parts = Filter::is("parent", Scalar::Id(stored.id));
        let found = cx.list::<Execution>(parts, "createdAt", true, &paging).await?;
        let waits = |token: Option<u64>| {
            let token = execution.state.token(token?)?;
            (!execution.status.is_over()).then(|| token.node.clone())
        };
        let below = found.items.into_iter().map(|below| Beside {
            execution_id: ExecutionId::from_uuid(below.id),
            waited_for_by: waits(below.value.parent_token).filter(|_| !below.value.status.is_over()),
            process_id: Some(below.value.process_id),
            status: Some(below.value.status),
            failure: below.value.failure,
        });
        let below = below.collect();
        let above = match execution.parent {
            None => None,
            Some(above) => {
                let found = match cx.load::<Execution>(above, Action::Read).await {
                    Ok(above) => Some(above.value),
                    // A batch, or one that the caller may not see.
                    Err(fault) if fault.code().status < 500 => None,
                    Err(fault) => return Err(fault),
                };
                let node = found.as_ref().and_then(|above| above.state.token(execution.parent_token?));
                Some(Beside {
                    execution_id: ExecutionId::from_uuid(above),
                    waited_for_by: node.map(|token| token.node.clone()).filter(|_| !execution.status.is_over()),
                    process_id: found.as_ref().map(|above| above.process_id.clone()),
                    status: found.as_ref().map(|above| above.status),
                    failure: found.and_then(|above| above.failure),
                })
            }
        };
        Ok(Output {
            execution_id: ExecutionId::from_uuid(stored.id),
            process_id: execution.process_id.clone(),
            version: execution.version.clone(),
            status: execution.status,
            nodes,
            loops,
            above,
            below,
            more_below: found.next_page_token.is_some(),
        })
    }
}
