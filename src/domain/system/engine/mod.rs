//! What the system's capabilities stand on: the ring of log lines, the process's own figures, the shelf of backups.

pub(super) mod manifest;
pub(super) mod process;
pub(super) mod restoring;
pub(super) mod ring;
pub(super) mod shelf;
