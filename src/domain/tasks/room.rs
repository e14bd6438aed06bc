//! How many tasks a tenant may have.

use super::faults::TOO_MANY_TASKS;
use crate::capability::cx::Cx;
use crate::kernel::fault::Fault;

/// The most tasks of a tenant, those that are over included.
const MOST_TASKS: u32 = 5_000_000;

/// Counts a new task against what the tenant may have.
///
/// # Errors
/// `too_many_tasks`.
pub(super) async fn room_for_task(cx: &Cx) -> Result<(), Fault> {
    cx.room_for_one("tasks", MOST_TASKS, "tasks", &TOO_MANY_TASKS).await
}
