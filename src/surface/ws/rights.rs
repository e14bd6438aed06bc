//! Who a connection speaks for, asked anew all the time: a key that is revoked or has expired ends it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::outbox::{Outbox, REFUSED};
use crate::capability::caller::Caller;
use crate::capability::gate::Gate;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, Id};

/// So often a change of rights is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who a connection speaks for.
pub(super) struct Rights {
    pub(super) gate: Arc<Gate>,
    pub(super) address: Option<IpAddr>,
    caller: Mutex<Arc<Caller>>,
}

impl Rights {
    pub(super) fn new(gate: Arc<Gate>, address: Option<IpAddr>, caller: Arc<Caller>) -> Self {
        Self { gate, address, caller: Mutex::new(caller) }
    }

    /// The caller with the rights of now. The credential was proved once: looking again is no attempt at guessing and is not
    /// counted as one. What could not be looked up is looked up again the next time.
    pub(super) async fn caller(&self) -> Result<Arc<Caller>, Fault> {
        let held = self.caller.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = self.gate.callers().refresh(self.gate.platform(), &held).await?;
        if !Arc::ptr_eq(&held, &now) {
            *self.caller.lock().unwrap_or_else(PoisonError::into_inner) = now.clone();
        }
        Ok(now)
    }

    pub(super) fn new_id(&self) -> CallId {
        Id::new(self.gate.platform().clock.now())
    }

    /// Ends the connection once its caller is none any more.
    pub(super) async fn watch(&self, outbox: &Outbox) {
        loop {
            tokio::select! {
                () = outbox.ended().cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            match self.caller().await {
                Err(fault) if is_refusal(&fault) => return outbox.cut(REFUSED),
                Err(fault) => tracing::warn!(?fault, "a connection's rights could not be looked up"),
                Ok(_) => {}
            }
        }
    }
}

/// Whether a fault says that a caller is not let in, and not merely that it could not be found out.
pub(super) fn is_refusal(fault: &Fault) -> bool {
    matches!(fault.code().status, 401 | 403)
}
