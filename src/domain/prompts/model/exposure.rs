//! Exposures: who got which version where a label stood for several. Feedback that names a session finds its version here.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::id::UserId;
use crate::port::logs::{Keep, Log};
use crate::port::records::{Field, FieldType};

/// The log of exposures. The stream is the prompt.
pub static EXPOSURES: Log = Log {
    name: "prompt_exposures",
    fields: &[
        Field { name: "id", of: FieldType::Id },
        Field { name: "version", of: FieldType::Text },
        Field { name: "session", of: FieldType::Text },
        Field { name: "label", of: FieldType::Text },
    ],
    text: &[],
    keep: Keep { age: Duration::from_hours(24 * 400), entries: 5_000_000 },
    followed: false,
};

/// An exposure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    /// Its id, as the answer told it.
    pub id: Uuid,
    /// The prompt.
    pub prompt_id: String,
    /// The label.
    pub label: String,
    /// The version that it was.
    pub version: String,
    /// The digest of its content.
    pub digest: String,
    /// The session that decided.
    pub session: String,
    /// Who called.
    pub user: UserId,
}
