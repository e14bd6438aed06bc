//! What can go wrong with backups, and with services behind the gateway.

use crate::kernel::codes::{Blame, Code, CodeRow, Retry};

/// The installation holds data, and restoring would lose it.
pub(super) static NOT_EMPTY: CodeRow = CodeRow::of_caller(
    "installation_not_empty",
    409,
    "Restoring replaces everything, so it is done only into an installation that nobody has written to. Start the server on \
     a new data folder, put the backup into its backups folder and restore there.",
);

/// A file of the backup is missing or altered.
pub(super) static BACKUP_DAMAGED: CodeRow = CodeRow::of_caller(
    "backup_damaged",
    422,
    "The backup is not what was written: a file is missing or its checksum differs. Choose another one from system_backups.",
);

/// The key that the backup is encrypted under is not at hand.
pub(super) static BACKUP_LOCKED: CodeRow = CodeRow {
    name: "backup_locked",
    status: 503,
    blame: Blame::Operator,
    retry: Retry::Never,
    mend: "The key that the backup is encrypted under is not where backup.encrypt says. Put the key of the installation that made \
           it behind the one there, a line of its own; each backup tells which by its id.",
};

/// The backup was written by a newer program.
pub(super) static BACKUP_TOO_NEW: CodeRow = CodeRow::of_caller(
    "backup_too_new",
    422,
    "The backup was written by a newer version of the program. Restore it with that version or a later one.",
);

/// A backup or a restore is running.
pub(super) static BACKUP_BUSY: CodeRow = CodeRow {
    name: "backup_busy",
    status: 409,
    blame: Blame::Caller,
    retry: Retry::Later,
    mend: "A backup is being made or restored. Look at system_backups and try again when it has ended.",
};

/// A restore takes longer than the call.
pub(super) static RESTORE_RUNNING: CodeRow = CodeRow {
    name: "restore_running",
    status: 409,
    blame: Blame::Caller,
    retry: Retry::Later,
    mend: "Checking or restoring the backup takes longer than a call may, and goes on. 'restore' in the answer of \
           system_backups tells how it ends.",
};

/// The schema of a running server cannot go back.
pub(super) static ROLL_BACK_STOPPED: CodeRow = CodeRow::of_caller(
    "roll_back_needs_stop",
    409,
    "Going back puts the copy from before a change of the schema in place of the store, which a running server cannot do. Stop \
     it, run 'convoke migrate --roll-back COPY' on its machine, and start the version of the program that wrote the copy.",
);

/// No instance of the service can be asked.
pub(super) static SERVICE_UNAVAILABLE: CodeRow = CodeRow {
    name: "service_unavailable",
    status: 503,
    blame: Blame::Operator,
    retry: Retry::Later,
    mend: "No instance of the service behind the route is healthy, or all that are keep failing. system_services tells how they are; \
           instances report with service_heartbeat.",
};

/// The service broke off.
pub(super) static UPSTREAM_FAILED: CodeRow = CodeRow {
    name: "upstream_failed",
    status: 502,
    blame: Blame::Operator,
    retry: Retry::Never,
    mend: "The service behind the route gave no whole answer. What was asked may have been done: look before asking again.",
};

/// The service did not answer.
pub(super) static UPSTREAM_TIMEOUT: CodeRow = CodeRow {
    name: "upstream_timeout",
    status: 504,
    blame: Blame::Operator,
    retry: Retry::Never,
    mend: "The service behind the route did not answer in its time. What was asked may have been done: look before asking again. \
           The time is 'timeoutSeconds' of the route.",
};

/// The address is not one that the operator allows.
pub(super) static ADDRESS_FORBIDDEN: CodeRow = CodeRow::of_caller(
    "address_forbidden",
    403,
    "The address is not one of the public internet. The operator allows private networks by 'outside.private_networks'.",
);

/// A request goes in a circle.
pub(super) static GATEWAY_LOOP: CodeRow = CodeRow::of_caller(
    "gateway_loop",
    508,
    "The request came back to the gateway that had passed it on. Let the route lead to the service itself.",
);

/// All of them.
pub(super) static ALL: &[Code] = &[
    &NOT_EMPTY,
    &BACKUP_DAMAGED,
    &BACKUP_LOCKED,
    &BACKUP_TOO_NEW,
    &BACKUP_BUSY,
    &RESTORE_RUNNING,
    &ROLL_BACK_STOPPED,
    &SERVICE_UNAVAILABLE,
    &UPSTREAM_FAILED,
    &UPSTREAM_TIMEOUT,
    &ADDRESS_FORBIDDEN,
    &GATEWAY_LOOP,
];
