//! Events: what happened, told to whoever listens. An event is appended to the log in the same commit as what it tells of.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kernel::id::{CallId, TenantId};
use crate::kernel::time::Timestamp;
use crate::port::logs::{Keep, Log};
use crate::port::records::{Field, FieldType};

/// The log of events: the outbox and the history in one. The stream is the topic.
pub static EVENTS: Log = Log {
    name: "events",
    fields: &[Field { name: "subject", of: FieldType::Text }],
    text: &[],
    keep: Keep { age: Duration::from_hours(24 * 7), entries: 1_000_000 },
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What kind of thing happened: `user.created`.
    pub topic: String,
    /// The tenant that it happened in.
    pub tenant_id: TenantId,
    /// What it happened to: an id.
    pub subject: String,
    /// When.
    pub at: Timestamp,
    /// The call that made it happen.
    pub request_id: CallId,
    /// More about it.
    pub data: Value,
}
