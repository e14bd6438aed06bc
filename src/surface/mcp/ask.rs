//! Questions to the client as the protocol writes them, and the round trip of the newer era: the questions travel with the
//! answer, and what was answered so far comes back in a sealed state, which is taken for an attacker's until proved ours.

use std::time::Duration;

use rmcp::model::{ClientCapabilities, ErrorData, InputRequest, InputRequests, InputRequiredResult};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::server::Server;
use super::view::Visit;
use crate::capability::client::{Abilities, Answers, Question};
use crate::capability::gate::operation;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::new_uuid;
use crate::kernel::time::Timestamp;
use crate::kernel::trace::TraceContext;

const PURPOSE: &str = "mcp-request-state";
/// Longer than any state that this server gives out for forms.
const LONGEST_STATE: usize = 1 << 20;
/// More answers than any call asks for.
const MOST_ANSWERS: usize = 64;

/// What comes back with the next round.
#[derive(Serialize, Deserialize)]
struct State {
    /// The digest of who called what with which input.
    of: String,
    /// Names this state. What is written after its answers is written once, however often it is sent.
    name: String,
    round: u32,
    until: Timestamp,
    answers: Answers,
}

/// The call that a state belongs to.
pub(super) struct Subject<'a> {
    pub(super) method: &'a str,
    pub(super) name: &'a str,
    pub(super) arguments: &'a Map<String, Value>,
}

/// A call's answers so far.
#[derive(Default)]
pub(super) struct Round {
    pub(super) answers: Answers,
    /// The idempotency key of a call that continues a state.
    pub(super) key: Option<String>,
    number: u32,
}

/// The protocol's method of a question.
pub(super) fn method(question: &Question) -> &'static str {
    match question {
        Question::Form { .. } | Question::Link { .. } => "elicitation/create",
        Question::Sample { .. } => "sampling/createMessage",
        Question::Roots => "roots/list",
    }
}

/// The protocol's parameters of a question.
pub(super) fn params(question: &Question) -> Value {
    match question {
        Question::Form { message, schema } => json!({ "message": message, "requestedSchema": schema }),
        Question::Link { message, url, id } => {
            json!({ "mode": "url", "message": message, "url": url, "elicitationId": id })
        }
        Question::Sample { request } => Value::Object(request.clone()),
        Question::Roots => json!({}),
    }
}

/// Writes into the parameters of a question the place in a trace of the call that asks it. What it says of others stays.
pub(super) fn place(params: &mut Value, trace: TraceContext) {
    let Some(params) = params.as_object_mut() else { return };
    let meta = params.entry("_meta").or_insert_with(|| json!({}));
    if let Some(meta) = meta.as_object_mut() {
        meta.insert("traceparent".to_owned(), json!(trace));
    }
}

pub(super) fn is_able(abilities: Abilities, question: &Question) -> bool {
    match question {
        Question::Form { .. } => abilities.form,
        Question::Link { .. } => abilities.url,
        Question::Sample { .. } => abilities.sample,
        Question::Roots => abilities.roots,
    }
}

/// The questions that a fault names.
pub(super) fn questions(detail: Option<&Value>) -> Vec<(String, Question)> {
    let named = detail.and_then(|detail| detail.get("questions")).and_then(Value::as_object);
    let read = |(key, question): (&String, &Value)| Some((key.clone(), Question::deserialize(question).ok()?));
    named.map(|named| named.iter().filter_map(read).collect()).unwrap_or_default()
}

/// Questions as requests for the client.
pub(super) fn requests(questions: &[(String, Question)]) -> Result<InputRequests, Fault> {
    questions
        .iter()
        .map(|(key, question)| {
            let request = json!({ "method": method(question), "params": params(question) });
            serde_json::from_value::<InputRequest>(request)
                .map(|request| (key.clone(), request))
                .map_err(Fault::internal)
        })
        .collect()
}

/// The protocol error for questions that the client has not declared to understand.
pub(super) fn lacking(questions: &[(String, Question)], abilities: Abilities) -> Option<ErrorData> {
    let mut required = Map::new();
    for (_, question) in questions.iter().filter(|(_, question)| !is_able(abilities, question)) {
        let name = match question {
            Question::Form { .. } | Question::Link { .. } => "elicitation",
            Question::Sample { .. } => "sampling",
            Question::Roots => "roots",
        };
        required.insert(name.to_owned(), json!({}));
    }
    (!required.is_empty()).then(|| missing(&Value::Object(required)))
}

/// The protocol error for capabilities that the client has not declared.
pub(super) fn missing(required: &Value) -> ErrorData {
    let typed = ClientCapabilities::deserialize(required).unwrap_or_default();
    let mut error = ErrorData::missing_required_client_capability(typed);
    error.data = Some(json!({ "requiredCapabilities": required }));
    error
}

impl Server {
    /// The answers that a request brings: those of earlier rounds in its state, and new ones.
    pub(super) fn open_round(
        &self,
        visit: &Visit,
        subject: &Subject<'_>,
        state: Option<&str>,
        given: Option<std::collections::BTreeMap<String, Value>>,
    ) -> Result<Round, Fault> {
        let mut round = match state {
            Some(state) => self.open_state(visit, subject, state)?,
            None => Round::default(),
        };
        for (key, answer) in given.into_iter().flatten() {
            if round.answers.len() >= MOST_ANSWERS {
                return Err(Fault::bad_input("/inputResponses", format!("at most {MOST_ANSWERS} answers are taken")));
            }
            if !answer.is_object() {
                let say = "an answer must be the result object of its question";
                return Err(Fault::bad_input(format!("/inputResponses/{key}"), say));
            }
            round.answers.entry(key).or_insert(answer);
        }
        Ok(round)
    }

    /// The answer that asks for more.
    pub(super) fn input_required(
        &self,
        visit: &Visit,
        subject: &Subject<'_>,
        round: Round,
        questions: &[(String, Question)],
    ) -> Result<InputRequiredResult, Fault> {
        let keep = Duration::from_secs(self.platform().config.mcp.request_state_seconds);
        let now = self.platform().clock.now();
        let state = State {
            of: digest(visit, subject),
            name: new_uuid(now).to_string(),
            round: round.number + 1,
            until: now.plus(keep),
            answers: round.answers,
        };
        let content = serde_json::to_vec(&state).map_err(Fault::internal)?;
        let sealed = self.platform().seal.seal(PURPOSE, &content);
        Ok(InputRequiredResult::new(Some(requests(questions)?), Some(sealed)))
    }

    fn open_state(&self, visit: &Visit, subject: &Subject<'_>, state: &str) -> Result<Round, Fault> {
        Some(state)
            .filter(|state| state.len() <= LONGEST_STATE)
            .and_then(|state| self.platform().seal.open(PURPOSE, state))
            .and_then(|content| serde_json::from_slice::<State>(&content).ok())
            .filter(|state| state.of == digest(visit, subject) && state.until > self.platform().clock.now())
            .map(|state| Round {
                answers: state.answers,
                key: Some(format!("request-state:{}", state.name)),
                number: state.round,
            })
            .ok_or_else(|| Fault::new(&codes::BAD_REQUEST_STATE, "the request state is not one of this call"))
    }
}

fn digest(visit: &Visit, subject: &Subject<'_>) -> String {
    let caller = &visit.caller;
    let arguments = Value::Object(subject.arguments.clone());
    operation::digest(&json!([caller.tenant, caller.principal_name(), subject.method, subject.name, arguments]))
}
