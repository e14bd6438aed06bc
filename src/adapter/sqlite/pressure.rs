//! What the writer and the readers know of each other. The write-ahead log can be taken into the database and begun again
//! only at a moment when no reader needs it: where readers overlap without end, that moment must be made.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Shared by the writer and all readers of a store.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    hurried: AtomicBool,
    snapshots: AtomicUsize,
}

/// Counts a copy for as long as it is made.
pub(super) struct Snapshot<'a>(&'a Pressure);

impl Pressure {
    /// Asks long reads to end, or no more.
    pub(super) fn hurry(&self, hurried: bool) {
        self.hurried.store(hurried, Ordering::SeqCst);
    }

    /// Whether long reads must end.
    pub(super) fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::SeqCst)
    }

    /// A copy of everything is made from one snapshot: the log must be kept until it is over.
    pub(super) fn snapshot(&self) -> Snapshot<'_> {
        self.snapshots.fetch_add(1, Ordering::SeqCst);
        Snapshot(self)
    }

    /// Whether a copy is being made.
    pub(super) fn is_copied(&self) -> bool {
        self.snapshots.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        self.0.snapshots.fetch_sub(1, Ordering::SeqCst);
    }
}
