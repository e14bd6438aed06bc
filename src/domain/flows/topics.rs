//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// One was registered.
pub(super) const REGISTERED: &str = "flow.registered";
/// One has a new version or another status.
pub(super) const UPDATED: &str = "flow.updated";
/// One was archived.
pub(super) const ARCHIVED: &str = "flow.archived";
/// One is executed.
pub(super) const STARTED: &str = "flow_execution.started";
/// Its runner told how far it is.
pub(super) const PROGRESSED: &str = "flow_execution.progressed";
/// Its runner told how it ended.
pub(super) const ENDED: &str = "flow_execution.ended";

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: REGISTERED,
        resource: Resource::Flows,
        about: "A flow was registered.",
        data: || object_of(&[("flowId", "string"), ("type", "string"), ("version", "string")]),
    },
    Topic {
        name: UPDATED,
        resource: Resource::Flows,
        about: "A flow has a new version or another status.",
        data: || object_of(&[("flowId", "string"), ("type", "string"), ("version", "string")]),
    },
    Topic {
        name: ARCHIVED,
        resource: Resource::Flows,
        about: "A flow was archived.",
        data: || object_of(&[("flowId", "string"), ("type", "string"), ("version", "string")]),
    },
    Topic {
        name: STARTED,
        resource: Resource::Flows,
        about: "A flow is executed: here, or by an outside runner that this tells of its work.",
        data: || {
            object_of(&[("executionId", "string"), ("flowId", "string"), ("status", "string"), ("runs", "string")])
        },
    },
    Topic {
        name: PROGRESSED,
        resource: Resource::Flows,
        about: "An outside runner told how far an execution of a flow is.",
        data: || {
            object_of(&[("executionId", "string"), ("flowId", "string"), ("status", "string"), ("runs", "string")])
        },
    },
    Topic {
        name: ENDED,
        resource: Resource::Flows,
        about: "An outside runner told how an execution of a flow ended.",
        data: || {
            object_of(&[("executionId", "string"), ("flowId", "string"), ("status", "string"), ("runs", "string")])
        },
    },
];
