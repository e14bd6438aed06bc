//! A subscription: which events go where, and on whose behalf.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::bound::Bound;
use crate::capability::caller::Principal;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::capability::topics::Pattern;
use crate::domain::events::engine::filter::{Condition, fits_all};
use crate::kernel::id::{KeyId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of subscriptions.
pub static SUBSCRIPTION: Kind = Kind {
    fields: &[Field { name: "state", of: FieldType::Text }, Field { name: "delivery", of: FieldType::Text }],
    ..Kind::new("event_subscription")
};

/// A subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// What it is for.
    pub name: Option<String>,
    /// The topics.
    pub topics: Vec<Pattern>,
    /// What must be true of an event.
    pub filter: Vec<Condition>,
    /// The kind of the target.
    pub delivery: Delivery,
    /// Where the events go.
    pub target: Target,
    /// Which events wait for each other.
    pub order: Order,
    /// How failed deliveries are tried again.
    pub retry: Retry,
    /// How many deliveries are under way at once.
    pub concurrency: u32,
    /// Who made it: it hears and does what they may.
    pub user: UserId,
    /// The key that it was made with, `None` for the local owner.
    pub key: Option<KeyId>,
    /// What may be done at most, where a process had it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// How it stands.
    pub state: State,
    /// Why it stands so, where it was suspended.
    pub reason: Option<String>,
}

/// The kinds of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// A signed HTTP request.
    Webhook,
    /// A call of a tool.
    Tool,
    /// A message on a WebSocket channel.
    Channel,
    /// Nothing is sent: the events are taken with `event_pull`.
    Pull,
}

impl Delivery {
    /// The name, as filters use it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Tool => "tool",
            Self::Channel => "channel",
            Self::Pull => "pull",
        }
    }
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Target {
    /// A signed HTTP request.
    Webhook {
        /// Its address.
        url: String,
        /// How long an answer may take.
        timeout_seconds: u64,
        /// The SHA-256 of the secret, so that a key that has changed is noticed instead of signing wrongly.
        secret_digest: String,
    },
    /// A call of a tool.
    Tool {
        /// Its name.
        tool: String,
        /// What is always in its input.
        input: Map<String, Value>,
        /// What of the event goes into its input: by name, the place in the event.
        fields: BTreeMap<String, String>,
    },
    /// A message on a WebSocket channel.
    Channel {
        /// Its name.
        channel: String,
    },
    /// The events wait to be taken.
    Pull,
}

/// Which events wait for each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Those of one key, or where they have none, of one subject.
    #[default]
    Key,
    /// All.
    All,
}

/// How failed deliveries are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How often an event is tried in all before it is a dead letter.
    pub attempts: u32,
    /// How long the first wait is, in seconds; each next one is twice as long.
    pub first_seconds: u64,
    /// No wait is longer, in seconds.
    pub longest_seconds: u64,
}

/// How a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It delivers.
    Active,
    /// It delivers nothing until it is redriven.
    Suspended,
}

impl State {
    /// The name, as filters use it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl Document for Subscription {
    const KIND: &'static Kind = &SUBSCRIPTION;
}

impl Owned for Subscription {
    const RESOURCE: Resource = Resource::Events;
    const NOUN: &'static str = "subscription";
}

impl Subscription {
    /// By whose rights it hears and acts.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.key.map_or(Principal::LocalOwner, Principal::Key)
    }

    /// Whether an event of a topic can fit: the filter is not looked at.
    #[must_use]
    pub fn wants(&self, topic: &str) -> bool {
        self.topics.iter().any(|pattern| pattern.fits(topic))
    }

    /// Whether an event fits, by its topic and its filter.
    #[must_use]
    pub fn fits(&self, topic: &str, event: &Value) -> bool {
        self.wants(topic) && fits_all(&self.filter, event)
    }

    /// Events with the same key are delivered one after the other.
    #[must_use]
    pub fn key_of(&self, topic: &str, event: &Value) -> String {
        let text = |name: &str| event.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        match self.order {
            Order::All => String::new(),
            Order::Key => text("key").or_else(|| text("subject")).unwrap_or(topic).to_owned(),
        }
    }
}

/// No wait is longer, whatever is asked for: a year, in seconds.
const LONGEST_WAIT: u64 = 31_536_000;

impl Retry {
    /// When an event that failed so often is tried again, `None` when it is not. `dice` from 0 to 1 spreads the waits, so that
    /// what failed together does not come back together.
    #[must_use]
    pub fn next(&self, failed: u32, dice: f64, now: Timestamp) -> Option<Timestamp> {
        if failed >= self.attempts {
            return None;
        }
        let doubled = self.first_seconds.saturating_mul(1_u64 << failed.saturating_sub(1).min(32));
        let whole = Duration::from_secs(doubled.min(self.longest_seconds).min(LONGEST_WAIT));
        Some(now.plus(whole.mul_f64(0.5 + dice.clamp(0.0, 1.0) / 2.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_are_spread() {
        let retry = Retry { attempts: 5, first_seconds: 2, longest_seconds: 10 };
        let wait = |failed, dice| {
            let start = Timestamp::from_millis(0);
            retry.next(failed, dice, start).map(Timestamp::as_millis)
        };
        assert_eq!([wait(1, 1.0), wait(2, 1.0), wait(3, 1.0), wait(4, 1.0)], [2000, 4000, 8000, 10_000].map(Some));
        assert_eq!((wait(1, 0.0), wait(1, 0.5), wait(4, 0.0)), (Some(1000), Some(1500), Some(5000)));
        assert_eq!(wait(5, 1.0), None);
        let many = Retry { attempts: u32::MAX, first_seconds: u64::MAX, longest_seconds: u64::MAX };
        assert!(many.next(u32::MAX - 1, 1.0, Timestamp::from_millis(0)).is_some());
    }
}
