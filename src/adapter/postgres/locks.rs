//! The advisory locks of a database, which the instances on it share. The first number of each is this program's.

/// Begins every transaction that writes: whether it may. The lock is one that all writers share and a freeze takes alone.
pub(super) const GUARD: &str = "SELECT pg_try_advisory_xact_lock_shared(1129270853, 1)";

/// The same for a statement that goes out together with its commit: where a freeze is on, it fails by dividing by zero.
pub(super) const GUARD_OR_FAIL: &str = "SELECT 1 / pg_try_advisory_xact_lock_shared(1129270853, 1)::integer";

/// Comes before the first position that a transaction takes: its floor, in sight of readers until it ends. The key is the
/// last position that was given, under a number that is this program's.
pub(super) const POSITIONS: &str =
    "SELECT pg_advisory_xact_lock_shared((67::bigint << 56) + last_value) FROM positions";

/// One freezes at a time.
pub(super) const FREEZER: &str = "SELECT pg_try_advisory_lock(1129270853, 3)";

/// Waits for the writers there are and keeps others out.
pub(super) const FREEZE: &str = "SELECT pg_advisory_lock(1129270853, 1)";

/// One changes tables at a time.
pub(super) const SCHEMA: &str = "SELECT pg_advisory_xact_lock(1129270853, 2)";
