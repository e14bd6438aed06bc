//! The audit entry of a write: appended in the same commit as what it tells of, so that neither is ever without the other.
//! What it says of people is sealed (`sealing`); `opened` reads an entry as people see it.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::operation::Operation;
use super::sealing::{Sealer, Sealing, Withheld};
use crate::capability::credentials::UseOf;
use crate::capability::cx::{Call, Change};
use crate::capability::platform::Platform;
use crate::capability::spec::{Domain, Effect};
use crate::capability::tool::Tool;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId, UserId};
use crate::kernel::reading;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Entry, Keep, Log};
use crate::port::records::{Field, FieldType};
use crate::port::store::{Step, StoreFault};

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
    followed: false,
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
    /// The agent that acted for them, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
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
    /// Whether it is kept for as long as evidence of compliance is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compliance: bool,
    /// Where it tells of something that happened elsewhere: what the caller says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
    /// Where retention removed old entries: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// Why `changes`, `also` and `address` are not all that there was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
}

/// What happened elsewhere and was recorded here by a call. The entry's `actor` is who vouches for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// The tool that recorded it.
    pub by: String,
    /// Who did it, as the caller names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// When it happened, as the caller says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened_at: Option<Timestamp>,
}

/// Old entries that retention removed, declared so that the chain stays provable without them: of each class, those up to a
/// position of the log that are older than a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cut {
    /// Entries that are no evidence of compliance: up to this position of the log.
    pub detailed_through: i64,
    /// And older than this.
    pub detailed_before: Timestamp,
    /// The same for entries that are.
    pub compliance_through: i64,
    /// And older than this.
    pub compliance_before: Timestamp,
    /// How many went.
    pub entries: u64,
}

/// An event from elsewhere that a call records in the place of what it does itself.
#[derive(Debug, Clone)]
pub struct Record {
    /// What was done.
    pub action: String,
    /// The kind of what it was done to.
    pub resource_type: String,
    /// The id of what it was done to.
    pub resource_id: String,
    /// What changed of it.
    pub changes: Value,
    /// Whose personal data `changes` and `actor` are.
    pub subject: Option<Uuid>,
    /// Who did it.
    pub actor: Option<String>,
    /// When it happened.
    pub happened_at: Option<Timestamp>,
    /// Whether it is evidence of compliance.
    pub compliance: bool,
}

/// What a call is about, and the changes that it made.
pub(super) struct Told<'a> {
    /// The kind and id that the capability named, where it named one.
    pub(super) subject: Option<(&'static str, Uuid)>,
    /// The changes, in the order in which they were made.
    pub(super) changes: &'a [Change],
    /// What happened elsewhere, where the call records that.
    pub(super) record: Option<&'a Record>,
}

/// What a call's entry says of one person.
#[derive(Default)]
struct Part {
    changes: Option<Value>,
    also: Vec<(usize, Value)>,
    address: Option<String>,
    recorded_actor: Option<String>,
}

impl Part {
    fn into_value(self) -> Value {
        let mut told = Map::new();
        let mut tell = |name: &str, value: Value| drop(told.insert(name.to_owned(), value));
        if let Some(changes) = self.changes {
            tell("changes", changes);
        }
        if !self.also.is_empty() {
            tell(
                "also",
                self.also.into_iter().map(|(at, change)| Value::from(vec![Value::from(at), change])).collect(),
            );
        }
        if let Some(address) = self.address {
            tell("address", address.into());
        }
        if let Some(actor) = self.recorded_actor {
            tell("recordedActor", actor.into());
        }
        Value::Object(told)
    }
}

