//! Connections that only read. A point read takes microseconds and runs on the calling thread; everything else runs on
//! the threads for blocking work, a bounded number at a time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::fault::closing;
use super::open;
use crate::port::store::StoreFault;

/// A pool of reading connections, opened when they are needed.
#[derive(Debug)]
pub(super) struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
    keep: usize,
    gate: Semaphore,
    closed: AtomicBool,
}

impl Readers {
    /// A pool on a file that keeps at most so many connections.
    pub(super) fn new(file: PathBuf, keep: usize) -> Self {
        Self { file, idle: Mutex::new(Vec::new()), keep, gate: Semaphore::new(keep), closed: AtomicBool::new(false) }
    }

    /// Reads on the calling thread.
    pub(super) fn inline<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreFault>) -> Result<T, StoreFault> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(closing());
        }
        let pooled = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => open::reader(&self.file)?,
        };
        let answer = read(&connection);
        if connection.is_autocommit() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < self.keep && !self.closed.load(Ordering::SeqCst) {
                idle.push(connection);
            }
        }
        answer
    }

    /// Reads on a thread for blocking work.
    pub(super) async fn run<T, F>(self: &Arc<Self>, read: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        let _permit = self.gate.acquire().await.map_err(|_| closing())?;
        let readers = Arc::clone(self);
        tokio::task::spawn_blocking(move || readers.inline(read))
            .await
            .map_err(|error| StoreFault::Broken(format!("a read ended early: {error}")))?
    }

    /// Refuses later reads and closes the connections that nobody uses.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.clear();
    }

    /// Closes the connections that nobody uses.
    pub(super) fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
