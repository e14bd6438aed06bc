//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// One was made.
pub(super) const CREATED: &str = "persona.created";
/// One has a new version.
pub(super) const UPDATED: &str = "persona.updated";

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: CREATED,
        resource: Resource::Personas,
        about: "A persona was made.",
        data: || object_of(&[("personaId", "string"), ("version", "string")]),
    },
    Topic {
        name: UPDATED,
        resource: Resource::Personas,
        about: "A persona has a new version.",
        data: || object_of(&[("personaId", "string"), ("version", "string")]),
    },
];