/// The steps that write the entry of a call. What must be said when they are committed comes with them.
///
/// # Errors
/// When it cannot be written as JSON, or the keys or the store fail.
pub(super) async fn entry(
    platform: &Platform,
    call: &Call,
    told: &Told<'_>,
    outcome: &str,
) -> Result<Sealing, StoreFault> {
    let mut parts: BTreeMap<Uuid, Part> = BTreeMap::new();
    let actor = call.caller.user.uuid();
    parts.entry(actor).or_default().address = call.origin.address.map(|address| address.to_string());
    let mut body = AuditEntry {
        timestamp: call.at,
        actor: call.caller.user,
        principal: call.caller.principal_name(),
        agent: call.caller.acting.as_ref().map(|acting| acting.agent.clone()),
        action: call.tool.name.to_string(),
        effect: call.tool.effect.name().to_owned(),
        resource_type: call.tool.domain.name().to_owned(),
        resource_id: String::new(),
        changes: Value::Null,
        also: Value::Null,
        tenant_id: call.caller.tenant,
        request_id: call.id,
        door: call.origin.door.name().to_owned(),
        address: None,
        outcome: outcome.to_owned(),
        compliance: is_of_compliance(&call.tool),
        recorded: None,
        cut: None,
        withheld: None,
    };
    if let Some(record) = told.record {
        let part = parts.entry(record.subject.unwrap_or(actor)).or_default();
        part.changes = Some(record.changes.clone()).filter(|changes| !changes.is_null());
        part.recorded_actor.clone_from(&record.actor);
        let by = std::mem::replace(&mut body.action, record.action.clone());
        body.resource_type.clone_from(&record.resource_type);
        body.resource_id.clone_from(&record.resource_id);
        body.recorded = Some(Recorded { by, actor: None, happened_at: record.happened_at });
        body.compliance = record.compliance;
    } else {
        told.by_subject(&mut body, actor, &mut parts).map_err(|fault| StoreFault::Broken(fault.to_string()))?;
    }
    write(platform, body, parts).await
}

/// Evidence of compliance is what changes rights, the audit log or the installation, and what destroys.
fn is_of_compliance(tool: &Tool) -> bool {
    matches!(tool.domain, Domain::Identity | Domain::Audit | Domain::System) || tool.effect == Effect::Remove
}

/// The steps that write the entry of a call of which nobody knows how it ended. Its tool and its caller may be gone.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) async fn unknown(
    platform: &Platform,
    operation: &Operation,
    tenant: TenantId,
    request_id: CallId,
) -> Result<Vec<Step>, Fault> {
    let address = operation.origin.address.map(|address| address.to_string());
    let part = Part { address, ..Part::default() };
    let body = AuditEntry {
        timestamp: operation.created_at,
        actor: operation.user,
        principal: operation.principal().name(operation.user),
        agent: operation.agent.clone(),
        action: operation.tool.clone(),
        effect: operation.effect.name().to_owned(),
        resource_type: String::new(),
        resource_id: String::new(),
        changes: Value::Null,
        also: Value::Null,
        tenant_id: tenant,
        request_id,
        door: operation.origin.door.name().to_owned(),
        address: None,
        outcome: "unknown".to_owned(),
        compliance: operation.effect == Effect::Remove,
        recorded: None,
        cut: None,
        withheld: None,
    };
    match write(platform, body.clone(), BTreeMap::from([(operation.user.uuid(), part)])).await {
        Ok(sealing) => Ok(sealing.steps),
        // The entry may have to wait until the store works again. What it says matters more than where the call came from.
        Err(fault) => {
            tracing::warn!(%fault, "an address could not be sealed and is left out of an audit entry");
            plain(&body).map(|step| vec![step])
        }
    }
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

/// The entry of a deed, to be committed by `Sealing::commit`.
///
/// # Errors
/// When it cannot be written as JSON, or the keys or the store fail.
pub async fn deed(platform: &Platform, deed: Deed<'_>) -> Result<Sealing, StoreFault> {
    let part = Part {
        changes: Some(deed.told).filter(|told| !told.is_null()),
        address: deed.by.origin.address.map(|address| address.to_string()),
        ..Part::default()
    };
    let body = AuditEntry {
        timestamp: deed.at,
        actor: deed.by.actor,
        principal: deed.by.principal.clone(),
        agent: deed.by.agent.clone(),
        action: deed.action.to_owned(),
        effect: deed.effect.name().to_owned(),
        resource_type: deed.resource_type.to_owned(),
        resource_id: deed.resource_id,
        changes: Value::Null,
        also: Value::Null,
        tenant_id: deed.by.tenant,
        request_id: deed.by.request_id,
        door: deed.by.origin.door.name().to_owned(),
        address: None,
        outcome: deed.outcome.to_owned(),
        compliance: deed.effect == Effect::Remove,
        recorded: None,
        cut: None,
        withheld: None,
    };
    let parts = BTreeMap::from([(deed.by.actor.uuid(), part)]);
    write(platform, body, parts).await
}

/// The step that appends an entry that says nothing of a person but ids.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn plain(entry: &AuditEntry) -> Result<Step, Fault> {
    let body = serde_json::to_value(entry).map_err(Fault::internal)?;
    Ok(Step::Append { log: &AUDIT, stream: String::new(), body })
}

