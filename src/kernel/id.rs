//! Ids: `UUIDv7`, so that they sort by the time of their making, typed by what they name.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{ContextV7, Uuid};

use super::time::Timestamp;

static ORDER: ContextV7Lock = ContextV7Lock::new();

/// uuid's counter context is not `Sync`; ids made in the same millisecond keep their order through it.
struct ContextV7Lock(std::sync::Mutex<Option<ContextV7>>);

impl ContextV7Lock {
    const fn new() -> Self {
        Self(std::sync::Mutex::new(None))
    }

    fn make(&self, at: Timestamp) -> Uuid {
        let millis = u64::try_from(at.as_millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
        let mut held = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let context = held.get_or_insert_with(ContextV7::new);
        Uuid::new_v7(uuid::Timestamp::from_unix(&*context, millis / 1000, nanos))
    }
}

/// A new id made at a moment; ids made later in one process sort later.
#[must_use]
pub fn new_uuid(at: Timestamp) -> Uuid {
    ORDER.make(at)
}

/// An id of a thing of type `K`.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

impl<K> Id<K> {
    /// A new id made at a moment.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self::from_uuid(new_uuid(at))
    }

    /// The id with these bytes.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The bare UUID, as stores keep it.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}
impl<K> FromStr for Id<K> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self::from_uuid)
    }
}
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from_uuid)
    }
}
impl<K> JsonSchema for Id<K> {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uuid" })
    }
}

/// Names a tenant in `Id<Tenant>`.
pub enum Tenant {}
/// Names a person's account.
pub enum User {}
/// Names a workspace.
pub enum Workspace {}
/// Names an API key.
pub enum Key {}
/// Names a role.
pub enum Role {}
/// Names an instance of a registered service.
pub enum Service {}
/// Names one call of one capability.
pub enum Call {}
/// Names a durable operation.
pub enum Operation {}
/// Names a request for erasure.
pub enum Erasure {}
/// Names an event.
pub enum Event {}
/// Names a subscription to events.
pub enum Subscription {}
/// Names an event that could not be delivered.
pub enum DeadLetter {}
/// Names a version of a split that somebody got.
pub enum Exposure {}
/// Names what somebody said of an answer.
pub enum Feedback {}
/// Names a training set.
pub enum Dataset {}
/// Names a retraining job.
pub enum Retraining {}
/// Names a task of a person.
pub enum Task {}
/// Names a document.
pub enum Document {}
/// Names something that is remembered.
pub enum Memory {}
/// Names a schedule.
pub enum Schedule {}
/// Names a run of a schedule.
pub enum ScheduleRun {}

/// Names a node of the graph.
pub enum Node {}
/// Names a relation of the graph.
pub enum Relation {}

/// The id of a task of a person.
pub type TaskId = Id<Task>;
/// The id of a node of the graph.
pub type NodeId = Id<Node>;
/// The id of a relation of the graph.
pub type RelationId = Id<Relation>;
/// The id of a tenant.
pub type TenantId = Id<Tenant>;
/// The id of a user.
pub type UserId = Id<User>;
/// The id of a workspace.
pub type WorkspaceId = Id<Workspace>;
/// The id of an API key.
pub type KeyId = Id<Key>;
/// The id of a role.
pub type RoleId = Id<Role>;
/// The id of an instance of a registered service.
pub type ServiceId = Id<Service>;
/// The id of a call: the request id.
pub type CallId = Id<Call>;
/// The id of an operation.
pub type OperationId = Id<Operation>;
/// The id of a request for erasure.
pub type ErasureId = Id<Erasure>;
/// The id of an event.
pub type EventId = Id<Event>;
/// The id of a subscription.
pub type SubscriptionId = Id<Subscription>;
/// The id of a dead letter.
pub type DeadLetterId = Id<DeadLetter>;
/// The id of an exposure.
pub type ExposureId = Id<Exposure>;
/// The id of what somebody said of an answer.
pub type FeedbackId = Id<Feedback>;
/// The id of a training set.
pub type DatasetId = Id<Dataset>;
/// The id of a retraining job.
pub type RetrainingId = Id<Retraining>;
/// The id of a document.
pub type DocumentId = Id<Document>;
/// The id of something that is remembered.
pub type MemoryId = Id<Memory>;
/// The id of a schedule.
pub type ScheduleId = Id<Schedule>;
/// The id of a run of a schedule.
pub type ScheduleRunId = Id<ScheduleRun>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_millisecond_keep_their_order() {
        let at = Timestamp::from_millis(1_763_640_000_000);
        let ids: Vec<UserId> = (0..1000).map(|_| Id::new(at)).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
