//! What people do: a task is opened with the end of the lease, and its end puts a job into the queue of executions, in the commit of the answer.

use serde_json::{Value, json};
use uuid::Uuid;

use super::children::child_id;
use super::doing::{Begun, Did, Wanted};
use super::{Place, Worker};
use crate::capability::platform::Platform;
use crate::domain::executions::model::execution::QUEUE;
use crate::domain::processes::engine::durations::read_duration;
use crate::domain::processes::engine::interpreter::Happening;
use crate::domain::processes::engine::nodes::people::asked;
use crate::domain::tasks::model::task::Continuation;
use crate::domain::tasks::opening::{Asked, Opener, open, withdraw};
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::store::Step;

impl Worker {
    /// Opens a task.
    pub(super) async fn person(&self, tenant: TenantId, wanted: &Wanted, name: &str) -> Result<Did, Fault> {
        let platform = self.gate.platform();
        let name = if name.is_empty() { wanted.node.as_str() } else { name };
        let mut given = asked(&wanted.config, name);
        if let Some(due) = wanted.config.get("due").and_then(Value::as_str) {
            let span = read_duration(due).ok_or_else(|| Fault::bad_input("/due", "must be a duration such as P2D"))?;
            given.insert("dueAt".to_owned(), json!(platform.clock.now().plus(span)));
        }
        let more = [
            ("processId", json!(wanted.stored.value.process_id)),
            ("executionId", json!(wanted.execution)),
            ("nodeId", json!(wanted.node)),
            ("data", Value::Object(wanted.input.clone())),
        ];
        given.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let asked: Asked = serde_json::from_value(Value::Object(given))
            .map_err(|error| Fault::bad_input("/config", format!("asks for a task that cannot be: {error}")))?;
        let key = json!({
            "execution": wanted.execution, "token": wanted.token, "item": wanted.item, "attempt": wanted.attempt,
        });
        let continuation = Some(Continuation { queue: QUEUE.to_owned(), key });
        let opener = Opener { starter: wanted.stored.value.user, continuation };
        // The same attempt opens it once.
        let id = child_id(wanted.execution, wanted.token, wanted.item, wanted.attempt);
        let written = open(platform, tenant, id, asked, opener).await?;
        Ok(Did::Begun(Begun { steps: written.steps, events: written.events }))
    }
}

/// What the end of a task tells an execution; none where the job is of something else.
pub(super) fn answered(body: &Value) -> Option<(Uuid, Happening)> {
    let key = body.get("key")?;
    let execution = key.get("execution")?.as_str().and_then(|id| Uuid::parse_str(id).ok())?;
    let token = key.get("token")?.as_u64()?;
    let item = key.get("item").and_then(Value::as_u64).and_then(|item| usize::try_from(item).ok());
    let attempt = key.get("attempt").and_then(Value::as_u64).and_then(|attempt| u32::try_from(attempt).ok());
    let failed = |code: &str, message: &str| Happening::Failed {
        token,
        item,
        attempt,
        code: code.to_owned(),
        message: message.to_owned(),
        passing: false,
    };
    let outcome = body.get("outcome").cloned().unwrap_or_default();
    let happening = match (body.get("status").and_then(Value::as_str), outcome.as_str()) {
        (Some("cancelled"), _) => failed("task_cancelled", "the task was withdrawn"),
        // A chain of escalation that ends in this wants the step to fail.
        (_, Some("fail")) => failed("task_unanswered", "nobody answered the task in time"),
        _ => {
            let mut result = body.get("response").and_then(Value::as_object).cloned().unwrap_or_default();
            for (name, value) in
                [("outcome", outcome), ("answeredBy", body["by"].clone()), ("taskId", body["task"].clone())]
            {
                // What the house says of an answer is not what the answer says.
                result.insert(name.to_owned(), value);
            }
            Happening::Done { token, item, attempt, result: Value::Object(result) }
        }
    };
    Some((execution, happening))
}

/// What withdraws the task that a step has opened.
pub(super) async fn withdrawn(
    platform: &Platform,
    tenant: TenantId,
    id: Uuid,
    (token, item, attempt): Place,
) -> Result<Vec<Step>, Fault> {
    let written = withdraw(platform, tenant, child_id(id, token, item, attempt)).await?;
    Ok(written.map(|written| written.steps).unwrap_or_default())
}
