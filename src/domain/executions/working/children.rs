//! Processes that are run by others: an execution of their own, which tells the one above when it is over.

use serde_json::Value;
use uuid::Uuid;

use super::doing::{Begun, Did, Wanted};
use super::{Place, Worker};
use crate::capability::caller::Caller;
use crate::capability::platform::Platform;
use crate::domain::executions::faults::{TOO_DEEP, VARIABLES_UNFIT};
use crate::domain::executions::finding::not_published;
use crate::domain::executions::graphs::Graphs;
use crate::domain::executions::model::execution::{EXECUTION, Execution, Status, Todo};
use crate::domain::executions::playing::{Scene, job};
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::interpreter::{ItemState, Stage, Token};
use crate::domain::processes::engine::nodes::Config;
use crate::domain::processes::reading;
use crate::kernel::current::Current;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::seal::sha256;
use crate::port::expressions::Language;
use crate::port::records::Visibility;
use crate::port::store::{Expect, Put, Step};

/// So many executions may lie above one another.
pub(in crate::domain::executions) const DEEPEST: u32 = 20;
/// The counter of what an execution has run below it, at whatever depth.
const BELOW: &str = "executions_below";
/// The most of them.
const MOST_BELOW: i64 = 100_000;

/// The fault of an execution that has run too many others.
pub(super) fn too_many() -> Fault {
    Fault::new(&TOO_DEEP, format!("more than {MOST_BELOW} executions were run below one"))
}

impl Worker {
    pub(super) async fn child(&self, tenant: TenantId, wanted: &Wanted, caller: &Caller) -> Result<Did, Fault> {
        let platform = self.gate.platform();
        let above = &wanted.stored.value;
        if above.depth >= DEEPEST {
            return Err(Fault::new(&TOO_DEEP, format!("more than {DEEPEST} executions lie above one another")));
        }
        let text = |name: &str| wanted.config.get(name).and_then(Value::as_str);
        let process_id = text("processId").unwrap_or_default();
        let published = reading::published(platform, caller, process_id, text("version")).await?;
        let (process_id, revision) = published.ok_or_else(|| not_published(process_id))?;
        let graph = platform.service::<Graphs>()?.of(platform, tenant, &process_id, revision.revision).await?;
        let language = platform.service::<Language>()?;
        let id = id_of(wanted);
        let root = above.root.unwrap_or(wanted.execution);
        let execution = Execution {
            process_id,
            version: revision.called(),
            revision: revision.revision,
            status: Status::Running,
            state: crate::domain::processes::engine::interpreter::State::default(),
            user: above.user,
            key: above.key,
            bound: caller.bound.as_deref().cloned(),
            priority: above.priority,
            started_at: None,
            ended_at: None,
            failure: None,
            failed_at: None,
            result: None,
            parent: Some(wanted.execution),
            parent_token: Some(wanted.token),
            parent_item: wanted.item,
            parent_attempt: Some(wanted.attempt),
            root: Some(root),
            depth: above.depth + 1,
            hops: above.hops,
            // The step that it is a part of.
            traceparent: Current::trace(),
            held: Vec::new(),
            marks: String::new(),
        };
        let scene = Scene { tenant, id, graph: &graph, language: &*language.0, now: platform.clock.now() };
        let played = scene.start(execution, wanted.input.clone()).map_err(|failure| {
            Fault::new(&VARIABLES_UNFIT, failure.message.clone())
                .with_detail(serde_json::json!({ "code": failure.code }))
        })?;
        let mut steps = vec![Step::Put(Put {
            kind: &EXECUTION,
            id,
            // The same step begins it once.
            expect: Expect::Absent,
            owner: wanted.stored.owner,
            workspace: wanted.stored.workspace,
            visibility: Visibility::Private,
            body: serde_json::to_value(&played.execution).map_err(Fault::internal)?,
        })];
        steps.push(Step::Count { name: BELOW, key: root.to_string(), by: 1, at_most: Some(MOST_BELOW) });
        steps.extend(played.steps);
        for event in &played.events {
            steps.push(event.step()?);
        }
        Ok(Did::Begun(Begun { steps, events: played.events }))
    }
}

/// The id of the execution that a step begins: the same for the same attempt.
fn id_of(wanted: &Wanted) -> Uuid {
    child_id(wanted.execution, wanted.token, wanted.item, wanted.attempt)
}

/// The id of the execution that a token of another one began.
pub(super) fn child_id(execution: Uuid, token: u64, item: Option<usize>, attempt: u32) -> Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(&sha256(format!("execution\n{execution}\n{token}\n{item:?}\n{attempt}").as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}

/// What calls off an execution that a step has begun.
pub(super) fn called_off(
    platform: &Platform,
    id: Uuid,
    (token, item, attempt): Place,
    before: &Execution,
) -> Option<Step> {
    let (now, child) = (platform.clock.now(), child_id(id, token, item, attempt));
    job(child, Todo::Cancel, now, before.priority, now).map(Step::Enqueue)
}

/// Items, where it is of items, and attempts.
type Attempts = Vec<(Option<usize>, u32)>;

/// What a token has begun and waits for, and what does it.
pub(super) fn begun<'g>(graph: &'g Graph, token: &Token) -> Option<(&'g Config, Attempts)> {
    let node = &graph.nodes[graph.find(&token.node)?];
    match &token.stage {
        Stage::Working { attempt, .. } => Some((&node.config, vec![(None, *attempt)])),
        Stage::Each { states, .. } => {
            let Config::ForEach(each) = &node.config else { return None };
            let working = |(item, state): (usize, &ItemState)| match state {
                ItemState::Working { attempt } => Some((Some(item), *attempt)),
                _ => None,
            };
            let body = &graph.nodes[graph.find(&each.node)?];
            Some((&body.config, states.iter().enumerate().filter_map(working).collect()))
        }
        Stage::Undoing { left, attempt, again_at: None, .. } => {
            let by = graph.nodes[graph.find(&left.last()?.node)?].undone_by?;
            Some((&graph.nodes[by].config, vec![(Some(left.len()), *attempt)]))
        }
        _ => None,
    }
}
