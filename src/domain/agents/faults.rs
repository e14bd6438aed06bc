//! What can go wrong with agents.

use crate::kernel::codes::{Code, CodeRow};

/// It does not run now.
pub(super) static AGENT_PAUSED: CodeRow = CodeRow::of_caller(
    "agent_paused",
    409,
    "The agent is paused and does not run. Its owner can let it work again with agent_update ('state: active').",
);

/// It does not run any more.
pub(super) static AGENT_RETIRED: CodeRow = CodeRow::of_caller(
    "agent_retired",
    409,
    "The agent is retired and does not run any more. Use another one from agent_list, or let its owner bring it back with agent_update \
     ('state: active').",
);

/// What it is made of is not there.
pub(super) static AGENT_INCOMPLETE: CodeRow = CodeRow::of_caller(
    "agent_incomplete",
    422,
    "The agent is made of something that is not there, or not for the caller: the detail names the place and why. Its owner mends it with \
     agent_update; agent_status tells all that is wrong with it.",
);

/// There are too many.
pub(super) static TOO_MANY_AGENTS: CodeRow =
    CodeRow::of_caller("too_many_agents", 422, "The tenant has as many agents as it may. Change an existing one.");

/// All of them.
pub(super) static ALL: &[Code] = &[&AGENT_PAUSED, &AGENT_RETIRED, &AGENT_INCOMPLETE, &TOO_MANY_AGENTS];
