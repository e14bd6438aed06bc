//! The one thread that writes. It takes everything that waits, writes it in one transaction, commits all with one sync to disk,
//! and answers all: many callers share the price of one sync. Nearly always nobody is refused; so all write as one at first,
//! and only when somebody is refused is that taken back and done again with a savepoint for each, which cost pages copied
//! and full text flushed for every caller.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::ahead::Ahead;
use super::fault::{OrFault as _, closing, store_fault};
use crate::port::store::{Frozen, StoreFault};

/// Callers that share one commit at most.
const GROUP: usize = 256;

/// Where so many shared the last commit, many more are on their way: then it is worth waiting for them a moment, less than a
/// sync to disk takes. What a commit writes is for the most part the same pages for few callers and for many, and whoever
/// comes meanwhile wakes nobody.
const CROWD: usize = 8;
const MOMENT: Duration = Duration::from_millis(2);

/// Whether a store that failed can write again is tried at most so often.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Hands work to the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    messages: Sender<Message>,
    condition: Arc<Condition>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// How the thread is doing, as everybody sees it.
#[derive(Debug, Default)]
struct Condition {
    waiting: AtomicUsize,
    frozen: AtomicBool,
    failed: Mutex<Option<StoreFault>>,
    probed: Mutex<Option<Instant>>,
}

impl Condition {
    fn note(&self, failed: Option<StoreFault>) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    }
}

/// As long as this lives, nothing is written.
struct Freeze(Arc<Condition>);

impl Drop for Freeze {
    fn drop(&mut self) {
        self.0.frozen.store(false, Ordering::SeqCst);
    }
}

enum Message {
    /// Runs within a transaction that is shared with other callers.
    Shared(Box<dyn Task>),
    /// Runs outside every transaction.
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
    Stop,
}

/// A caller's work: answered after the commit.
trait Task: Send {
    /// Can be run again after what it wrote was taken back. A fault means that what it wrote must be undone; nobody else is
    /// touched.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreFault>;
    fn answer(self: Box<Self>, committed: Result<(), StoreFault>);
}

struct Call<T, F> {
    work: F,
    outcome: Option<Result<T, StoreFault>>,
    reply: oneshot::Sender<Result<T, StoreFault>>,
}

impl<T, F> Task for Call<T, F>
where
    T: Send,
    F: Fn(&Connection) -> Result<T, StoreFault> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreFault> {
        let outcome = (self.work)(connection);
        let ran = outcome.as_ref().map(|_| ()).map_err(StoreFault::clone);
        self.outcome = Some(outcome);
        ran
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreFault>) {
        let answer = match (self.outcome, committed) {
            // A refusal was found before the commit and holds whatever became of it.
            (Some(Err(refused)), _) => Err(refused),
            (_, Err(failed)) => Err(failed),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(closing()),
        };
        // A caller that went away needs no answer.
        let _ = self.reply.send(answer);
    }
}

impl Writer {
    /// Starts the thread, which owns the connection from now on.
    pub(super) fn start(connection: Connection, ahead: Ahead) -> Result<Self, StoreFault> {
        let (messages, receiver) = mpsc::channel();
        let condition = Arc::new(Condition::default());
        let shared = Arc::clone(&condition);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write(connection, ahead, &receiver, &shared))
            .map_err(|error| StoreFault::Unavailable(format!("the writing thread cannot start: {error}")))?;
        Ok(Self { messages, condition, thread: Mutex::new(Some(thread)) })
    }

    /// Runs work in a transaction and returns when it is on disk. The work may be run again after it was taken back.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Shared(Box::new(Call { work, outcome: None, reply })))?;
        answer.await.unwrap_or_else(|_| Err(closing()))
    }

    /// Runs work outside every transaction, between two commits.
    pub(super) async fn alone<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Alone(Box::new(move |connection| {
            let _ = reply.send(work(connection));
        })))?;
        answer.await.unwrap_or_else(|_| Err(closing()))
    }

    /// Callers whose work waits to be written.
    pub(super) fn waiting(&self) -> usize {
        self.condition.waiting.load(Ordering::Relaxed)
    }

    /// What keeps it from writing: that its thread has ended, or why the last commit failed.
    pub(super) fn failed(&self) -> Option<StoreFault> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return Some(StoreFault::Unavailable("the writing thread has ended".to_owned()));
        }
        self.condition.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes what is there already, to learn whether it can write again. Everybody may ask how the store is doing, and a write
    /// costs a sync: soon after one it does nothing.
    pub(super) async fn probe(&self) {
        {
            let mut probed = self.condition.probed.lock().unwrap_or_else(PoisonError::into_inner);
            if probed.is_some_and(|last| last.elapsed() < PROBE_EVERY) {
                return;
            }
            *probed = Some(Instant::now());
        }
        let condition = Arc::clone(&self.condition);
        let probed = self.alone(move |connection| {
            let number: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).or_fault()?;
            let written = connection.pragma_update(None, "user_version", number).or_fault();
            condition.note(written.err());
            Ok(())
        });
        // What stands in the way is noted.
        let _ = probed.await;
    }

    /// Refuses every write until what it answers is dropped. When it returns, no earlier one is under way.
    pub(super) async fn freeze(&self) -> Result<Frozen, StoreFault> {
        if self.condition.frozen.swap(true, Ordering::SeqCst) {
            return Err(restoring());
        }
        let frozen = Freeze(Arc::clone(&self.condition));
        self.alone(|_| Ok(())).await?;
        Ok(Box::new(frozen))
    }

    /// Lets the thread finish what waits and end; later work is refused. Returns when it has ended.
    pub(super) fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = self.send(Message::Stop);
            let _ = thread.join();
        }
    }

    fn send(&self, message: Message) -> Result<(), StoreFault> {
        self.condition.waiting.fetch_add(1, Ordering::Relaxed);
        self.messages.send(message).map_err(|_| {
            self.condition.waiting.fetch_sub(1, Ordering::Relaxed);
            closing()
        })
    }
}

