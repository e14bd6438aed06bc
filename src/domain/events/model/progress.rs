//! How far a subscription is: its place in the log, what beyond it is done already, what is tried again, and which instance
//! delivers for it. One document beside the subscription, under the same id. Who writes it demands the revision that was
//! read: so the lease is a fence too, and of two instances only one gets on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Kind};

/// The kind of progress.
pub static PROGRESS: Kind =
    Kind { private: &["done", "again", "taken", "position", "delivered"], ..Kind::new("event_progress") };

/// How far a subscription is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// Everything up to this position of the log is done.
    pub position: i64,
    /// What beyond it is done.
    pub done: BTreeSet<i64>,
    /// What failed and is tried again.
    pub again: Vec<Again>,
    /// What was taken from a pull queue and is not acknowledged.
    pub taken: Vec<Taken>,
    /// Counts how often it was set back to an earlier place: what is delivered anew is another delivery.
    pub round: u32,
    /// Counts what was taken: receipts are not given twice.
    pub receipts: u64,
    /// The instance that delivers.
    pub holder: Option<Uuid>,
    /// Until when it alone does.
    pub until: Timestamp,
    /// How many events were delivered.
    pub delivered: u64,
    /// How many became dead letters.
    pub failed: u64,
    /// How many became dead letters since the last one that was delivered.
    pub failed_in_row: u32,
    /// When something was last delivered.
    pub last_delivered_at: Option<Timestamp>,
    /// Why the last delivery that failed did.
    pub last_failure: Option<String>,
}

/// An event that failed and is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Again {
    /// Its position.
    pub position: i64,
    /// How often it failed.
    pub attempts: u32,
    /// Not before.
    pub due: Timestamp,
}

/// An event that was taken and is not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// Its position; 0 for a dead letter that is tried again.
    pub position: i64,
    /// The dead letter, where it is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub letter: Option<Uuid>,
    /// The number of its receipt.
    pub receipt: u64,
    /// Whose order it keeps.
    pub key: String,
    /// How often it was taken, this time included.
    pub attempts: u32,
    /// When it is given to another.
    pub until: Timestamp,
}

impl Document for Progress {
    const KIND: &'static Kind = &PROGRESS;
}

impl Progress {
    /// One that begins after a position.
    #[must_use]
    pub fn after(position: i64) -> Self {
        Self { position, ..Self::default() }
    }

    /// Goes back, or ahead, to just after a position. What is under way counts no more.
    pub fn set_back(&mut self, position: i64) {
        self.position = position;
        self.done.clear();
        self.again.clear();
        self.taken.retain(|taken| taken.letter.is_some());
        self.round += 1;
    }

    /// How often an event failed before.
    #[must_use]
    pub fn attempts(&self, position: i64) -> u32 {
        self.again.iter().find(|again| again.position == position).map_or(0, |again| again.attempts)
    }
}
