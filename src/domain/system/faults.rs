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

/// All of them.
pub(super) static ALL: &[Code] = &[&NOT_EMPTY, &BACKUP_DAMAGED, &BACKUP_TOO_NEW, &BACKUP_BUSY];
