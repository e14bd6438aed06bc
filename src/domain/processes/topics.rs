//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// One was made.
pub(super) const CREATED: &str = "process.created";
/// One has a new definition.
pub(super) const UPDATED: &str = "process.updated";
/// A version was published.
pub(super) const PUBLISHED: &str = "process.published";

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: CREATED,
        resource: Resource::Processes,
        about: "A process was made.",
        data: || object_of(&[("processId", "string"), ("version", "string"), ("branch", "string")]),
    },
    Topic {
        name: UPDATED,
        resource: Resource::Processes,
        about: "A process has a new draft, on the branch that is named.",
        data: || object_of(&[("processId", "string"), ("version", "string"), ("branch", "string")]),
    },
    Topic {
        name: PUBLISHED,
        resource: Resource::Processes,
        about: "A version of a process was published: what is started from now on runs it.",
        data: || object_of(&[("processId", "string"), ("version", "string"), ("digest", "string")]),
    },
];
