//! A batch: executions that were started as one. How far they are is never written here: it is read of the executions themselves.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::processes::engine::interpreter::Failure;
use crate::kernel::id::UserId;
use crate::kernel::seal::sha256;
use crate::port::records::{Document, Kind};

/// The kind of batches.
pub(in crate::domain::executions) static EXECUTION_BATCH: Kind =
    Kind { private: &["items"], ..Kind::new("execution_batch") };

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Batch {
    /// The name that its maker gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The digest of what it was asked to start.
    pub digest: String,
    /// What it was asked to start.
    pub items: Vec<Item>,
}

/// One of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Item {
    /// What its maker calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The process as it was named.
    pub process_id: String,
    /// Why it was not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Failure>,
}

impl Batch {
    /// The id of the batch that a user gave a name.
    #[must_use]
    pub(in crate::domain::executions) fn named(user: UserId, name: &str) -> Uuid {
        of_text(&format!("execution batch\n{user}\n{name}"))
    }

    /// The id of the execution of an item.
    #[must_use]
    pub(in crate::domain::executions) fn execution(batch: Uuid, number: usize) -> Uuid {
        of_text(&format!("execution of batch\n{batch}\n{number}"))
    }
}

fn of_text(text: &str) -> Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(&sha256(text.as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}

impl Document for Batch {
    const KIND: &'static Kind = &EXECUTION_BATCH;
}

impl Owned for Batch {
    const RESOURCE: Resource = Resource::Executions;
    const NOUN: &'static str = "batch of executions";
}
