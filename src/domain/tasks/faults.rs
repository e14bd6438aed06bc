//! What can go wrong with tasks.

use crate::kernel::codes::{Code, CodeRow};

/// The task has ended.
pub(super) static TASK_OVER: CodeRow = CodeRow::of_caller(
    "task_over",
    409,
    "The task has ended: it was answered, its chain ended it, or it was withdrawn. The first answer stands; task_get tells it.",
);

/// The caller has answered before.
pub(super) static TASK_ANSWERED: CodeRow = CodeRow::of_caller(
    "task_answered",
    409,
    "You have answered this task, and your first answer stands. It waits for the answers of others; task_get tells how many.",
);

/// The task is not what was shown.
pub(super) static TASK_CHANGED: CodeRow = CodeRow::of_caller(
    "task_changed",
    409,
    "What belongs to the task has changed since it was shown. Read it again with task_get, look at what is new, and answer with its shownHash.",
);

/// Somebody else has it.
pub(super) static TASK_TAKEN: CodeRow = CodeRow::of_caller(
    "task_taken",
    409,
    "Somebody else has the task. Whoever has it can give it back (release) or pass it on (delegate); who made it can assign it anew.",
);

/// Not theirs to answer.
pub(super) static NOT_YOURS: CodeRow = CodeRow::of_caller(
    "task_not_yours",
    403,
    "The task is for others: only its assignee, its candidates while nobody has it, and who holds tasks:manage may answer it. An agent answers only \
     what is for the agent itself.",
);

/// Duties are separated.
pub(super) static SEPARATED: CodeRow = CodeRow::of_caller(
    "task_duties_separated",
    403,
    "The task must be answered by somebody else: its separation of duties excludes you, whatever else you may do. The detail says by which rule. \
     Assign it to somebody whom no rule excludes.",
);

/// There is nobody to take it back.
pub(super) static NO_CANDIDATES: CodeRow = CodeRow::of_caller(
    "task_without_candidates",
    409,
    "The task has no candidates who could take it. Delegate it to somebody, or let who made it assign it anew.",
);

/// There is no next one.
pub(super) static CHAIN_ENDED: CodeRow = CodeRow::of_caller(
    "escalation_ended",
    409,
    "The task has no further step in its escalation chain. Assign it with task_assign.",
);

/// An answer is needed, and nobody can be asked for it here.
pub(super) static ANSWER_NEEDED: CodeRow = CodeRow::of_caller(
    "task_answer_needed",
    422,
    "The call has no answer, and the person cannot be asked over this connection. Give shownHash, outcome and what the form wants as response (the \
     detail has all three), or make a link for the person with task_link.",
);

/// The person declined.
pub(super) static DECLINED: CodeRow = CodeRow::of_caller(
    "task_answer_declined",
    409,
    "The person was asked and gave no answer. Nothing was written; the task waits as before.",
);

/// There are too many.
pub(super) static TOO_MANY_TASKS: CodeRow =
    CodeRow::of_caller("too_many_tasks", 422, "The tenant has as many tasks as it may, those that are over included.");

/// All of them.
pub(super) static ALL: &[Code] = &[
    &TASK_OVER,
    &TASK_ANSWERED,
    &TASK_CHANGED,
    &TASK_TAKEN,
    &NOT_YOURS,
    &SEPARATED,
    &NO_CANDIDATES,
    &CHAIN_ENDED,
    &ANSWER_NEEDED,
    &DECLINED,
    &TOO_MANY_TASKS,
];
