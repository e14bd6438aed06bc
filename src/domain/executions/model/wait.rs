//! What an execution listens for: found by the name of a message, or the topic of an event, and what it must be about.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::processes::engine::interpreter::TokenId;
use crate::kernel::seal::sha256;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of waits.
pub(in crate::domain::executions) static EXECUTION_WAIT: Kind = Kind {
    fields: &[
        Field { name: "execution", of: FieldType::Id },
        Field { name: "message", of: FieldType::Text },
        Field { name: "event", of: FieldType::Text },
        Field { name: "key", of: FieldType::Text },
    ],
    private: &["key"],
    ..Kind::new("execution_wait")
};

/// A wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Wait {
    /// The execution's document.
    pub execution: Uuid,
    /// The token that listens.
    pub token: TokenId,
    /// The name of the message.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// The topic of the event.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event: Option<String>,
    /// What it must be about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
}

impl Wait {
    /// The id of the document of a wait.
    #[must_use]
    pub(in crate::domain::executions) fn id(execution: Uuid, token: TokenId) -> Uuid {
        let mut half = [0; 16];
        half.copy_from_slice(&sha256(format!("execution wait\n{execution}\n{token}").as_bytes())[..16]);
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }
}

impl Document for Wait {
    const KIND: &'static Kind = &EXECUTION_WAIT;
}
