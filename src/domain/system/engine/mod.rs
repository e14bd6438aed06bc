//! What the system's capabilities stand on: the ring of log lines, the process's own figures and their history, the shelf of
//! backups, the gateway, the instances of the installation.

pub(super) mod backing;
pub(super) mod fleet;
pub(super) mod forgetting;
pub(super) mod gateway;
pub(super) mod keys;
pub(super) mod lead;
pub(super) mod making;
pub(super) mod manifest;
pub(super) mod monitor;
pub(super) mod opened;
pub(super) mod pack;
pub(super) mod process;
pub(super) mod restoring;
pub(super) mod ring;
pub(super) mod shelf;
pub(super) mod tombstones;
