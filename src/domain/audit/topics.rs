//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[Topic {
    name: "subject.erased",
    resource: Resource::Audit,
    about: "What the audit log said of a person was erased.",
    data: || object_of(&[("erasureId", "string")]),
}];
