//! Finding executions, and altering them by a call.

use std::sync::Arc;

use uuid::Uuid;

use super::faults::{NOT_PUBLISHED, VARIABLES_UNFIT, WRONG_STATE};
use super::graphs::Graphs;
use super::model::execution::{Execution, Status};
use super::playing::{Played, Scene};
use super::working::{Desk, withdrawn};
use crate::capability::acting::not_allowed;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::Action;
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::interpreter::Failure;
use crate::domain::processes::engine::nodes::Config;
use crate::kernel::fault::Fault;
use crate::port::expressions::{Expressions, Language};

/// The types of nodes that are more than a tool.
const AGENT: &str = "agent";
const SUB_PROCESS: &str = "sub_process";
const INTEGRATION: &str = "integration";

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

impl Stage {
    /// An agent that acts for the caller sets going only what it could do by itself.
    pub(super) fn held_to(&self, cx: &Cx) -> Result<(), Fault> {
        let Some(acting) = &cx.caller().acting else { return Ok(()) };
        let snapshot = cx.platform().registry.present();
        for node in &self.graph.nodes {
            let mut named = match &node.config {
                Config::Tool(one) => vec![one.tool.as_str()],
                Config::Prompt(_) => vec!["prompt_assemble", "model_complete"],
                Config::Decision(_) => vec!["rule_evaluate"],
                Config::HumanTask(_) => vec!["task_create"],
                Config::Agent(one) if acting.line().all(|acting| acting.allowance.agent(&one.agent_id)) => {
                    vec!["agent_invoke"]
                }
                // No tool does as much as these.
                Config::Agent(_) => vec![AGENT],
                Config::SubProcess(_) => vec![SUB_PROCESS],
                Config::Integration(_) => vec![INTEGRATION],
                _ => Vec::new(),
            };
            let reachable = |name: &&str| snapshot.find(cx.tenant(), name).is_some_and(|tool| acting.may_use(tool));
            named.retain(|name| !reachable(name));
            if let Some(name) = named.first() {
                return Err(not_allowed(&acting.agent, name));
            }
        }
        Ok(())
    }

    /// Writes, by a call, what was played of an execution, with what withdraws what it had begun elsewhere.
    pub(super) async fn write(&self, cx: &Cx, stored: &Stored<Execution>, played: Played) -> Result<Execution, Fault> {
        let before = &stored.value;
        cx.change(stored, &played.execution)?;
        let change = (before, &played.execution);
        cx.steps(withdrawn(cx.platform(), cx.tenant(), stored.id, &self.graph, change, None).await?);
        let dropped = played.dropped.clone();
        let execution = played.write_beside(cx)?;
        let desk = cx.service::<Desk>()?;
        desk.call_off(stored.id, &dropped);
        desk.wake();
        Ok(execution)
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