/// The answer to whoever writes while everything is being replaced.
fn restoring() -> StoreFault {
    StoreFault::Unavailable("everything is being replaced by a copy".to_owned())
}

fn write(mut connection: Connection, mut ahead: Ahead, messages: &Receiver<Message>, condition: &Condition) {
    let mut group: Vec<Box<dyn Task>> = Vec::with_capacity(GROUP);
    let mut crowded = false;
    while let Ok(first) = messages.recv() {
        if crowded {
            std::thread::sleep(MOMENT);
        }
        let mut next = Some(first);
        let mut after = None;
        while let Some(message) = next.take() {
            condition.waiting.fetch_sub(1, Ordering::Relaxed);
            match message {
                Message::Shared(task) => group.push(task),
                other @ (Message::Alone(_) | Message::Stop) => {
                    after = Some(other);
                    break;
                }
            }
            if group.len() < GROUP {
                next = messages.try_recv().ok();
            }
        }
        crowded = group.len() >= CROWD;
        if !group.is_empty() {
            if condition.frozen.load(Ordering::SeqCst) {
                group.drain(..).for_each(|task| task.answer(Err(restoring())));
            } else {
                commit_group(&connection, &mut group, condition);
                ahead.take_in(&connection);
            }
        }
        match after {
            Some(Message::Alone(work)) => work(&mut connection),
            Some(Message::Stop) => break,
            Some(Message::Shared(_)) | None => {}
        }
    }
    // Best effort: what is in the write-ahead log is on disk already and is taken in at the next opening.
    let _ = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
}

fn commit_group(connection: &Connection, group: &mut Vec<Box<dyn Task>>, condition: &Condition) {
    let mut full = None;
    let committed = run_group(connection, group, &mut full);
    if committed.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    condition.note(committed.clone().err().or(full));
    for task in group.drain(..) {
        task.answer(committed.clone());
    }
}

fn run_group(
    connection: &Connection,
    group: &mut [Box<dyn Task>],
    full: &mut Option<StoreFault>,
) -> Result<(), StoreFault> {
    execute(connection, "BEGIN IMMEDIATE")?;
    if group.iter_mut().all(|task| task.run(connection).is_ok()) {
        return execute(connection, "COMMIT");
    }
    // A full disk can make SQLite undo the whole transaction by itself.
    if !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    execute(connection, "BEGIN IMMEDIATE")?;
    for task in group {
        execute(connection, "SAVEPOINT caller")?;
        if let Err(refused) = task.run(connection) {
            // Then nobody's work is left.
            if connection.is_autocommit() {
                return Err(refused);
            }
            execute(connection, "ROLLBACK TO caller")?;
            if refused == StoreFault::Full {
                *full = Some(refused);
            }
        }
        execute(connection, "RELEASE caller")?;
    }
    execute(connection, "COMMIT")
}

fn execute(connection: &Connection, statement: &str) -> Result<(), StoreFault> {
    let mut statement = connection.prepare_cached(statement).or_fault()?;
    statement.execute([]).map(|_| ()).map_err(|error| store_fault(&error))
}
