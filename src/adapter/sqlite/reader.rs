//! Connections that only read. Nearly every read takes microseconds, less than to hand it to another thread: it is tried on the
//! calling thread. One that has not ended after some thousand steps begins anew on the threads for blocking work, a bounded
//! number at a time, of each tenant only a share of that. Such a read is watched: it ends when nobody waits for it any more,
//! when it has looked at more than one read may, and when it has long kept the writer from taking in its log.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::{OrFault as _, closing};
use super::open;
use super::pressure::Pressure;
use crate::kernel::id::TenantId;
use crate::kernel::tasks;
use crate::port::records::Scope;
use crate::port::store::StoreFault;

/// Steps of SQLite's machine between two looks at a read.
const LOOK_EVERY: i32 = 10_000;

/// Reads that have run for so long end when the writer must take in its log.
const LONG: Duration = Duration::from_millis(500);

/// Tenants' shares are forgotten beyond so many, unless they are in use.
const SHARES: usize = 1024;

/// A pool of reading connections, opened when they are needed.
#[derive(Debug)]
pub(super) struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Pooled>>,
    keep: usize,
    room: Arc<Semaphore>,
    /// Of the room, what each tenant may take.
    shares: DashMap<TenantId, Arc<Semaphore>>,
    share: usize,
    /// Steps that a read within a tenant may take.
    most_steps: u64,
    pressure: Arc<Pressure>,
    closed: AtomicBool,
}

/// A connection with the place where the read that it is used for is looked after.
#[derive(Debug)]
struct Pooled {
    connection: Connection,
    watched: Arc<Mutex<Option<Watched>>>,
}

/// A read that runs.
#[derive(Debug)]
struct Watched {
    watch: Arc<Watch>,
    began: Instant,
    steps_left: u64,
}

/// Between a read and whoever waits for it.
#[derive(Debug, Default)]
struct Watch {
    called_off: AtomicBool,
    cut: Mutex<Option<StoreFault>>,
}

impl Watch {
    fn cut(&self, why: StoreFault) -> bool {
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        true
    }
}

/// Calls a read off when nobody waits for it any more.
struct CallOff(Arc<Watch>);

impl Drop for CallOff {
    fn drop(&mut self) {
        self.0.called_off.store(true, Ordering::SeqCst);
    }
}

impl Readers {
    /// A pool on a file that keeps at most so many connections.
    pub(super) fn new(file: PathBuf, keep: usize, most_steps: u64, pressure: Arc<Pressure>) -> Self {
        Self {
            file,
            idle: Mutex::new(Vec::new()),
            keep,
            room: Arc::new(Semaphore::new(keep)),
            shares: DashMap::new(),
            share: keep.div_ceil(2),
            most_steps,
            pressure,
            closed: AtomicBool::new(false),
        }
    }

    /// Reads on the calling thread.
    pub(super) fn inline<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreFault>) -> Result<T, StoreFault> {
        self.with(None, read)
    }

    fn with<T>(
        &self,
        watched: Option<Watched>,
        read: impl FnOnce(&Connection) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        let pooled = self.lend(watched)?;
        let answer = read(&pooled.connection);
        self.take_back(pooled);
        answer
    }

    fn lend(&self, watched: Option<Watched>) -> Result<Pooled, StoreFault> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(closing());
        }
        let pooled = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let pooled = match pooled {
            Some(pooled) => pooled,
            None => self.open()?,
        };
        *pooled.watched.lock().unwrap_or_else(PoisonError::into_inner) = watched;
        Ok(pooled)
    }

    fn take_back(&self, pooled: Pooled) {
        *pooled.watched.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if pooled.connection.is_autocommit() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < self.keep && !self.closed.load(Ordering::SeqCst) {
                idle.push(pooled);
            }
        }
    }

    fn open(&self) -> Result<Pooled, StoreFault> {
        let mut connection = open::reader(&self.file)?;
        let watched = Arc::new(Mutex::new(None));
        let (read, pressure) = (Arc::clone(&watched), Arc::clone(&self.pressure));
        let look = move || {
            read.lock().unwrap_or_else(PoisonError::into_inner).as_mut().is_some_and(|read| must_end(read, &pressure))
        };
        connection.progress_handler(LOOK_EVERY, Some(look)).or_fault()?;
        Ok(Pooled { connection, watched })
    }

    /// Reads on the calling thread, if that takes no longer than to the first look at it; otherwise anew on a thread for
    /// blocking work.
    pub(super) async fn read<T, F>(self: &Arc<Self>, scope: Scope, read: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        let watch = Arc::new(Watch::default());
        let watched = Watched { watch: Arc::clone(&watch), began: Instant::now(), steps_left: 0 };
        let answer = self.with(Some(watched), &read);
        match watch.cut.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => return answer,
            Some(StoreFault::TooMuch) => {}
            Some(why) => return Err(why),
        }
        self.run(scope, read).await
    }

    /// Reads on a thread for blocking work. Within a tenant a read takes of the tenant's share, and looks at no more than one
    /// read may; over all tenants it is the program itself that reads.
    pub(super) async fn run<T, F>(self: &Arc<Self>, scope: Scope, read: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        let place = self.place(scope).await?;
        let steps_left = match scope {
            Scope::Tenant(_) => self.most_steps,
            Scope::Platform => u64::MAX,
        };
        let watch = Arc::new(Watch::default());
        let _waiting = CallOff(Arc::clone(&watch));
        let readers = Arc::clone(self);
        let reading = tasks::blocking(move || {
            // The place is the read's, not that of whoever waits for it.
            let _place = place;
            if watch.called_off.load(Ordering::SeqCst) {
                return Err(closing());
            }
            let watched = Watched { watch: Arc::clone(&watch), began: Instant::now(), steps_left };
            readers
                .with(Some(watched), read)
                .map_err(|fault| watch.cut.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(fault))
        });
        reading.await.unwrap_or_else(|| Err(StoreFault::Broken("a read ended early".to_owned())))
    }

    async fn place(&self, scope: Scope) -> Result<(Option<OwnedSemaphorePermit>, OwnedSemaphorePermit), StoreFault> {
        let share = match scope {
            Scope::Tenant(tenant) => {
                if self.shares.len() > SHARES {
                    self.shares.retain(|_, share| Arc::strong_count(share) > 1);
                }
                let share = self.shares.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(self.share))).clone();
                Some(share.acquire_owned().await.map_err(|_| closing())?)
            }
            Scope::Platform => None,
        };
        Ok((share, self.room.clone().acquire_owned().await.map_err(|_| closing())?))
    }

    /// Places that are taken.
    pub(super) fn under_way(&self) -> usize {
        self.keep.saturating_sub(self.room.available_permits())
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

/// Looks at a read: whether it must end now.
fn must_end(read: &mut Watched, pressure: &Pressure) -> bool {
    if read.watch.called_off.load(Ordering::SeqCst) {
        return read.watch.cut(closing());
    }
    read.steps_left = read.steps_left.saturating_sub(LOOK_EVERY.unsigned_abs().into());
    if read.steps_left == 0 {
        return read.watch.cut(StoreFault::TooMuch);
    }
    if pressure.is_hurried() && read.began.elapsed() > LONG {
        let why = "a long read was ended: the write-ahead log had grown and could not be taken in meanwhile";
        return read.watch.cut(StoreFault::Unavailable(why.to_owned()));
    }
    false
}
