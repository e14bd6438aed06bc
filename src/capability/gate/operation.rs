//! The one durable record behind everything that outlives its request: a call with an idempotency key, a call that reaches
//! outside, a held approval, a task, a REST 202.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Request;
use crate::capability::bound::Bound;
use crate::capability::caller::{Caller, Origin, Principal};
use crate::capability::client::Answers;
use crate::capability::spec::Effect;
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Problem};
use crate::kernel::id::{KeyId, UserId};
use crate::kernel::seal::{Seal, sha256_hex};
use crate::kernel::time::Timestamp;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};
use crate::port::store::Expect;

/// The kind of operations.
pub static OPERATION: Kind = Kind {
    fields: &[
        Field { name: "scope", of: FieldType::Text },
        Field { name: "state", of: FieldType::Text },
        Field { name: "expiresAt", of: FieldType::Time },
        Field { name: "task", of: FieldType::Boolean },
        Field { name: "key", of: FieldType::Id },
    ],
    unique: &[Unique { name: "idempotency_key", fields: &["scope"], across: Across::Tenant }],
    private: &["input", "result", "answers"],
    ..Kind::new("operation")
};

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It runs.
    Running,
    /// It waits for answers.
    Waiting,
    /// It waits for a person's approval.
    Held,
    /// It ended well.
    Done,
    /// It ended by a fault.
    Failed,
    /// It was called off.
    Cancelled,
    /// The program stopped while it was reaching outside: nobody knows.
    Unknown,
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The tool.
    pub tool: String,
    /// What the tool does to the world.
    #[serde(default = "changes")]
    pub effect: Effect,
    /// Who started it.
    pub user: UserId,
    /// With which key, `None` for the local owner.
    pub key: Option<KeyId>,
    /// The agent that acted for them, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What may be done at most, where a process had it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// The idempotency key's scope, where it has one.
    pub scope: Option<String>,
    /// The digest of the input.
    pub input_digest: String,
    /// The input, where the call may have to be run again.
    pub input: Option<Value>,
    /// The instance that runs it, where several share the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<i32>,
    /// How it stands.
    pub state: State,
    /// The result, once there is one that may be kept.
    pub result: Option<Value>,
    /// Whether the result held a secret and was therefore not kept.
    pub secret: bool,
    /// The fault, where it ended by one.
    pub fault: Option<Problem>,
    /// The questions that it waits for answers to.
    pub questions: Option<Value>,
    /// The answers given so far.
    pub answers: Answers,
    /// Whether a client follows it as a task.
    pub task: bool,
    /// The revision that the caller demanded of what is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<i64>,
    /// Where the call came from.
    #[serde(default = "Origin::inside")]
    pub origin: Origin,
    /// Whether some of what it writes is committed already: then it cannot be run again from its beginning.
    #[serde(default)]
    pub stepped: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// The effect of operations that were written before it was kept.
fn changes() -> Effect {
    Effect::Change
}

impl Document for Operation {
    const KIND: &'static Kind = &OPERATION;
}

impl Operation {
    pub(super) fn begin(request: &Request, tool: &Tool, input_digest: String, now: Timestamp, keep: Duration) -> Self {
        let caller = &request.caller;
        Self {
            tool: tool.name.to_string(),
            effect: tool.effect,
            user: caller.user,
            key: caller.principal.key(),
            agent: caller.acting.as_ref().map(|acting| acting.agent.clone()),
            bound: caller.bound.as_deref().cloned(),
            scope: None,
            input_digest,
            input: None,
            instance: None,
            state: State::Running,
            result: None,
            secret: false,
            fault: None,
            questions: None,
            answers: Answers::new(),
            task: false,
            if_match: request.if_match,
            origin: request.origin,
            stepped: false,
            created_at: now,
            updated_at: now,
            expires_at: now.plus(keep),
        }
    }

