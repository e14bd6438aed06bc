//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// One began.
pub(super) const STARTED: &str = "execution.started";
/// One came to its end.
pub(super) const COMPLETED: &str = "execution.completed";
/// One failed.
pub(super) const FAILED: &str = "execution.failed";
/// One was called off.
pub(super) const CANCELLED: &str = "execution.cancelled";
/// What one did was taken back.
pub(super) const COMPENSATED: &str = "execution.compensated";
/// One went over to another version of its process.
pub(super) const MIGRATED: &str = "execution.migrated";
/// One went on: a node was entered or done.
pub(super) const PROGRESSED: &str = "execution.progressed";

/// What is told of one that ended.
const ENDED: &[(&str, &str)] =
    &[("executionId", "string"), ("processId", "string"), ("version", "string"), ("status", "string")];

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: STARTED,
        resource: Resource::Executions,
        about: "An execution of a process began.",
        data: || object_of(&[("executionId", "string"), ("processId", "string"), ("version", "string")]),
    },
    Topic {
        name: COMPLETED,
        resource: Resource::Executions,
        about: "An execution came to its end.",
        data: || object_of(ENDED),
    },
    Topic {
        name: FAILED,
        resource: Resource::Executions,
        about: "An execution failed, at which node and with which code.",
        data: || {
            object_of(&[
                ("executionId", "string"),
                ("processId", "string"),
                ("version", "string"),
                ("status", "string"),
                ("node", "string"),
                ("code", "string"),
            ])
        },
    },
    Topic {
        name: CANCELLED,
        resource: Resource::Executions,
        about: "An execution was called off.",
        data: || object_of(ENDED),
    },
    Topic {
        name: COMPENSATED,
        resource: Resource::Executions,
        about: "What an execution had done was taken back.",
        data: || object_of(ENDED),
    },
    Topic {
        name: MIGRATED,
        resource: Resource::Executions,
        about: "An execution went over to another version of its process, which is told.",
        data: || object_of(ENDED),
    },
    Topic {
        name: PROGRESSED,
        resource: Resource::Executions,
        about: "An execution went on: the nodes at which its tokens are now.",
        data: || {
            object_of(&[("executionId", "string"), ("processId", "string"), ("status", "string"), ("nodes", "array")])
        },
    },
];
