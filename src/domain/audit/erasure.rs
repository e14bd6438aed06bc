//! Erasure of what the log says of a person: asked for, carried out after the notice period by destroying the person's keys, and
//! proved by an entry of its own. Every proof of other entries holds as before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::policy;
use super::retention::put;
use crate::capability::cx::store_fault;
use crate::capability::events::Event;
use crate::capability::gate::audit::{self, AuditEntry};
use crate::capability::gate::sealing::{SUBJECT_KEY, Sealer, SubjectKey};
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::records::{
    Comparison, Document, Field, FieldType, Filter, Kind, Query, Record, Scalar, Scope, Visibility,
};
use crate::port::store::{Batch, Conflict, Expect, Put, Step, StoreFault, Word};

/// Requests for erasure.
pub static ERASURE: Kind = Kind {
    fields: &[
        Field { name: "subject", of: FieldType::Id },
        Field { name: "state", of: FieldType::Text },
        Field { name: "dueAt", of: FieldType::Time },
    ],
    ..Kind::new("audit_erasure")
};

/// The action under which an erasure is told.
pub const ERASED: &str = "audit_erasure";

/// How far an erasure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The notice period runs.
    Waiting,
    /// It was withdrawn.
    Withdrawn,
    /// The keys are destroyed.
    Done,
}

impl State {
    /// As filters name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Withdrawn => "withdrawn",
            Self::Done => "done",
        }
    }
}

/// A request for erasure, kept as the proof of it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    /// Whose data.
    pub subject: UserId,
    /// How far it is.
    pub state: State,
    /// Who asked for it.
    pub requested_by: UserId,
    /// When.
    pub requested_at: Timestamp,
    /// When it is carried out.
    pub due_at: Timestamp,
    /// Why, as whoever asked says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
    /// How many keys were destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_destroyed: Option<u64>,
    /// The request id of the entry that tells of it: `audit_verify` proves that it is in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof_request_id: Option<CallId>,
}

impl Document for Erasure {
    const KIND: &'static Kind = &ERASURE;
}

/// Carries out what is due; answers how many.
///
/// # Errors
/// When the store or the keys fail; what was not carried out is tried again.
pub async fn carry_out(platform: &Platform) -> Result<usize, Fault> {
    let mut done = 0;
    for record in waiting(platform).await? {
        let tenant = record.tenant;
        let (erasure, revision, id) = policy::read::<Erasure>(record)?;
        done += usize::from(carry_out_one(platform, tenant, (id, revision), erasure).await?);
    }
    Ok(done)
}

/// Whose erasure is due: a tenant and a person each.
///
/// # Errors
/// When the store fails.
pub async fn due(platform: &Platform) -> Result<Vec<(TenantId, UserId)>, Fault> {
    let whose = |record: Record| {
        let tenant = record.tenant;
        policy::read::<Erasure>(record).map(|(erasure, ..)| (tenant, erasure.subject))
    };
    waiting(platform).await?.into_iter().map(whose).collect()
}

/// Requests that are due and not carried out.
async fn waiting(platform: &Platform) -> Result<Vec<Record>, Fault> {
    let now = Scalar::Time(platform.clock.now());
    let due = Filter::is("state", Scalar::Text(State::Waiting.name().to_owned()));
    let due = due.and(Filter::Compare("dueAt", Comparison::AtMost, now));
    platform.store.find(Scope::Platform, &ERASURE, Query::newest(due, 50)).await.map_err(store_fault)
}