    /// Who started it.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.key.map_or(Principal::LocalOwner, Principal::Key)
    }

    pub(super) fn end(&mut self, tool: &Tool, result: &Value, now: Timestamp) {
        self.state = State::Done;
        self.updated_at = now;
        self.input = None;
        self.answers = Answers::new();
        self.questions = None;
        if tool.shows_secret {
            self.secret = true;
        } else {
            self.result = Some(result.clone());
        }
    }

    /// It ended by a fault that the tool itself gave. Its idempotency key is free again, unless some of what it writes is
    /// committed: then a repeated call is told how the first one ended.
    pub(super) fn fail(&mut self, fault: &Fault, request_id: &str, now: Timestamp) {
        self.updated_at = now;
        // Only a task waits; any other call is made again with the answers, from its beginning.
        if self.task && fault.is(&codes::INPUT_REQUIRED) {
            self.state = State::Waiting;
            self.questions = fault.detail().and_then(|detail| detail.get("questions")).cloned();
            return;
        }
        self.stop(if fault.is(&codes::CANCELLED) { State::Cancelled } else { State::Failed }, fault, request_id);
        if !self.stepped {
            self.scope = None;
        }
    }

    /// It was stopped and nobody knows what it did outside. Its idempotency key stays taken.
    pub(super) fn lose(&mut self, fault: &Fault, request_id: &str, now: Timestamp) {
        self.updated_at = now;
        self.stop(State::Unknown, fault, request_id);
    }

    fn stop(&mut self, state: State, fault: &Fault, request_id: &str) {
        self.state = state;
        self.fault = Some(fault.problem(request_id));
        self.input = None;
        self.answers = Answers::new();
        self.questions = None;
    }

    /// Whether it is a task that has not ended.
    pub(super) fn is_open_task(&self) -> bool {
        self.task && matches!(self.state, State::Running | State::Waiting | State::Held)
    }

    /// Whether a call with the same idempotency key and this input repeats it.
    pub(super) fn is_repeated_by(&self, input_digest: &str) -> Result<(), Fault> {
        if self.input_digest == input_digest {
            return Ok(());
        }
        Err(Fault::new(&codes::KEY_REUSED, "the idempotency key was used with another input"))
    }

    /// What a repeated call is answered.
    pub(super) fn replay(&self, input_digest: &str) -> Result<Value, Fault> {
        self.is_repeated_by(input_digest)?;
        match self.state {
            State::Done if self.secret => Err(Fault::new(
                &codes::ALREADY_EXISTS,
                "the call was made before and its answer held a secret, which is shown once",
            )),
            State::Done => Ok(self.result.clone().unwrap_or(Value::Null)),
            State::Unknown => Err(Fault::new(&codes::OUTCOME_UNKNOWN, "the outcome of the first call is not known")),
            State::Failed | State::Cancelled => {
                let say = "the first call with this idempotency key ended by a fault after a part of it was committed";
                Err(Fault::new(&codes::CONFLICT, say).with_detail(serde_json::json!({ "problem": self.fault })))
            }
            State::Running | State::Waiting | State::Held => {
                Err(Fault::new(&codes::IN_FLIGHT, "the first call with this idempotency key has not ended"))
            }
        }
    }
}

/// The operation that a running call ends.
#[derive(Clone)]
pub(in crate::capability) struct Ending {
    pub(in crate::capability) id: Uuid,
    pub(in crate::capability) expect: Expect,
    pub(in crate::capability) operation: Operation,
}

/// The digest of an input. The order of properties makes no other input.
#[must_use]
pub fn digest(input: &Value) -> String {
    let mut input = input.clone();
    input.sort_all_objects();
    sha256_hex(input.to_string().as_bytes())
}

/// The digest by which a tool's input is known again. Of one that holds a secret it is made with the installation's own key:
/// by a plain digest, a secret that can be guessed could be tried.
pub(super) fn digest_for(seal: &Seal, tool: &Tool, input: &Value) -> String {
    let plain = digest(input);
    if tool.takes_secret { sha256_hex(seal.seal("input", plain.as_bytes()).as_bytes()) } else { plain }
}

/// The scope of an idempotency key: the same key of another principal or for another tool is another.
pub(super) fn scope(caller: &Caller, tool: &Tool, key: &str) -> String {
    sha256_hex(format!("{}\n{}\n{key}", caller.principal_name(), tool.name).as_bytes())
}
