//! Background work by name. What panics is started again after a wait that grows; what is told to stop gets time to end.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::kernel::tasks::Work;

/// The first wait before work that panicked is started again.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Work that went on for so long counts as well again.
const WELL_AFTER: Duration = Duration::from_mins(1);

/// Keeps background work going.
#[derive(Debug, Clone, Default)]
pub struct Supervisor {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Supervisor {
    /// A supervisor of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that it is time to stop. Work is given this token; it ends by itself soon after the token is cancelled.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Keeps a piece of work going: it is made anew and started again when it panics, and is over when it returns.
    pub fn keep<F, W>(&self, name: &'static str, make: F)
    where
        F: Fn(CancellationToken) -> W + Send + Sync + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        self.keep_going(name, Box::new(move |stop| Box::pin(make(stop))));
    }

    fn keep_going(&self, name: &'static str, make: Box<dyn Fn(CancellationToken) -> Work + Send + Sync>) {
        let stop = self.stop.clone();
        // The handle is not needed: the tracker waits for the task.
        drop(self.tracker.spawn(async move {
            let mut wait = FIRST_WAIT;
            while !stop.is_cancelled() {
                let began = Instant::now();
                let Err(panic) = AssertUnwindSafe(make(stop.clone())).catch_unwind().await else { return };
                if began.elapsed() >= WELL_AFTER {
                    wait = FIRST_WAIT;
                }
                let text = panic.downcast_ref::<&str>().copied();
                let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
                tracing::error!(work = name, panic = text, "background work panicked and starts again");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }));
    }

    /// Tells all work to stop and waits for it within the limit; true when all of it ended.
    pub async fn stop(&self, limit: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        let ended = tokio::time::timeout(limit, self.tracker.wait()).await.is_ok();
        if !ended {
            tracing::warn!(left = self.tracker.len(), "background work did not end in time");
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn starts_again_what_panics_and_stops_what_waits() {
        let supervisor = Supervisor::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let counted = runs.clone();
        supervisor.keep("shaky", move |stop| {
            let (run, told) = (counted.fetch_add(1, Ordering::SeqCst), told.clone());
            async move {
                assert!(run > 0, "the first run fails");
                told.send(run).unwrap();
                stop.cancelled().await;
            }
        });
        assert_eq!(heard.recv().await, Some(1));
        assert!(supervisor.stop(Duration::from_secs(10)).await);
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }
}
