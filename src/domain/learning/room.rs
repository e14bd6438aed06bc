//! How many training sets and retraining jobs a tenant may have.

use super::faults::{TOO_MANY_DATASETS, TOO_MANY_JOBS};
use crate::capability::cx::{Cx, store_fault};
use crate::kernel::codes::Code;
use crate::kernel::fault::Fault;
use crate::port::records::Scope;

/// The most training sets of a tenant.
const MOST_DATASETS: u32 = 1_000;
/// The most retraining jobs of a tenant, those that are over included.
const MOST_JOBS: u32 = 10_000;

/// Counts a new training set against what the tenant may have.
///
/// # Errors
/// `too_many_datasets`.
pub(super) async fn room_for_dataset(cx: &Cx) -> Result<(), Fault> {
    room_for_one(cx, "datasets", MOST_DATASETS, "training sets", &TOO_MANY_DATASETS).await
}

/// Counts a new job against what the tenant may have.
///
/// # Errors
/// `too_many_retraining_jobs`.
pub(super) async fn room_for_job(cx: &Cx) -> Result<(), Fault> {
    room_for_one(cx, "retraining_jobs", MOST_JOBS, "retraining jobs", &TOO_MANY_JOBS).await
}

async fn room_for_one(cx: &Cx, counter: &'static str, most: u32, what: &str, full: Code) -> Result<(), Fault> {
    let most = i64::from(most);
    let have = cx.platform().store.counter(Scope::Tenant(cx.tenant()), counter, "").await.map_err(store_fault)?;
    if have >= most {
        return Err(Fault::new(full, format!("the tenant has {have} {what} and may have {most}")));
    }
    cx.count(counter, String::new(), 1, Some(most));
    Ok(())
}
