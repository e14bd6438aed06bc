//! Work beside the caller. What the runtime compiles for a task it compiles for each type of work; through here all work is
//! of one type.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

/// Work of any kind.
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Begins work that nobody waits for, or only for its end.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    let work: Work = Box::pin(work);
    tokio::spawn(work)
}

/// Runs what waits for the disk on a thread that nobody else waits for. `None` when it panicked.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let answer = Answer::default();
    let told = answer.clone();
    let work: Box<dyn FnOnce() + Send> = Box::new(move || told.give(work()));
    tokio::task::spawn_blocking(work).await.ok()?;
    answer.take()
}

/// Where work leaves its answer.
pub struct Answer<T>(Arc<Mutex<Option<T>>>);

impl<T> Default for Answer<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Answer<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Answer<T> {
    /// Leaves it.
    pub fn give(&self, answer: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    /// Takes it; `None` where none was left.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_answers_unless_it_panics() {
        assert_eq!(blocking(|| 7).await, Some(7));
        assert_eq!(blocking(|| -> u8 { std::panic::panic_any("on purpose") }).await, None);
        let answer = Answer::default();
        let told = answer.clone();
        spawn(async move { told.give("done") }).await.unwrap();
        assert_eq!((answer.take(), answer.take()), (Some("done"), None));
    }
}