async fn carry_out_one(
    platform: &Platform,
    tenant: TenantId,
    (id, revision): (Uuid, i64),
    mut erasure: Erasure,
) -> Result<bool, Fault> {
    let now = platform.clock.now();
    let sealer = platform.service::<Sealer>()?;
    let keys = keys_of(platform, tenant, erasure.subject.uuid()).await?;
    // The keys go first: what is told as done is done. Should the program end in between, it is done again.
    for (_, _, key) in &keys {
        sealer.keys().destroy(key.key).await.map_err(store_fault)?;
    }
    let subject = erasure.subject.uuid();
    sealer.forget(tenant, subject);
    // Others have the keys in memory. Should they not be told it is all done again.
    platform.store.tell(Word::Erased { tenant, subject }).await.map_err(store_fault)?;
    let call = CallId::new(now);
    let mut steps = Vec::new();
    for (key_id, revision, key) in &keys {
        let destroyed = SubjectKey { destroyed: true, ..key.clone() };
        steps.push(put_private(*key_id, Expect::Revision(*revision), &destroyed)?);
    }
    erasure.state = State::Done;
    erasure.erased_at = Some(now);
    erasure.keys_destroyed = Some(u64::try_from(keys.len()).unwrap_or(u64::MAX));
    erasure.proof_request_id = Some(call);
    steps.push(put(id, Expect::Revision(revision), &erasure)?);
    steps.push(audit::plain(&entry(tenant, &erasure, call, now))?);
    let (whom, data) = (erasure.subject.to_string(), serde_json::json!({ "erasureId": id }));
    let event = Event { request_id: call, ..Event::by_itself(tenant, now, "subject.erased", whom, data) };
    steps.push(event.step()?);
    match platform.store.commit(vec![Batch { tenant, at: now, steps }]).await {
        Ok(_) => {
            platform.tell(std::sync::Arc::new(event));
            Ok(true)
        }
        // Another instance was quicker, or it was withdrawn in the last moment.
        Err(StoreFault::Conflict(Conflict::Changed { .. })) => Ok(false),
        Err(fault) => Err(store_fault(fault)),
    }
}

fn entry(tenant: TenantId, erasure: &Erasure, request_id: CallId, now: Timestamp) -> AuditEntry {
    AuditEntry {
        timestamp: now,
        actor: erasure.requested_by,
        principal: "erasure".to_owned(),
        agent: None,
        action: ERASED.to_owned(),
        effect: "remove".to_owned(),
        resource_type: "data_subject".to_owned(),
        resource_id: erasure.subject.to_string(),
        changes: serde_json::Value::Null,
        also: serde_json::Value::Null,
        tenant_id: tenant,
        request_id,
        door: "inside".to_owned(),
        address: None,
        outcome: "done".to_owned(),
        compliance: true,
        recorded: None,
        cut: None,
        withheld: None,
    }
}

fn put_private(id: Uuid, expect: Expect, key: &SubjectKey) -> Result<Step, Fault> {
    let body = serde_json::to_value(key).map_err(Fault::internal)?;
    let (owner, workspace, visibility) = (None, None, Visibility::Private);
    Ok(Step::Put(Put { kind: &SUBJECT_KEY, id, expect, owner, workspace, visibility, body }))
}

async fn keys_of(platform: &Platform, tenant: TenantId, subject: Uuid) -> Result<Vec<(Uuid, i64, SubjectKey)>, Fault> {
    let filter = Filter::is("subject", Scalar::Id(subject)).and(Filter::is("destroyed", Scalar::Boolean(false)));
    let query = Query::newest(filter, 1000);
    let found = platform.store.find(Scope::Tenant(tenant), &SUBJECT_KEY, query).await.map_err(store_fault)?;
    found
        .into_iter()
        .map(|record| policy::read::<SubjectKey>(record).map(|(key, revision, id)| (id, revision, key)))
        .collect()
}

/// Destroys again what was destroyed: a folder of keys that was put back from a copy may hold it.
///
/// # Errors
/// When the store or the keys fail.
pub async fn once_more(platform: &Platform) -> Result<u64, Fault> {
    let sealer = platform.service::<Sealer>()?;
    let mut after = None;
    let mut again = 0;
    loop {
        let filter = Filter::is("destroyed", Scalar::Boolean(true));
        let query = Query { filter, order: "id", descending: false, after, limit: 500 };
        let page = platform.store.find(Scope::Platform, &SUBJECT_KEY, query).await.map_err(store_fault)?;
        let Some(last) = page.last() else { break };
        after = Some(crate::port::records::Place { key: Scalar::Id(last.id), id: last.id });
        for record in page {
            let (key, ..) = policy::read::<SubjectKey>(record)?;
            again += u64::from(sealer.keys().destroy(key.key).await.map_err(store_fault)?);
        }
    }
    if again > 0 {
        tracing::warn!(again, "keys that had been destroyed were there again, and are destroyed again");
    }
    Ok(again)
}
