//! The connections that read: at most so many, each used by one read at a time. One that broke is replaced.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::Row;

use super::cell::Cell;
use super::fault::{OrFault as _, closing, is_lost, store_fault};
use super::link::{Link, answered};
use super::server::Server;
use crate::port::records::Scope;
use crate::port::store::StoreFault;

/// Connections that read.
pub(super) struct Pool {
    server: Arc<Server>,
    places: Semaphore,
    idle: Mutex<Vec<Link>>,
    closed: AtomicBool,
}

/// A connection in use.
pub(super) struct Held<'a> {
    pool: &'a Pool,
    link: Option<Link>,
    /// It goes when it is let go: something was begun on it.
    spent: bool,
    _place: SemaphorePermit<'a>,
}

impl Pool {
    /// At most so many connections, made when they are needed.
    pub(super) fn new(server: Arc<Server>, most: usize) -> Self {
        let (places, idle) = (Semaphore::new(most.max(1)), Mutex::default());
        Self { server, places, idle, closed: AtomicBool::new(false) }
    }

    /// A connection for as long as it is held.
    pub(super) async fn get(&self) -> Result<Held<'_>, StoreFault> {
        let place = self.places.acquire().await.map_err(|_| closing())?;
        let link = loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some(link) if link.is_good() => break link,
                Some(_) => {}
                None => break Link::new(self.server.connect().await?),
            }
        };
        Ok(Held { pool: self, link: Some(link), spent: false, _place: place })
    }

    /// Rows of a statement within a scope.
    pub(super) async fn read(&self, scope: Scope, text: &str, cells: Vec<Cell>) -> Result<Vec<Row>, StoreFault> {
        self.read_after(scope, None, text, cells).await
    }

    /// Rows of a statement within a scope, after another statement. A read that lost its connection is made once more on
    /// another.
    pub(super) async fn read_after(
        &self,
        scope: Scope,
        first: Option<&str>,
        text: &str,
        cells: Vec<Cell>,
    ) -> Result<Vec<Row>, StoreFault> {
        let mut held = self.get().await?;
        let error = match answered(scope, held.link()?.read_after(scope, first, text, cells.clone())).await? {
            Ok(rows) => return Ok(rows),
            Err(error) => error,
        };
        if !is_lost(&error) {
            return Err(store_fault(&error));
        }
        // The others went the same way.
        self.clear();
        held.link = Some(Link::new(self.server.connect().await?));
        answered(scope, held.link()?.read_after(scope, first, text, cells)).await?.or_fault()
    }

    /// Lets go of connections that nobody uses.
    pub(super) fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Ends it: whoever comes later is told so.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.places.close();
        self.clear();
    }
}

impl Held<'_> {
    /// The connection.
    pub(super) fn link(&mut self) -> Result<&mut Link, StoreFault> {
        self.link.as_mut().ok_or_else(closing)
    }

    /// Lets nobody else have it, unless it is kept later.
    pub(super) fn spend(&mut self) {
        self.spent = true;
    }

    /// Nothing is left open on it.
    pub(super) fn keep(&mut self) {
        self.spent = false;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(link) = self.link.take().filter(Link::is_good)
            && !self.spent
            && !self.pool.closed.load(Ordering::Acquire)
        {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        }
    }
}
