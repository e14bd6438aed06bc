//! What can go wrong with flows.

use crate::kernel::codes::{Code, CodeRow};

/// The definition does not do.
pub(super) static FLOW_UNUSABLE: CodeRow = CodeRow::of_caller(
    "flow_unusable",
    422,
    "The flow breaks rules of its type or names what is not there, so nothing was kept. The detail has each error with its place and rule; \
     flow_types tells the rules and schema of each type.",
);

/// It would depend on itself.
pub(super) static FLOW_CYCLE: CodeRow = CodeRow::of_caller(
    "flow_dependency_cycle",
    409,
    "The flow would depend on itself, by way of others. The detail shows the cycle: leave one of its dependencies out.",
);

/// Others depend on it.
pub(super) static FLOW_NEEDED: CodeRow = CodeRow::of_caller(
    "flow_needed",
    409,
    "Other flows depend on this one. The detail names them: archive them first, or write their dependencies anew with flow_update.",
);

/// It is not active.
pub(super) static FLOW_NOT_ACTIVE: CodeRow = CodeRow::of_caller(
    "flow_not_active",
    409,
    "The flow is archived or inactive. flow_update with status 'active' takes it into use again.",
);

/// What it depends on was not done.
pub(super) static FLOW_DEPENDENCY_UNMET: CodeRow = CodeRow::of_caller(
    "flow_dependency_unmet",
    409,
    "The flow depends on others whose newest execution has not completed as it must. The detail names them and says why: execute them first.",
);

/// A credential is missing.
pub(super) static FLOW_CREDENTIAL_MISSING: CodeRow = CodeRow::of_caller(
    "flow_credential_missing",
    409,
    "Credentials that the flow demands are not in the vault. The detail names them: store each with secret_put.",
);

/// The execution is over.
pub(super) static FLOW_EXECUTION_OVER: CodeRow = CodeRow::of_caller(
    "flow_execution_over",
    409,
    "The execution has ended already, and how it ended stays. Execute the flow once more with flow_execute.",
);

/// The execution runs here.
pub(super) static FLOW_EXECUTION_HERE: CodeRow = CodeRow::of_caller(
    "flow_execution_here",
    409,
    "The execution runs here as a process, whose state is its state: nobody reports it. Use execution_get, execution_cancel and the like.",
);

/// A version of that name is there.
pub(super) static FLOW_VERSION_TAKEN: CodeRow = CodeRow::of_caller(
    "flow_version_taken",
    409,
    "The version must be greater than the newest one. Name a greater one, or leave it out: the last number then grows by one.",
);

/// There are too many.
pub(super) static TOO_MANY_FLOWS: CodeRow = CodeRow::of_caller(
    "too_many_flows",
    422,
    "The tenant has as many flows as it may, archived ones included. Change an existing one.",
);

/// All of them.
pub(super) static ALL: &[Code] = &[
    &FLOW_UNUSABLE,
    &FLOW_CYCLE,
    &FLOW_NEEDED,
    &FLOW_NOT_ACTIVE,
    &FLOW_DEPENDENCY_UNMET,
    &FLOW_CREDENTIAL_MISSING,
    &FLOW_EXECUTION_OVER,
    &FLOW_EXECUTION_HERE,
    &FLOW_VERSION_TAKEN,
    &TOO_MANY_FLOWS,
];
