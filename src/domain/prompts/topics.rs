//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// Something new can be used, or something is used otherwise: lists of prompts are others.
pub const PUBLISHED: &str = "prompt.published";
/// One was made.
pub const CREATED: &str = "prompt.created";
/// One has a new revision.
pub const UPDATED: &str = "prompt.updated";
/// Its cases were run.
pub const TESTED: &str = "prompt.tested";

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: CREATED,
        resource: Resource::Prompts,
        about: "A prompt or block was made.",
        data: || object_of(&[("promptId", "string"), ("version", "string"), ("digest", "string")]),
    },
    Topic {
        name: PUBLISHED,
        resource: Resource::Prompts,
        about: "A version of a prompt was published, or labels stand for other versions.",
        data: || object_of(&[("promptId", "string"), ("version", "string"), ("digest", "string"), ("labels", "array")]),
    },
    Topic {
        name: TESTED,
        resource: Resource::Prompts,
        about: "The contract cases of a version were run.",
        data: || {
            object_of(&[("promptId", "string"), ("version", "string"), ("passed", "integer"), ("failed", "integer")])
        },
    },
    Topic {
        name: UPDATED,
        resource: Resource::Prompts,
        about: "A prompt or block has a new draft, or is described otherwise.",
        data: || object_of(&[("promptId", "string"), ("version", "string"), ("digest", "string")]),
    },
];
