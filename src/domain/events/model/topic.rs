//! A topic that somebody publishes to, with its schema where it has one. There is one document for each; its id is made of
//! the name.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::kernel::id::UserId;
use crate::kernel::seal::sha256;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of topics. Every version of a schema is kept.
pub static TOPIC: Kind =
    Kind { fields: &[Field { name: "topic", of: FieldType::Text }], history: true, ..Kind::new("event_topic") };

/// A topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomTopic {
    /// Its name.
    pub topic: String,
    /// What its events are about.
    pub description: Option<String>,
    /// The schema of its events' data, where it has one.
    pub schema: Option<Map<String, Value>>,
    /// Counts the schemas from 1; 0 without one.
    pub version: u32,
    /// Who published to it or described it first.
    pub by: UserId,
}

impl CustomTopic {
    /// One without a schema.
    #[must_use]
    pub fn named(topic: &str, by: UserId) -> Self {
        Self { topic: topic.to_owned(), description: None, schema: None, version: 0, by }
    }

    /// The id of the document of a topic, the same in every tenant.
    #[must_use]
    pub fn id_of(topic: &str) -> Uuid {
        let mut half = [0; 16];
        half.copy_from_slice(&sha256(topic.as_bytes())[..16]);
        Uuid::from_bytes(half)
    }
}

impl Document for CustomTopic {
    const KIND: &'static Kind = &TOPIC;
}
