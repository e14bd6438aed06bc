//! What can go wrong with backups.

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

/// All of them.
pub(super) static ALL: &[Code] =
    &[&NOT_EMPTY, &BACKUP_DAMAGED, &BACKUP_TOO_NEW, &BACKUP_BUSY, &RESTORE_RUNNING, &ROLL_BACK_STOPPED];
