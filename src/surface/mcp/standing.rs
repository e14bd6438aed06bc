//! The rights of who holds something open, as they change. A stream may live for days: a key that is revoked meanwhile must not
//! hear on, and who may more or less than before is shown another list.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::capability::caller::Caller;
use crate::capability::gate::Gate;

/// What runs out by the clock is noticed after so long.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// A caller and what becomes of them.
pub(super) struct Standing {
    gate: Arc<Gate>,
    caller: Arc<Caller>,
    changes: watch::Receiver<u64>,
}

impl Standing {
    pub(super) fn new(gate: Arc<Gate>, caller: Arc<Caller>) -> Self {
        let changes = gate.platform().authority_changes();
        Self { gate, caller, changes }
    }

    /// Returns when the caller has other rights, with the caller of now; `None` when there is none such any more. What is
    /// broken off loses nothing: it looks before it waits.
    pub(super) async fn changed(&mut self) -> Option<Arc<Caller>> {
        loop {
            self.changes.mark_unchanged();
            match self.gate.callers().refresh(self.gate.platform(), &self.caller).await {
                Ok(now) if Arc::ptr_eq(&now, &self.caller) => {}
                Ok(now) => {
                    self.caller = now.clone();
                    return Some(now);
                }
                Err(fault) if fault.code().status == 401 => return None,
                // The store could not be asked: the next look may be luckier.
                Err(fault) => tracing::debug!(%fault, "a caller could not be looked at"),
            }
            // The count ends with the program only.
            let _ = tokio::time::timeout(LOOK_EVERY, self.changes.changed()).await;
        }
    }

    /// Returns when the caller is none any more.
    pub(super) async fn gone(mut self) {
        while self.changed().await.is_some() {}
    }
}
