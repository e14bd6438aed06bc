//! How many training sets and retraining jobs a tenant may have.

use super::faults::{TOO_MANY_DATASETS, TOO_MANY_JOBS};
use crate::capability::cx::Cx;
use crate::kernel::fault::Fault;

/// The most training sets of a tenant.
const MOST_DATASETS: u32 = 1_000;
/// The most retraining jobs of a tenant, those that are over included.
const MOST_JOBS: u32 = 10_000;

/// Counts a new training set against what the tenant may have.
///
/// # Errors
/// `too_many_datasets`.
pub(super) async fn room_for_dataset(cx: &Cx) -> Result<(), Fault> {
    cx.room_for_one("datasets", MOST_DATASETS, "training sets", &TOO_MANY_DATASETS).await
}

/// Counts a new job against what the tenant may have.
///
/// # Errors
/// `too_many_retraining_jobs`.
pub(super) async fn room_for_job(cx: &Cx) -> Result<(), Fault> {
    cx.room_for_one("retraining_jobs", MOST_JOBS, "retraining jobs", &TOO_MANY_JOBS).await
}
