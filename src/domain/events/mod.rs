//! The events domain: what happened, told to whoever subscribes. The gate appends events to the log in the commit of what they
//! tell of; here are the topics with their schemas, the subscriptions with their filters and places in the log, what could
//! not be delivered, and publishing. Delivering is the runtime's (`runtime::relay`).
//!
//! Other domains may use: `model`, `engine`, `topics`.

pub mod engine;
pub mod faults;
pub mod model;
mod reading;
mod tools;
pub mod topics;
mod views;

use crate::capability::channels;
use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Events,
    rows: tools::ROWS,
    kinds: &[
        &model::subscription::SUBSCRIPTION,
        &model::progress::PROGRESS,
        &model::letter::DEAD_LETTER,
        &model::topic::TOPIC,
        &channels::CHANNEL_MEMBER,
    ],
    logs: &[&channels::CHANNELS],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
