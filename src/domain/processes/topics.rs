//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// One was made.
pub(super) const CREATED: &str = "process.created";
/// One has a new definition.
pub(super) const UPDATED: &str = "process.updated";
/// A version was published.
pub(super) const PUBLISHED: &str = "process.published";

/// A branch was made.
pub(super) const BRANCHED: &str = "process.branched";
/// A link was given or taken away.
pub(super) const LINKED: &str = "process.linked";

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
    Topic {
        name: BRANCHED,
        resource: Resource::Processes,
        about: "A branch of a process was made, from the version that is named.",
        data: || object_of(&[("processId", "string"), ("version", "string"), ("branch", "string")]),
    },
    Topic {
        name: LINKED,
        resource: Resource::Processes,
        about: "A link of a process to another one was given, or taken away.",
        data: || object_of(&[("processId", "string"), ("to", "string")]),
    },
];
