//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// Somebody said something of an answer.
pub(super) const SUBMITTED: &str = "feedback.submitted";
/// A training set was made.
pub(super) const MADE: &str = "dataset.created";
/// A retraining job ended, well or not.
pub(super) const RETRAINED: &str = "retraining.ended";

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: SUBMITTED,
        resource: Resource::Feedback,
        about: "Somebody said what an answer is worth. The texts are not in it.",
        data: || {
            object_of(&[("feedbackId", "string"), ("agentId", "string"), ("promptId", "string"), ("version", "string")])
        },
    },
    Topic {
        name: MADE,
        resource: Resource::Learning,
        about: "A training set was made.",
        data: || object_of(&[("datasetId", "string"), ("name", "string"), ("rows", "integer")]),
    },
    Topic {
        name: RETRAINED,
        resource: Resource::Learning,
        about: "A retraining job ended, well or not.",
        data: || object_of(&[("jobId", "string"), ("kind", "string"), ("state", "string")]),
    },
];
