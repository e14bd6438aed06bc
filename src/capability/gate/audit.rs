//! The audit entry of a write: appended in the same commit as what it tells of, so that neither is ever without the other.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::cx::{Call, Change};
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::logs::{Keep, Log};
use crate::port::records::{Field, FieldType};
use crate::port::store::Step;

/// The audit log. Streams are not used.
pub static AUDIT: Log = Log {
    name: "audit",
    fields: &[
        Field { name: "actor", of: FieldType::Id },
        Field { name: "action", of: FieldType::Text },
        Field { name: "resourceType", of: FieldType::Text },
        Field { name: "resourceId", of: FieldType::Text },
        Field { name: "requestId", of: FieldType::Id },
    ],
    text: &[],
    keep: Keep { age: Duration::from_hours(24 * 90), entries: 10_000_000 },
};

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When.
    pub timestamp: Timestamp,
    /// Who: the user.
    pub actor: UserId,
    /// By what: the key, or the local owner.
    pub principal: String,
    /// What was done: the tool's name.
    pub action: String,
    /// What it does to the world: create, change, remove; or read, for a read that spends.
    pub effect: String,
    /// The kind of what it was done to.
    pub resource_type: String,
    /// The id of what it was done to.
    pub resource_id: String,
    /// What changed: for each document its properties before and after.
    pub changes: Value,
    /// The tenant.
    pub tenant_id: TenantId,
    /// The call.
    pub request_id: CallId,
    /// The door that it came in by.
    pub door: String,
    /// The address that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `done`; `step` where the call committed a part and went on; `unknown` where it was stopped while reaching outside.
    pub outcome: String,
}

/// The step that writes the entry of a call.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn entry(call: &Call, changes: &[Change], outcome: &str) -> Result<Step, Fault> {
    let first = changes.first();
    let told = match changes {
        [] => Value::Null,
        [only] => serde_json::json!({ "before": only.before, "after": only.after }),
        many => serde_json::to_value(many).map_err(Fault::internal)?,
    };
    let entry = AuditEntry {
        timestamp: call.at,
        actor: call.caller.user,
        principal: call.caller.principal_name(),
        action: call.tool.name.to_string(),
        effect: call.tool.effect.name().to_owned(),
        resource_type: first.map_or_else(|| call.tool.domain.name().to_owned(), |change| change.resource_type.clone()),
        resource_id: first.map_or_else(String::new, |change| change.resource_id.to_string()),
        changes: told,
        tenant_id: call.caller.tenant,
        request_id: call.id,
        door: serde_json::to_value(call.origin.door)
            .ok()
            .and_then(|door| door.as_str().map(str::to_owned))
            .unwrap_or_default(),
        address: call.origin.address.map(|address| address.to_string()),
        outcome: outcome.to_owned(),
    };
    let body = serde_json::to_value(entry).map_err(Fault::internal)?;
    Ok(Step::Append { log: &AUDIT, stream: String::new(), body })
}