async fn write(platform: &Platform, entry: AuditEntry, parts: BTreeMap<Uuid, Part>) -> Result<Sealing, StoreFault> {
    let (tenant, stamp) = (entry.tenant_id, (entry.request_id, entry.timestamp));
    let broken = |fault: Fault| StoreFault::Broken(fault.to_string());
    let mut body = serde_json::to_value(entry).map_err(|error| StoreFault::Broken(error.to_string()))?;
    let parts = parts.into_iter().map(|(subject, part)| (subject, part.into_value()));
    let parts: Vec<_> = parts.filter(|(_, part)| part.as_object().is_some_and(|told| !told.is_empty())).collect();
    let sealer = platform.service::<Sealer>().map_err(broken)?;
    let mut sealing = sealer.seal(&*platform.store, tenant, stamp, parts, &mut body).await?;
    sealing.steps.insert(0, Step::Append { log: &AUDIT, stream: String::new(), body });
    Ok(sealing)
}

/// An entry of the log as people see it: what was sealed is opened, where its key is still there.
///
/// # Errors
/// When the keys fail, or it is no entry.
pub async fn opened(sealer: &Sealer, entry: Entry) -> Result<AuditEntry, Fault> {
    let (place, mut body) = (entry.position, entry.body);
    let parts = sealer.open(entry.tenant, &mut body).await;
    let (parts, withheld) = parts.map_err(crate::capability::cx::store_fault)?;
    let mut seen: AuditEntry =
        reading::read(body).map_err(|error| Fault::internal(format!("audit entry {place} cannot be read: {error}")))?;
    let mut also: Vec<(u64, Value)> = Vec::new();
    for mut part in parts {
        if !part["changes"].is_null() {
            seen.changes = part["changes"].take();
        }
        if let Some(address) = part["address"].as_str() {
            seen.address = Some(address.to_owned());
        }
        if let (Some(recorded), Some(actor)) = (&mut seen.recorded, part["recordedActor"].as_str()) {
            recorded.actor = Some(actor.to_owned());
        }
        if let Value::Array(changes) = part["also"].take() {
            also.extend(changes.into_iter().map(|mut each| (each[0].as_u64().unwrap_or(u64::MAX), each[1].take())));
        }
    }
    if !also.is_empty() {
        also.sort_by_key(|(at, _)| *at);
        seen.also = also.into_iter().map(|(_, change)| change).collect();
    }
    seen.withheld = withheld;
    Ok(seen)
}

impl Told<'_> {
    /// Tells the subject's kind and id, what changed of it, and what else changed: of each document under whose it is.
    fn by_subject(&self, entry: &mut AuditEntry, actor: Uuid, parts: &mut BTreeMap<Uuid, Part>) -> Result<(), Fault> {
        let first = || self.changes.first().map(|change| (change.resource_type.as_str(), change.resource_id));
        let Some((kind, id)) = self.subject.or_else(first) else { return Ok(()) };
        let of_subject =
            self.changes.iter().position(|change| change.resource_type == kind && change.resource_id == id);
        for (at, change) in self.changes.iter().enumerate() {
            let part = parts.entry(change.owner.unwrap_or(actor)).or_default();
            if Some(at) == of_subject {
                part.changes = Some(serde_json::json!({ "before": change.before, "after": change.after }));
            } else {
                part.also.push((at, serde_json::to_value(change).map_err(Fault::internal)?));
            }
        }
        kind.clone_into(&mut entry.resource_type);
        entry.resource_id = id.to_string();
        Ok(())
    }
}
