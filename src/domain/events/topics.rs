//! What the domain tells the world of: its own subscriptions and what became of them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::capability::permit::Resource;
use crate::capability::schema::{SharedSchema, of_output};
use crate::capability::topics::Topic;
use crate::kernel::id::{DeadLetterId, SubscriptionId};

/// A subscription was made.
pub const SUBSCRIBED: &str = "event.subscribed";
/// A subscription was ended.
pub const UNSUBSCRIBED: &str = "event.unsubscribed";
/// A subscription was suspended.
pub const SUSPENDED: &str = "event.subscription_suspended";
/// A subscription goes on, or goes back to an earlier place.
pub const RESUMED: &str = "event.subscription_resumed";
/// An event could not be delivered.
pub const DEAD_LETTERED: &str = "event.dead_lettered";
/// Dead letters are tried again.
pub const REDRIVEN: &str = "event.redriven";
/// A topic has a new schema.
pub const SCHEMA_SET: &str = "event.schema_set";

/// What is told of a subscription.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfSubscription {
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// Why, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is told of an event that could not be delivered.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfLetter {
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The dead letter.
    pub letter_id: DeadLetterId,
    /// The event's topic.
    pub topic: String,
    /// Why it could not be delivered.
    pub reason: String,
}

/// What is told of a topic's schema.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfSchema {
    /// The topic.
    pub topic: String,
    /// The schema's version.
    pub version: u32,
}

const fn topic(name: &'static str, about: &'static str, data: fn() -> SharedSchema) -> Topic {
    Topic { name, resource: Resource::Events, about, data }
}

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    topic(DEAD_LETTERED, "An event could not be delivered and is kept as a dead letter.", of_output::<OfLetter>),
    topic(REDRIVEN, "Dead letters of a subscription are tried again.", of_output::<OfSubscription>),
    topic(SCHEMA_SET, "A topic has a new schema.", of_output::<OfSchema>),
    topic(SUBSCRIBED, "A subscription was made.", of_output::<OfSubscription>),
    topic(RESUMED, "A subscription goes on, or goes back to an earlier place.", of_output::<OfSubscription>),
    topic(SUSPENDED, "A subscription was suspended because it cannot deliver.", of_output::<OfSubscription>),
    topic(UNSUBSCRIBED, "A subscription was ended.", of_output::<OfSubscription>),
];
