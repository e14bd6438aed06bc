//! Forgetting: instances of services that were not heard of for long are taken out of the registry.

use crate::capability::cx::store_fault;
use crate::capability::platform::Platform;
use crate::domain::system::model::instance::Instance;
use crate::kernel::fault::Fault;
use crate::port::records::{Comparison, Document as _, Filter, Query, Scalar, Scope};
use crate::port::store::{Batch, Conflict, Expect, Step, StoreFault};

/// So many go in one round.
const MOST: u32 = 500;

/// Forgets instances whose time is over; answers how many.
///
/// # Errors
/// When the store fails.
pub async fn forget_silent(platform: &Platform) -> Result<usize, Fault> {
    let now = platform.clock.now();
    let over = Filter::Compare("forgetAt", Comparison::AtMost, Scalar::Time(now));
    let query = Query { filter: over, order: "id", descending: false, after: None, limit: MOST };
    let mut gone = 0;
    for record in platform.store.find(Scope::Platform, Instance::KIND, query).await.map_err(store_fault)? {
        let step = Step::Remove { kind: Instance::KIND, id: record.id, expect: Expect::Revision(record.revision) };
        match platform.store.commit(vec![Batch { tenant: record.tenant, at: now, steps: vec![step] }]).await {
            Ok(_) => gone += 1,
            // It was heard of just now.
            Err(StoreFault::Conflict(Conflict::Changed { .. })) => {}
            Err(fault) => return Err(store_fault(fault)),
        }
    }
    Ok(gone)
}
