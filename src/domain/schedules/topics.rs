//! What the domain tells the world of.

use schemars::JsonSchema;
use serde::Serialize;

use super::model::run::Status;
use crate::capability::permit::Resource;
use crate::capability::schema::{SharedSchema, of_output};
use crate::capability::topics::Topic;
use crate::kernel::id::{ScheduleId, ScheduleRunId};
use crate::kernel::time::Timestamp;

/// A schedule was made.
pub(super) const CREATED: &str = "schedule.created";
/// A schedule was changed, paused or resumed.
pub(super) const UPDATED: &str = "schedule.updated";
/// A schedule was removed.
pub(super) const DELETED: &str = "schedule.deleted";
/// A schedule is over: nothing more is due.
pub(super) const COMPLETED: &str = "schedule.completed";
/// A schedule stopped by itself, since on whose behalf it runs is refused.
pub(super) const SUSPENDED: &str = "schedule.suspended";
/// A run was begun by its time, or by somebody.
pub(super) const FIRED: &str = "schedule.fired";
/// A run ended well.
pub(super) const SUCCEEDED: &str = "schedule.run_succeeded";
/// A run did not end well.
pub(super) const FAILED: &str = "schedule.failed";
/// Due times passed without a run.
pub(super) const MISSED: &str = "schedule.missed";

/// What is told of a schedule.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfSchedule {
    /// The schedule.
    pub(super) schedule_id: ScheduleId,
    /// Its name.
    pub(super) name: String,
    /// Why, where there is something to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// What is told of a run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfRun {
    /// The schedule.
    pub(super) schedule_id: ScheduleId,
    /// Its name.
    pub(super) name: String,
    /// The run.
    pub(super) run_id: ScheduleRunId,
    /// When it was due.
    pub(super) due_at: Timestamp,
    /// How it stands.
    pub(super) status: Status,
    /// The code of what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration_ms: Option<u64>,
}

/// What is told of due times without a run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfMissed {
    /// The schedule.
    pub(super) schedule_id: ScheduleId,
    /// Its name.
    pub(super) name: String,
    /// How many due times passed without a run.
    pub(super) count: u64,
    /// Whether there were more than were counted.
    pub(super) and_more: bool,
    /// The first of them.
    pub(super) since: Timestamp,
}

const fn topic(name: &'static str, about: &'static str, data: fn() -> SharedSchema) -> Topic {
    Topic { name, resource: Resource::Schedules, about, data }
}

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    topic(COMPLETED, "A schedule is over: nothing more is due.", of_output::<OfSchedule>),
    topic(CREATED, "A schedule was made.", of_output::<OfSchedule>),
    topic(DELETED, "A schedule was removed.", of_output::<OfSchedule>),
    topic(FAILED, "A run of a schedule did not end well.", of_output::<OfRun>),
    topic(FIRED, "A run of a schedule was begun.", of_output::<OfRun>),
    topic(MISSED, "Due times of a schedule passed without a run.", of_output::<OfMissed>),
    topic(SUCCEEDED, "A run of a schedule ended well.", of_output::<OfRun>),
    topic(SUSPENDED, "A schedule stopped by itself: on whose behalf it runs is refused.", of_output::<OfSchedule>),
    topic(UPDATED, "A schedule was changed, paused or resumed.", of_output::<OfSchedule>),
];
