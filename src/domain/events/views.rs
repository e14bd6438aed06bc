//! How subscriptions, events and dead letters are shown.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::engine::filter::Condition;
use super::model::letter::{DeadLetter, LetterState};
use super::model::progress::Progress;
use super::model::subscription::{Delivery, Order, Retry, State, Subscription, Target};
use crate::capability::owned::Stored;
use crate::capability::topics::Pattern;
use crate::kernel::id::{DeadLetterId, SubscriptionId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::logs::Entry;

/// An event.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventView {
    /// Its place: later events have larger ones.
    pub(super) position: i64,
    /// Its topic.
    pub(super) topic: String,
    /// The event: `id`, `topic`, `subject`, `at`, `data` and more.
    pub(super) event: Value,
}

impl From<Entry> for EventView {
    fn from(entry: Entry) -> Self {
        Self { position: entry.position, topic: entry.stream, event: entry.body }
    }
}

/// A subscription.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubscriptionView {
    /// Its id.
    pub(super) id: SubscriptionId,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// The topics.
    #[schemars(with = "Vec<String>")]
    pub(super) topics: Vec<Pattern>,
    /// What must be true of an event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Map<String, Value>>")]
    pub(super) filter: Vec<Condition>,
    /// Where the events go.
    pub(super) target: TargetView,
    /// Which events wait for each other: those of one `key` (or subject), or `all`.
    pub(super) order: Order,
    /// How failed deliveries are tried again.
    pub(super) retry: RetryView,
    /// How many deliveries are under way at once.
    pub(super) concurrency: u32,
    /// Whose it is: it hears and does what they may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<UserId>,
    /// Whether it delivers.
    pub(super) state: State,
    /// Why it was suspended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// When it was made.
    pub(super) created_at: Timestamp,
}

/// Where events go.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TargetView {
    /// The kind of target.
    #[serde(rename = "type")]
    pub(super) kind: Delivery,
    /// A webhook's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// How long a webhook's answer may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout_seconds: Option<u64>,
    /// The tool that is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool: Option<String>,
    /// What is always in the tool's input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<Map<String, Value>>,
    /// What of the event goes into the tool's input: by name, the place in the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fields: Option<BTreeMap<String, String>>,
    /// The WebSocket channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) channel: Option<String>,
}

/// How failed deliveries are tried again.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RetryView {
    /// How often an event is tried in all before it is a dead letter.
    pub(super) attempts: u32,
    /// How long the first wait is, in seconds; each next one is twice as long.
    pub(super) first_seconds: u64,
    /// No wait is longer, in seconds.
    pub(super) longest_seconds: u64,
}

impl From<Retry> for RetryView {
    fn from(retry: Retry) -> Self {
        let Retry { attempts, first_seconds, longest_seconds } = retry;
        Self { attempts, first_seconds, longest_seconds }
    }
}

impl TargetView {
    fn of(kind: Delivery, target: Target) -> Self {
        let empty =
            Self { kind, url: None, timeout_seconds: None, tool: None, input: None, fields: None, channel: None };
        match target {
            Target::Webhook { url, timeout_seconds, .. } => {
                Self { url: Some(url), timeout_seconds: Some(timeout_seconds), ..empty }
            }
            Target::Tool { tool, input, fields } => {
                Self { tool: Some(tool), input: Some(input), fields: Some(fields), ..empty }
            }
            Target::Channel { channel } => Self { channel: Some(channel), ..empty },
            Target::Pull => empty,
        }
    }
}

impl SubscriptionView {
    /// The view of a subscription.
    pub(super) fn of(stored: Stored<Subscription>) -> Self {
        let subscription = stored.value;
        Self {
            id: SubscriptionId::from_uuid(stored.id),
            name: subscription.name,
            topics: subscription.topics,
            filter: subscription.filter,
            target: TargetView::of(subscription.delivery, subscription.target),
            order: subscription.order,
            retry: subscription.retry.into(),
            concurrency: subscription.concurrency,
            user_id: stored.owner.map(UserId::from_uuid),
            state: subscription.state,
            reason: subscription.reason,
            created_at: stored.created_at,
        }
    }
}

/// How far a subscription is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LagView {
    /// Everything up to this position of the log is done.
    pub(super) position: i64,
    /// The position of the newest event of the tenant, whether or not it is wanted.
    pub(super) newest: i64,
    /// How many events wait, counted up to 1,000.
    pub(super) waiting: u64,
    /// Whether more wait than were counted.
    pub(super) more_waiting: bool,
    /// When the oldest of them happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) oldest_at: Option<Timestamp>,
    /// How many failed and are tried again.
    pub(super) retrying: usize,
    /// How many are taken from the pull queue and not acknowledged.
    pub(super) taken: usize,
    /// How many were delivered in all.
    pub(super) delivered: u64,
    /// How many became dead letters in all.
    pub(super) failed: u64,
    /// When something was last delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_delivered_at: Option<Timestamp>,
    /// Why the last delivery that failed did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_failure: Option<String>,
}

impl LagView {
    /// The view of a progress, before anything is counted.
    pub(super) fn of(progress: &Progress, newest: i64, now: Timestamp) -> Self {
        Self {
            position: progress.position,
            newest,
            waiting: 0,
            more_waiting: false,
            oldest_at: None,
            retrying: progress.again.len(),
            taken: progress.taken.iter().filter(|taken| taken.until > now).count(),
            delivered: progress.delivered,
            failed: progress.failed,
            last_delivered_at: progress.last_delivered_at,
            last_failure: progress.last_failure.clone(),
        }
    }
}

/// A dead letter.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LetterView {
    /// Its id, as `event_redrive` takes it.
    pub(super) id: DeadLetterId,
    /// The subscription that it could not be delivered to.
    pub(super) subscription_id: SubscriptionId,
    /// The event's topic.
    pub(super) topic: String,
    /// The event's place in the log.
    pub(super) position: i64,
    /// The code of what went wrong.
    pub(super) code: String,
    /// What went wrong.
    pub(super) reason: String,
    /// How often it was tried.
    pub(super) attempts: u32,
    /// When it was last tried.
    pub(super) failed_at: Timestamp,
    /// `dead`, or `redriven` while it is tried again.
    pub(super) state: LetterState,
    /// The event.
    pub(super) event: Value,
}

impl LetterView {
    /// The view of a dead letter.
    pub(super) fn of(stored: Stored<DeadLetter>) -> Self {
        let letter = stored.value;
        Self {
            id: DeadLetterId::from_uuid(stored.id),
            subscription_id: SubscriptionId::from_uuid(letter.subscription),
            topic: letter.topic,
            position: letter.position,
            code: letter.code,
            reason: letter.reason,
            attempts: letter.attempts,
            failed_at: letter.failed_at,
            state: letter.state,
            event: letter.event,
        }
    }
}
