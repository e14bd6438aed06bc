//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// Something was stored: it is new, was merged, or took the place of others.
pub(super) const STORED: &str = "memory.stored";
/// A memory was corrected.
pub(super) const UPDATED: &str = "memory.updated";
/// Memories were forgotten.
pub(super) const FORGOTTEN: &str = "memory.forgotten";
/// Memories were consolidated.
pub(super) const CONSOLIDATED: &str = "memory.consolidated";

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: STORED,
        resource: Resource::Memories,
        about: "Something was remembered. The text is not in it.",
        data: || object_of(&[("memoryId", "string"), ("action", "string"), ("kind", "string"), ("scope", "string")]),
    },
    Topic {
        name: UPDATED,
        resource: Resource::Memories,
        about: "A memory was corrected. The text is not in it.",
        data: || object_of(&[("memoryId", "string"), ("kind", "string"), ("scope", "string")]),
    },
    Topic {
        name: FORGOTTEN,
        resource: Resource::Memories,
        about: "Memories were forgotten.",
        data: || object_of(&[("forgotten", "integer")]),
    },
    Topic {
        name: CONSOLIDATED,
        resource: Resource::Memories,
        about: "Memories were consolidated by their policies.",
        data: || object_of(&[("merged", "integer"), ("retired", "integer"), ("forgotten", "integer")]),
    },
];
