//! What can go wrong with executions.

use crate::kernel::codes::{Code, CodeRow};

/// There is no version that could be started.
pub(super) static NOT_PUBLISHED: CodeRow = CodeRow::of_caller(
    "process_not_published",
    422,
    "The process has no published version, and drafts are not started. Publish one with process_publish, or try the draft out with \
     process_sandbox.",
);

/// The execution is not in a state for this.
pub(super) static WRONG_STATE: CodeRow = CodeRow::of_caller(
    "execution_wrong_state",
    409,
    "The execution is in a state in which this cannot be done to it. The detail says which; look at it with execution_get.",
);

/// Nobody waits for it.
pub(super) static NOBODY_WAITS: CodeRow = CodeRow::of_caller(
    "execution_nobody_waits",
    409,
    "No token of the execution waits for this message with this key. The detail says what it waits for.",
);

/// The variables do not fit.
pub(super) static VARIABLES_UNFIT: CodeRow = CodeRow::of_caller(
    "execution_variables_unfit",
    422,
    "What the execution is given does not fit the variables that the process declares. process_get tells them with their schemas.",
);

/// Executions run executions too deep.
pub(super) static TOO_DEEP: CodeRow = CodeRow::of_caller(
    "execution_too_deep",
    422,
    "Processes run processes more levels deep, or more of them, than may be. Look for one that runs itself.",
);

/// The other side of a call over HTTP refused it.
pub(super) static INTEGRATION_REFUSED: CodeRow = CodeRow::of_caller(
    "integration_refused",
    422,
    "The address that the node calls answered with a status that the node does not expect. The detail has the status and what it said.",
);

/// The step cannot be done by itself.
pub(super) static STEP_UNFIT: CodeRow = CodeRow::of_caller(
    "execution_step_unfit",
    422,
    "The step cannot be done by itself: name an activity that is done, failed, held back or to be tried again, or a timer. What each node does now \
     is told by execution_get.",
);

/// A batch of the same name was something else.
pub(super) static BATCH_DIFFERS: CodeRow = CodeRow::of_caller(
    "execution_batch_differs",
    409,
    "There is a batch of that name already, and it was given other executions. Choose another batchId, or give it without items to be told how \
     that batch stands.",
);

/// Not all of a batch could be started, and all or none were wanted.
pub(super) static BATCH_UNFIT: CodeRow = CodeRow::of_caller(
    "execution_batch_unfit",
    422,
    "Some of the executions cannot be started, so none was. The detail says which and why: mend or leave them out, or let the others start without \
     allOrNone.",
);

/// All of them.
pub(super) static ALL: &[Code] = &[
    &NOT_PUBLISHED,
    &WRONG_STATE,
    &NOBODY_WAITS,
    &VARIABLES_UNFIT,
    &TOO_DEEP,
    &INTEGRATION_REFUSED,
    &STEP_UNFIT,
    &BATCH_DIFFERS,
    &BATCH_UNFIT,
];
