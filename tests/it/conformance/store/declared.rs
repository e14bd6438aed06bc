//! The kinds and logs of the cases, and short ways to write.

use std::sync::Arc;
use std::time::Duration;

use convoke::kernel::id::{Id, TenantId, new_uuid};
use convoke::kernel::time::Timestamp;
use convoke::port::logs::{Keep, Log};
use convoke::port::records::{Across, Field, FieldType, Kind, Scope, Unique, Visibility};
use convoke::port::store::{Batch, Conflict, Expect, Put, Step, Store, StoreFault};
use serde_json::Value;
use uuid::Uuid;

use crate::conformance::place::{Declared, NOW, Place};

/// A kind with everything.
pub(crate) static AGENT: Kind = Kind {
    fields: &[
        Field { name: "displayName", of: FieldType::Text },
        Field { name: "rank", of: FieldType::Integer },
        Field { name: "active", of: FieldType::Boolean },
        Field { name: "seenAt", of: FieldType::Time },
        Field { name: "leader", of: FieldType::Id },
        Field { name: "email", of: FieldType::Text },
    ],
    unique: &[
        Unique { name: "email", fields: &["email"], across: Across::Platform },
        Unique { name: "name_and_rank", fields: &["displayName", "rank"], across: Across::Tenant },
    ],
    text: &["displayName", "about", "tags"],
    history: true,
    ..Kind::new("agent")
};

/// A kind with nothing.
pub(crate) static NOTE: Kind = Kind::new("plain_note");

/// A log with fields, streams and full text.
pub(crate) static JOURNAL: Log = Log {
    name: "journal",
    fields: &[Field { name: "step", of: FieldType::Integer }, Field { name: "actor", of: FieldType::Id }],
    text: &["words"],
    keep: Keep { age: Duration::from_hours(1), entries: 1000 },
    followed: false,
};

/// A log with nothing.
pub(crate) static EVENTS: Log = Log {
    name: "events",
    fields: &[],
    text: &[],
    keep: Keep { age: Duration::from_hours(1), entries: 1000 },
    followed: false,
};

/// What most cases declare.
pub(crate) fn declared() -> Declared {
    Declared { kinds: vec![&AGENT, &NOTE], logs: vec![&JOURNAL, &EVENTS], unowned: Vec::new() }
}

/// A store with what most cases declare.
pub(crate) async fn open(place: &dyn Place) -> Arc<dyn Store> {
    place.open(declared()).await.unwrap()
}

/// A new tenant.
pub(crate) fn tenant() -> TenantId {
    Id::new(NOW)
}

/// A new id.
pub(crate) fn id() -> Uuid {
    new_uuid(NOW)
}

/// Everything of one tenant.
pub(crate) fn of(tenant: TenantId) -> Scope {
    Scope::Tenant(tenant)
}

/// A write of a document.
pub(crate) fn put(kind: &'static Kind, id: Uuid, expect: Expect, body: Value) -> Step {
    Step::Put(Put { kind, id, expect, owner: None, workspace: None, visibility: Visibility::Tenant, body })
}

/// One batch at a moment.
pub(crate) fn batch_at(tenant: TenantId, at: Timestamp, steps: Vec<Step>) -> Batch {
    Batch { tenant, at, steps }
}

/// One batch.
pub(crate) fn batch(tenant: TenantId, steps: Vec<Step>) -> Batch {
    batch_at(tenant, NOW, steps)
}

/// Commits one batch.
pub(crate) async fn commit(store: &Arc<dyn Store>, tenant: TenantId, steps: Vec<Step>) -> Result<Vec<i64>, StoreFault> {
    store.commit(vec![batch(tenant, steps)]).await
}

/// Puts a new document.
pub(crate) async fn add(store: &Arc<dyn Store>, tenant: TenantId, kind: &'static Kind, body: Value) -> Uuid {
    let id = id();
    commit(store, tenant, vec![put(kind, id, Expect::Absent, body)]).await.unwrap();
    id
}

/// The conflict of a document that is not as expected.
pub(crate) fn changed<T>(kind: &'static Kind, id: Uuid) -> Result<T, StoreFault> {
    Err(StoreFault::Conflict(Conflict::Changed { kind: kind.name, id }))
}

/// The conflict of a unique rule.
pub(crate) fn taken<T>(kind: &'static Kind, rule: &'static str) -> Result<T, StoreFault> {
    Err(StoreFault::Conflict(Conflict::Taken { kind: kind.name, rule }))
}

/// No ids.
pub(crate) const NONE: [Uuid; 0] = [];
