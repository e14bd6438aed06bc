//! Finding executions, and altering them by a call.

use std::sync::Arc;

use uuid::Uuid;

use super::faults::{NOT_PUBLISHED, VARIABLES_UNFIT, WRONG_STATE};
use super::graphs::Graphs;
use super::model::execution::{Execution, Status};
use super::playing::Scene;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::Action;
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::interpreter::Failure;
use crate::kernel::fault::Fault;
use crate::port::expressions::{Expressions, Language};

/// What an execution is played with.
pub(super) struct Stage {
    pub(super) graph: Arc<Graph>,
    language: Arc<dyn Expressions>,
}

/// The execution of an id that the caller may do this to.
pub(super) async fn load(cx: &Cx, given: &str, action: Action) -> Result<Stored<Execution>, Fault> {
    let id = Uuid::parse_str(given).map_err(|_| Fault::not_found("execution", given))?;
    cx.load::<Execution>(id, action).await
}

impl Stage {
    /// That of an execution.
    pub(super) async fn of(cx: &Cx, process: &str, revision: u32) -> Result<Self, Fault> {
        let platform = cx.platform();
        let graph = cx.service::<Graphs>()?.of(platform, cx.tenant(), process, revision).await?;
        Ok(Self { graph, language: cx.service::<Language>()?.0.clone() })
    }

    pub(super) fn scene(&self, cx: &Cx, id: Uuid) -> Scene<'_> {
        Scene { tenant: cx.tenant(), id, graph: &self.graph, language: &*self.language, now: cx.now() }
    }
}

/// The fault of a process that cannot be started.
pub(super) fn not_published(process: &str) -> Fault {
    Fault::new(&NOT_PUBLISHED, format!("no version of '{process}' was published"))
}

/// The fault of variables that do not fit.
pub(super) fn unfit(failure: &Failure) -> Fault {
    let detail = serde_json::json!({ "code": failure.code });
    Fault::new(&VARIABLES_UNFIT, failure.message.clone()).with_detail(detail)
}

/// Demands that an execution is in one of these states.
pub(super) fn must_be(execution: &Execution, states: &[Status], what: &str) -> Result<(), Fault> {
    if states.contains(&execution.status) {
        return Ok(());
    }
    let wanted: Vec<&str> = states.iter().map(|state| state.name()).collect();
    let say = format!(
        "the execution is {}, and only one that is {} can be {what}",
        execution.status.name(),
        wanted.join(" or ")
    );
    Err(Fault::new(&WRONG_STATE, say).with_detail(serde_json::json!({ "status": execution.status })))
}
