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

/// Too many run below each other.
pub(super) static AGENT_DEPTH: CodeRow = CodeRow::of_caller(
    "agent_depth",
    422,
    "As many agents run below each other as may: the detail names them, the innermost first. Do it without another agent.",
);

/// The answer does not fit.
pub(super) static OUTPUT_UNFIT: CodeRow = CodeRow::of_caller(
    "agent_output_unfit",
    422,
    "The agent's answer does not fit the form that it is to have, and was not mended when it was given back. The detail has the answer and what \
     does not fit. Ask again, let it mend more often ('limits.repairs'), or give it a form or a model that fit each other.",
);

/// The transcript is not whole.
pub(super) static TRANSCRIPT_CUT: CodeRow = CodeRow::of_caller(
    "transcript_cut",
    422,
    "The run cannot be replayed: what its tools answered was too long to be kept. Read its transcript with agent_status, or run the agent anew.",
);

/// The run has no answer.
pub(super) static RUN_UNANSWERED: CodeRow = CodeRow::of_caller(
    "run_unanswered",
    422,
    "The run ended by a fault or was called off: it has no answer, and is not replayed. Read its transcript with agent_status, or run the agent anew.",
);

/// The replay goes another way.
pub(super) static REPLAY_DIFFERS: CodeRow = CodeRow::of_caller(
    "replay_differs",
    422,
    "The run cannot be replayed: what was recorded of it does not fit together. Run the agent anew.",
);

/// The interaction was another one.
pub(super) static INTERACTION_DIFFERS: CodeRow = CodeRow::of_caller(
    "interaction_differs",
    409,
    "Another interaction was taken in under this id: the detail says when. Give each interaction an id of its own; the same one again is answered as \
     it was.",
);

/// There is nothing to learn.
pub(super) static NOTHING_TO_LEARN: CodeRow = CodeRow::of_caller(
    "nothing_to_learn",
    422,
    "Nothing is said that could be learned. Give feedback, facts or lessons, or with `extract` the text of the interaction ('input' or 'output').",
);

/// There are too many.
pub(super) static TOO_MANY_AGENTS: CodeRow =
    CodeRow::of_caller("too_many_agents", 422, "The tenant has as many agents as it may. Change an existing one.");

/// All of them.
pub(super) static ALL: &[Code] = &[
    &AGENT_PAUSED,
    &AGENT_RETIRED,
    &AGENT_INCOMPLETE,
    &AGENT_DEPTH,
    &OUTPUT_UNFIT,
    &TRANSCRIPT_CUT,
    &RUN_UNANSWERED,
    &REPLAY_DIFFERS,
    &TOO_MANY_AGENTS,
    &INTERACTION_DIFFERS,
    &NOTHING_TO_LEARN,
];
