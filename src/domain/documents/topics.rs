//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// One was uploaded.
pub(super) const UPLOADED: &str = "document.uploaded";
/// One was read out of.
pub(super) const EXTRACTED: &str = "document.extracted";
/// One was deleted.
pub(super) const DELETED: &str = "document.deleted";

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: UPLOADED,
        resource: Resource::Documents,
        about: "A document was uploaded and read.",
        data: || object_of(&[("documentId", "string"), ("name", "string"), ("type", "string"), ("format", "string")]),
    },
    Topic {
        name: EXTRACTED,
        resource: Resource::Documents,
        about: "Fields and entities were read out of a document.",
        data: || {
            object_of(&[("documentId", "string"), ("type", "string"), ("method", "string"), ("fields", "integer")])
        },
    },
    Topic {
        name: DELETED,
        resource: Resource::Documents,
        about: "A document was deleted, with its text and passages.",
        data: || object_of(&[("documentId", "string"), ("name", "string")]),
    },
];
