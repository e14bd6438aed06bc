//! The call that is running here: what is logged meanwhile is of it.

use crate::kernel::id::CallId;
use crate::kernel::trace::TraceContext;

tokio::task_local! {
    static CURRENT: Current;
}

/// A running call.
#[derive(Debug, Clone, Copy)]
pub struct Current {
    /// Its request.
    pub request: CallId,
    /// Its place in a trace.
    pub trace: Option<TraceContext>,
}

impl Current {
    /// The call that runs here, if any.
    #[must_use]
    pub fn get() -> Option<Self> {
        CURRENT.try_with(|current| *current).ok()
    }

    /// Runs work as a part of the call. A task of its own that the work begins is none.
    pub async fn over<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }
}
