//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: "secret.deleted",
        resource: Resource::Secrets,
        about: "A credential was removed from the vault.",
        data: || object_of(&[("name", "string")]),
    },
    Topic {
        name: "secret.stored",
        resource: Resource::Secrets,
        about: "A credential was stored in the vault.",
        data: || object_of(&[("name", "string"), ("version", "integer")]),
    },
];
