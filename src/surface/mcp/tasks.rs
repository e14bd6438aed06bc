//! Tasks: operations of the gate as the protocol's extension shows them. They are on disk before the caller is answered, so a
//! task is there after a restart.

use rmcp::model::{DetailedTask, ErrorData, JsonObject, Task, TaskPayload, TaskStatus};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::ask;
use super::calling::value_result;
use super::fault;
use super::server::Server;
use super::view::Visit;
use crate::capability::client::Answers;
use crate::capability::gate::Request;
use crate::capability::gate::operation::{Operation, State};
use crate::capability::owned::Stored;
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Problem};
use crate::kernel::id::OperationId;

const POLL_MILLIS: u64 = 500;

/// The task of an operation.
pub(super) fn task(stored: &Stored<Operation>) -> Task {
    let operation = &stored.value;
    let status = match operation.state {
        State::Running | State::Held => TaskStatus::Working,
        State::Waiting => TaskStatus::InputRequired,
        State::Done => TaskStatus::Completed,
        State::Cancelled => TaskStatus::Cancelled,
        State::Failed | State::Unknown => TaskStatus::Failed,
    };
    let kept = operation.expires_at.as_millis() - operation.created_at.as_millis();
    let mut task =
        Task::new(stored.id.to_string(), status, operation.created_at.to_string(), operation.updated_at.to_string())
            .with_poll_interval_ms(POLL_MILLIS);
    task.ttl_ms = u64::try_from(kept).ok();
    if operation.state == State::Held {
        task.status_message = Some("waits for a person's approval".to_owned());
    }
    task
}

impl Server {
    /// How a task stands.
    pub(super) async fn task(&self, visit: &Visit, id: &str) -> Result<DetailedTask, ErrorData> {
        let stored = self.stored(visit, id).await.map_err(|fault| self.refuse(&fault))?;
        let payload = self.payload(visit, &stored).map_err(|fault| self.refuse(&fault))?;
        Ok(DetailedTask::new(task(&stored), payload))
    }

    /// Gives answers to a task. Answers that nobody waits for are let go.
    pub(super) async fn update(&self, visit: &Visit, id: &str, answers: Answers) -> Result<(), ErrorData> {
        let id = parse(id).map_err(|fault| self.refuse(&fault))?;
        let answers = answers.into_iter().filter(|(_, answer)| answer.is_object()).collect();
        let mut request = Request::new(self.new_id(), visit.caller.clone(), visit.origin, "", Value::Null);
        request.read_only = visit.view.read_only;
        request.cancel = CancellationToken::new();
        match self.gate.answer(request, id, answers).await {
            Err(fault) if !fault.is(&codes::CONFLICT) => Err(self.refuse(&fault)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Calls a task off.
    pub(super) async fn call_off(&self, visit: &Visit, id: &str) -> Result<(), ErrorData> {
        let id = parse(id).map_err(|fault| self.refuse(&fault))?;
        self.gate.cancel(&visit.caller, id).await.map_err(|fault| self.refuse(&fault))
    }

    async fn stored(&self, visit: &Visit, id: &str) -> Result<Stored<Operation>, Fault> {
        let stored = self.gate.operation(&visit.caller, parse(id)?).await?;
        if stored.value.task { Ok(stored) } else { Err(unknown(id)) }
    }

    fn payload(&self, visit: &Visit, stored: &Stored<Operation>) -> Result<TaskPayload, Fault> {
        let operation = &stored.value;
        Ok(match operation.state {
            State::Running | State::Held => TaskPayload::Working,
            State::Waiting => {
                let detail = json!({ "questions": operation.questions });
                let mut open = ask::questions(Some(&detail));
                open.retain(|(key, _)| !operation.answers.contains_key(key));
                TaskPayload::InputRequired { input_requests: ask::requests(&open)? }
            }
            State::Done => TaskPayload::Completed { result: self.result_of(visit, operation)? },
            State::Cancelled => TaskPayload::Cancelled,
            State::Failed | State::Unknown => match &operation.fault {
                // The call itself ended well: what it tells of is a refusal that the caller can mend.
                Some(problem) if problem.status < 500 => {
                    let result = serde_json::to_value(fault::refusal(problem)).map_err(Fault::internal)?;
                    TaskPayload::Completed { result: object(result) }
                }
                Some(problem) => TaskPayload::Failed { error: protocol_error(problem) },
                None => TaskPayload::Failed { error: object(json!(fault::internal())) },
            },
        })
    }

    fn result_of(&self, visit: &Visit, operation: &Operation) -> Result<JsonObject, Fault> {
        if operation.secret {
            let fault = Fault::new(&codes::NOT_FOUND, "the answer held a secret, which is not kept");
            return Ok(object(serde_json::to_value(fault::result(&fault, self.new_id())).map_err(Fault::internal)?));
        }
        let value = operation.result.clone().unwrap_or(Value::Null);
        let snapshot = self.platform().registry.present();
        let result = match snapshot.find(visit.caller.tenant, &operation.tool) {
            Some(tool) => value_result(tool, value)?,
            None => return Err(Fault::new(&codes::UNKNOWN_TOOL, format!("the tool '{}' is gone", operation.tool))),
        };
        Ok(object(serde_json::to_value(result).map_err(Fault::internal)?))
    }
}

fn protocol_error(problem: &Problem) -> JsonObject {
    object(json!({
        "code": rmcp::model::ErrorCode::INTERNAL_ERROR,
        "message": problem.detail,
        "data": problem,
    }))
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn parse(id: &str) -> Result<OperationId, Fault> {
    id.parse().map_err(|_| unknown(id))
}

fn unknown(id: &str) -> Fault {
    Fault::not_found("task", id.chars().take(64).collect::<String>())
}
