//! What is running here: what is logged meanwhile is of it, and what goes out meanwhile tells its place in a trace.

use super::id::CallId;
use super::trace::TraceContext;

tokio::task_local! {
    static CURRENT: Current;
}

/// A running call, or work without one that has a place in a trace.
#[derive(Debug, Clone, Copy, Default)]
pub struct Current {
    /// Its request, where it is a call.
    pub request: Option<CallId>,
    /// Its place in a trace.
    pub trace: Option<TraceContext>,
}

impl Current {
    /// What runs here, if anything.
    #[must_use]
    pub fn get() -> Option<Self> {
        CURRENT.try_with(|current| *current).ok()
    }

    /// The place in a trace of what runs here.
    #[must_use]
    pub fn trace() -> Option<TraceContext> {
        Self::get()?.trace
    }

    /// A part of what runs here that has a place of its own in a trace.
    #[must_use]
    pub fn part(trace: Option<TraceContext>) -> Self {
        Self { trace, ..Self::get().unwrap_or_default() }
    }

    /// Runs work as a part of it. A task of its own that the work begins is none.
    pub async fn over<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }
}
