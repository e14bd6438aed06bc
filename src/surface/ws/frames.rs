//! The messages of the protocol: JSON objects with a `type`. An `id` that a client gives comes back with the answer.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// What a client sends.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(super) enum Asked {
    Authenticate {
        token: String,
    },
    Subscribe {
        channel: String,
        #[serde(default)]
        after: Option<i64>,
        #[serde(default)]
        epoch: Option<String>,
    },
    Unsubscribe {
        channel: String,
    },
    Publish {
        channel: String,
        data: Value,
    },
    Join {
        channel: String,
        #[serde(default)]
        state: Value,
    },
    Leave {
        channel: String,
    },
    Presence {
        channel: String,
    },
    Call {
        tool: String,
        #[serde(default)]
        input: Value,
        #[serde(default)]
        answers: Map<String, Value>,
        #[serde(default)]
        idempotency_key: Option<String>,
        /// The caller's place in a trace, as the header of the W3C names it.
        #[serde(default)]
        traceparent: Option<String>,
    },
    Ping {},
}

/// Reads a message: the client's `id`, and what it asks or what is wrong with it.
pub(super) fn read(text: &str) -> (Value, Result<Asked, Fault>) {
    let malformed = |error: serde_json::Error| Fault::new(&codes::MALFORMED, format!("the message: {error}"));
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(mut message)) => {
            let id = message.remove("id").unwrap_or(Value::Null);
            let asked = serde_json::from_value(Value::Object(message)).map_err(malformed);
            // Only what is short comes back.
            let id = if id.is_number() || id.as_str().is_some_and(|id| id.len() <= 128) { id } else { Value::Null };
            (id, asked)
        }
        Ok(_) => (Value::Null, Err(Fault::new(&codes::MALFORMED, "a message is a JSON object"))),
        Err(error) => (Value::Null, Err(malformed(error))),
    }
}

/// The answer to a message.
pub(super) fn ok(id: &Value, mut more: Value) -> Utf8Bytes {
    more["type"] = "ok".into();
    with_id(id, more)
}

/// A fault, with the message that it answers where there is one.
pub(super) fn error(id: &Value, fault: &Fault, request_id: &str) -> Utf8Bytes {
    with_id(id, json!({ "type": "error", "problem": fault.problem(request_id) }))
}

/// Any other message that answers one.
pub(super) fn with_id(id: &Value, mut message: Value) -> Utf8Bytes {
    if !id.is_null() {
        message["id"] = id.clone();
    }
    message.to_string().into()
}
