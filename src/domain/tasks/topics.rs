//! What the domain tells the world of. Every event says which task, how it stands, whose it is and of which execution; what people were shown and
//! said is in none of them but the end, which has the outcome.

use std::sync::Arc;

use crate::capability::permit::Resource;
use crate::capability::schema::SharedSchema;
use crate::capability::topics::{Topic, object_of};

/// A task was made.
pub(super) const CREATED: &str = "task.created";
/// It has another assignee, or none.
pub(super) const ASSIGNED: &str = "task.assigned";
/// It ended.
pub(super) const COMPLETED: &str = "task.completed";
/// It went to the next of its chain.
pub(super) const ESCALATED: &str = "task.escalated";
/// Somebody answered it, or put it off.
pub(super) const RESPONDED: &str = "task.responded";
/// Its time is nearly over.
pub(super) const WARNED: &str = "task.sla_warning";
/// Its time is over.
pub(super) const BREACHED: &str = "task.sla_breached";
/// Its due time passed.
pub(super) const DUE: &str = "task.due";
/// It is to be looked at.
pub(super) const FOLLOW_UP: &str = "task.follow_up";
/// Somebody said something, or added something.
pub(super) const COMMENTED: &str = "task.commented";

fn data() -> SharedSchema {
    let mut schema = (*object_of(&[
        ("taskId", "string"),
        ("title", "string"),
        ("status", "string"),
        ("assignedTo", "string"),
        ("outcome", "string"),
        ("processId", "string"),
        ("executionId", "string"),
        ("nodeId", "string"),
        ("slaDeadline", "string"),
    ]))
    .clone();
    schema.insert("required".to_owned(), serde_json::json!(["taskId", "title", "status"]));
    Arc::new(schema)
}

const fn topic(name: &'static str, about: &'static str) -> Topic {
    Topic { name, resource: Resource::Tasks, about, data }
}

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    topic(CREATED, "A task was made for a person, a group or an agent."),
    topic(ASSIGNED, "A task was assigned, claimed, passed on or given back."),
    topic(
        RESPONDED,
        "A task was answered, by the answer that ends it or by one of several that it needs, or put off. What was filled in is not in it.",
    ),
    topic(
        COMPLETED,
        "A task ended: by its answer, by its chain, or withdrawn. The outcome is in it, not what was filled in.",
    ),
    topic(ESCALATED, "A task went to the next of its escalation chain."),
    topic(WARNED, "The time of a task is nearly over."),
    topic(BREACHED, "The time of a task is over and it is not answered."),
    topic(DUE, "A task passed its due time unanswered."),
    topic(FOLLOW_UP, "A task is to be looked at: the moment came until which it was put off."),
    topic(COMMENTED, "Somebody commented on a task, or added something to it. The text is not in it."),
];
