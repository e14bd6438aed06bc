//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// One was made.
pub(super) const CREATED: &str = "rule_set.created";
/// One has a new version.
pub(super) const UPDATED: &str = "rule_set.updated";

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: CREATED,
        resource: Resource::Rules,
        about: "A rule set was made.",
        data: || object_of(&[("ruleSetId", "string"), ("version", "integer")]),
    },
    Topic {
        name: UPDATED,
        resource: Resource::Rules,
        about: "A rule set has a new version.",
        data: || object_of(&[("ruleSetId", "string"), ("version", "integer")]),
    },
];
