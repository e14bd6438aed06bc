//! Events: what happened, told to whoever listens. An event is appended to the log in the same commit as what it tells of.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;

use uuid::Uuid;

use crate::kernel::current::Current;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, EventId, TenantId, UserId};
use crate::kernel::time::Timestamp;
use crate::kernel::trace::TraceContext;
use crate::port::announcer::Announcer;
use crate::port::bus::Bus;
use crate::port::logs::{Keep, Log};
use crate::port::records::{Field, FieldType};
use crate::port::store::Step;
use crate::port::webhooks::Webhooks;

/// The log of events: the outbox and the history in one. The stream is the topic.
pub static EVENTS: Log = Log {
    name: "events",
    fields: &[Field { name: "subject", of: FieldType::Text }],
    text: &[],
    keep: Keep { age: Duration::from_hours(24 * 7), entries: 1_000_000 },
    followed: false,
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its id, the same however often it is told; nil for events of before there were ids.
    #[serde(default = "no_id")]
    pub id: EventId,
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
    /// Events of one key are told in order; where there is none, those of one subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How many subscriptions it took to make it happen: what a subscription sets off is one hop further than what set it off.
    #[serde(default, skip_serializing_if = "is_none")]
    pub hops: u32,
    /// The place in a trace of what made it happen, where somebody follows that, as the `traceparent` of the W3C: what is delivered
    /// of it goes on from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub traceparent: Option<TraceContext>,
    /// Who published it, where somebody did and the program did not tell it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<UserId>,
    /// More about it.
    pub data: Value,
}

fn no_id() -> EventId {
    EventId::from_uuid(Uuid::nil())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_none(hops: &u32) -> bool {
    *hops == 0
}

impl Event {
    /// What the program tells by itself: no call made it happen. Where it is told as a part of something that has a place in a
    /// trace, it has that place.
    #[must_use]
    pub fn by_itself(tenant_id: TenantId, at: Timestamp, topic: &str, subject: String, data: Value) -> Self {
        Self {
            id: EventId::new(at),
            topic: topic.to_owned(),
            tenant_id,
            subject,
            at,
            request_id: CallId::new(at),
            key: None,
            hops: 0,
            traceparent: Current::trace(),
            publisher: None,
            data,
        }
    }

    /// The step that appends it to the log.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn step(&self) -> Result<Step, Fault> {
        let body = serde_json::to_value(self).map_err(Fault::internal)?;
        Ok(Step::Append { log: &EVENTS, stream: self.topic.clone(), body })
    }
}

/// The ways that events go: a service of the platform.
pub struct Ways {
    /// Where they are read from.
    pub bus: Arc<dyn Bus>,
    /// To receivers outside.
    pub webhooks: Arc<dyn Webhooks>,
    announcer: OnceLock<Arc<dyn Announcer>>,
    /// Something was said on a channel that all instances share.
    pub said: Notify,
}

impl Ways {
    /// These, without a door yet that says something on channels.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, webhooks: Arc<dyn Webhooks>) -> Self {
        Self { bus, webhooks, announcer: OnceLock::new(), said: Notify::new() }
    }

    /// Takes what says something on channels; the first one stays.
    pub fn announce_by(&self, announcer: Arc<dyn Announcer>) {
        let _ = self.announcer.set(announcer);
    }

    /// What says something on channels, where a door does. Where none is open nobody can hear a channel.
    #[must_use]
    pub fn announcer(&self) -> Option<&Arc<dyn Announcer>> {
        self.announcer.get()
    }
}
