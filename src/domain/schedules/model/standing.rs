//! How far a schedule is: what is due next, what runs, what waits. One document beside the schedule, under the same id, so that what changes with
//! every run does not change what people edit.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Kind};

/// The kind of standings.
pub(in crate::domain::schedules) static STANDING: Kind = Kind::new("schedule_standing");

/// How far a schedule is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::domain::schedules) struct Standing {
    /// The job that wakes for the next due time. Another one that wakes is of before a change, and does nothing.
    pub(in crate::domain::schedules) timer: Option<Uuid>,
    /// The next due time.
    pub(in crate::domain::schedules) next_due: Option<Timestamp>,
    /// The runs under way or on their way to a runner.
    pub(in crate::domain::schedules) active: Vec<Uuid>,
    /// Of those, the ones that are to be called off.
    pub(in crate::domain::schedules) called_off: Vec<Uuid>,
    /// Due times that wait for a run to end, in order.
    pub(in crate::domain::schedules) waiting: Vec<Waiting>,
    /// Runs that were begun.
    pub(in crate::domain::schedules) begun: u64,
    /// Runs that did not end well.
    pub(in crate::domain::schedules) failed: u64,
    /// Due times that were left out since a run was under way.
    pub(in crate::domain::schedules) left_out: u64,
    /// Due times without a run.
    pub(in crate::domain::schedules) missed: u64,
    /// The last due time that was dealt with.
    pub(in crate::domain::schedules) last_due: Option<Timestamp>,
}

/// A due time that waits for a run to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::schedules) struct Waiting {
    /// The due time.
    pub(in crate::domain::schedules) due: Timestamp,
    /// The run that it is.
    pub(in crate::domain::schedules) run: Uuid,
    /// Whether it makes up for one that was missed.
    pub(in crate::domain::schedules) late: bool,
}

impl Document for Standing {
    const KIND: &'static Kind = &STANDING;
}
