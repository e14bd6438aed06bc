//! The domain's fault codes.

use crate::kernel::codes::{Code, CodeRow};

/// The schema would break who reads the topic's events, or the events that there are.
pub static BREAKING_SCHEMA: CodeRow = CodeRow::of_caller(
    "breaking_schema",
    409,
    "The new schema is not compatible with the present one; the detail names each place that breaks. Add optional properties only, or publish to a new topic such as 'order.created.v2'.",
);

/// Only the program tells of the topic.
pub static RESERVED_TOPIC: CodeRow = CodeRow::of_caller(
    "reserved_topic",
    409,
    "Only the program itself tells of this topic. Choose a name whose first word is your own, such as 'order.created'.",
);

/// The webhook's address is not one that may be called.
pub static FORBIDDEN_ADDRESS: CodeRow = CodeRow::of_caller(
    "forbidden_address",
    422,
    "Webhooks go to public addresses by https only. The operator can allow private networks in outside.private_networks.",
);

/// The place asked for has not been reached yet.
pub static FROM_THE_FUTURE: CodeRow = CodeRow::of_caller(
    "replay_from_future",
    400,
    "Events can be replayed from a moment or position that lies in the past. The detail says what is the last.",
);

/// The subscription would set itself off.
pub static SUBSCRIPTION_LOOP: CodeRow = CodeRow::of_caller(
    "subscription_loop",
    422,
    "The subscription would set itself off: it publishes to a topic that it subscribes to. Publish to another topic.",
);

/// The event is the last of too long a chain of subscriptions that set each other off.
pub static TOO_MANY_HOPS: CodeRow = CodeRow::of_caller(
    "too_many_hops",
    422,
    "Subscriptions set each other off in a circle, or in a chain longer than events.most_hops. Break the chain.",
);

/// The tenant has as many as it may.
pub static TOO_MANY: CodeRow = CodeRow::of_caller(
    "too_many",
    409,
    "The tenant has as many of these as it may. End some that are not needed any more.",
);

/// The subscription has another target.
pub static NOT_PULLED: CodeRow = CodeRow::of_caller(
    "not_a_pull_subscription",
    409,
    "The subscription's events are delivered by themselves. Only those of a subscription whose target is 'pull' are taken.",
);

/// Every code of the domain.
pub static ALL: &[Code] = &[
    &BREAKING_SCHEMA,
    &RESERVED_TOPIC,
    &FORBIDDEN_ADDRESS,
    &FROM_THE_FUTURE,
    &SUBSCRIPTION_LOOP,
    &TOO_MANY_HOPS,
    &TOO_MANY,
    &NOT_PULLED,
];
