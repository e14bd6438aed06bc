//! A dead letter: an event that could not be delivered to a subscription, with the reason. It holds the event itself, which the
//! log may forget meanwhile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of dead letters.
pub static DEAD_LETTER: Kind = Kind {
    fields: &[
        Field { name: "subscription", of: FieldType::Id },
        Field { name: "topic", of: FieldType::Text },
        Field { name: "state", of: FieldType::Text },
    ],
    private: &["event"],
    ..Kind::new("event_dead_letter")
};

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The subscription.
    pub subscription: Uuid,
    /// The event's topic.
    pub topic: String,
    /// The event's place in the log.
    pub position: i64,
    /// The subscription's round in which it failed.
    pub round: u32,
    /// The event.
    pub event: Value,
    /// The code of what went wrong.
    pub code: String,
    /// What went wrong.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was last tried.
    pub failed_at: Timestamp,
    /// How it stands.
    pub state: LetterState,
}

/// How a dead letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    /// Nothing is done with it.
    Dead,
    /// It is tried again.
    Redriven,
}

impl LetterState {
    /// The name, as filters use it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Redriven => "redriven",
        }
    }
}

impl Document for DeadLetter {
    const KIND: &'static Kind = &DEAD_LETTER;
}

impl Owned for DeadLetter {
    const RESOURCE: Resource = Resource::Events;
    const NOUN: &'static str = "dead letter";
}
