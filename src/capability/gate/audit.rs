//! The audit entry of a write: appended in the same commit as what it tells of, so that neither is ever without the other.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::operation::Operation;
use crate::capability::credentials::UseOf;
use crate::capability::cx::{Call, Change};
use crate::capability::spec::Effect;
use crate::capability::tool::Tool;
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
    /// What changed of it: its properties before and after; null where nothing of it did.
    pub changes: Value,
    /// What else changed: of each document its kind, its id and its properties before and after.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub also: Value,
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

/// What a call is about, and the changes that it made.
pub(super) struct Told<'a> {
    /// The kind and id that the capability named, where it named one.
    pub(super) subject: Option<(&'static str, Uuid)>,
    /// The changes, in the order in which they were made.
    pub(super) changes: &'a [Change],
}

/// The step that writes the entry of a call.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn entry(call: &Call, told: &Told, outcome: &str) -> Result<Step, Fault> {
    let (resource_type, resource_id, changes, also) = told.by_subject(&call.tool)?;
    step(&AuditEntry {
        timestamp: call.at,
        actor: call.caller.user,
        principal: call.caller.principal_name(),
        action: call.tool.name.to_string(),
        effect: call.tool.effect.name().to_owned(),
        resource_type,
        resource_id,
        changes,
        also,
        tenant_id: call.caller.tenant,
        request_id: call.id,
        door: call.origin.door.name().to_owned(),
        address: call.origin.address.map(|address| address.to_string()),
        outcome: outcome.to_owned(),
    })
}

/// The step that writes the entry of a call of which nobody knows how it ended. Its tool and its caller may be gone.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn unknown(operation: &Operation, tenant: TenantId, request_id: CallId) -> Result<Step, Fault> {
    step(&AuditEntry {
        timestamp: operation.created_at,
        actor: operation.user,
        principal: operation.principal().name(operation.user),
        action: operation.tool.clone(),
        effect: operation.effect.name().to_owned(),
        resource_type: String::new(),
        resource_id: String::new(),
        changes: Value::Null,
        also: Value::Null,
        tenant_id: tenant,
        request_id,
        door: operation.origin.door.name().to_owned(),
        address: operation.origin.address.map(|address| address.to_string()),
        outcome: "unknown".to_owned(),
    })
}

/// Something done within a call, or by the program for somebody, that has an entry of its own.
#[derive(Debug, Clone)]
pub struct Deed<'a> {
    /// When.
    pub at: Timestamp,
    /// By whom, where from and in which call.
    pub by: &'a UseOf,
    /// What was done.
    pub action: &'a str,
    /// What it does to the world.
    pub effect: Effect,
    /// The kind of what it was done to.
    pub resource_type: &'a str,
    /// The id of what it was done to.
    pub resource_id: String,
    /// What there is to say of it.
    pub told: Value,
    /// How it ended.
    pub outcome: &'a str,
}

/// The step that writes the entry of a deed.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn deed(deed: Deed<'_>) -> Result<Step, Fault> {
    step(&AuditEntry {
        timestamp: deed.at,
        actor: deed.by.actor,
        principal: deed.by.principal.clone(),
        action: deed.action.to_owned(),
        effect: deed.effect.name().to_owned(),
        resource_type: deed.resource_type.to_owned(),
        resource_id: deed.resource_id,
        changes: deed.told,
        also: Value::Null,
        tenant_id: deed.by.tenant,
        request_id: deed.by.request_id,
        door: deed.by.origin.door.name().to_owned(),
        address: deed.by.origin.address.map(|address| address.to_string()),
        outcome: deed.outcome.to_owned(),
    })
}

fn step(entry: &AuditEntry) -> Result<Step, Fault> {
    let body = serde_json::to_value(entry).map_err(Fault::internal)?;
    Ok(Step::Append { log: &AUDIT, stream: String::new(), body })
}

impl Told<'_> {
    /// The subject's kind and id, what changed of it, and what else changed.
    fn by_subject(&self, tool: &Tool) -> Result<(String, String, Value, Value), Fault> {
        let first = || self.changes.first().map(|change| (change.resource_type.as_str(), change.resource_id));
        let Some((kind, id)) = self.subject.or_else(first) else {
            return Ok((tool.domain.name().to_owned(), String::new(), Value::Null, Value::Null));
        };
        let of_subject =
            self.changes.iter().position(|change| change.resource_type == kind && change.resource_id == id);
        let changes = of_subject
            .and_then(|at| self.changes.get(at))
            .map_or(Value::Null, |change| serde_json::json!({ "before": change.before, "after": change.after }));
        let others: Vec<&Change> = self
            .changes
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != of_subject)
            .map(|(_, change)| change)
            .collect();
        let also =
            if others.is_empty() { Value::Null } else { serde_json::to_value(others).map_err(Fault::internal)? };
        Ok((kind.to_owned(), id.to_string(), changes, also))
    }
}
