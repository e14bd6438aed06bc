//! Work on what was leased of a queue, while the lease is kept.

use std::time::Duration;

use super::platform::Platform;
use crate::port::queue::Lease;

/// Does the work and makes the lease last meanwhile, each time for as long as is said; none when another has it: what was under way is left then.
pub async fn while_kept<T>(
    platform: &Platform,
    lease: &Lease,
    lasts: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let keeping = async {
        loop {
            // Two can fail before it is over.
            tokio::time::sleep(lasts / 3).await;
            match platform.store.extend(lease, platform.clock.now().plus(lasts)).await {
                Ok(true) | Err(_) => {}
                Ok(false) => return,
            }
        }
    };
    tokio::select! {
        done = Box::pin(work) => Some(done),
        () = keeping => None,
    }
}
