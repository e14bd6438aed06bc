//! What the domain tells the world of.

use crate::capability::permit::Resource;
use crate::capability::topics::{Topic, object_of};

/// One was registered.
pub(super) const REGISTERED: &str = "agent.registered";
/// One has a new version.
pub(super) const UPDATED: &str = "agent.updated";
/// One does not run any more.
pub(super) const RETIRED: &str = "agent.retired";

/// An interaction with one was taken in.
pub(super) const LEARNED: &str = "agent.learned";

/// One was run.
pub(super) const INVOKED: &str = "agent.invoked";

/// Every topic of the domain.
pub(super) static ALL: &[Topic] = &[
    Topic {
        name: INVOKED,
        resource: Resource::Runs,
        about: "An agent was run: told once of each run, when it has ended, with how it did.",
        data: || {
            object_of(&[
                ("agentId", "string"),
                ("executionId", "string"),
                ("status", "string"),
                ("stopReason", "string"),
                ("tokensUsed", "integer"),
                ("durationMs", "integer"),
            ])
        },
    },
    Topic {
        name: LEARNED,
        resource: Resource::Agents,
        about: "An interaction with an agent was taken in: how many facts and lessons it left. What was said is not in it.",
        data: || {
            object_of(&[
                ("agentId", "string"),
                ("interactionId", "string"),
                ("facts", "integer"),
                ("lessons", "integer"),
            ])
        },
    },
    Topic {
        name: REGISTERED,
        resource: Resource::Agents,
        about: "An agent was registered.",
        data: || object_of(&[("agentId", "string"), ("version", "integer")]),
    },
    Topic {
        name: RETIRED,
        resource: Resource::Agents,
        about: "An agent was retired: it does not run any more.",
        data: || object_of(&[("agentId", "string"), ("version", "integer")]),
    },
    Topic {
        name: UPDATED,
        resource: Resource::Agents,
        about: "An agent has a new version, or another state.",
        data: || object_of(&[("agentId", "string"), ("version", "integer"), ("state", "string")]),
    },
];
