//! The one thread that writes. It takes everything that waits, gives each caller a savepoint of its own, commits all with
//! one sync to disk, and answers all: many callers share the price of one sync.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::{OrFault as _, closing, store_fault};
use crate::port::store::StoreFault;

/// Callers that share one commit at most.
const GROUP: usize = 256;

/// Hands work to the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    messages: Sender<Message>,
    waiting: Arc<AtomicUsize>,
    thread: std::sync::Mutex<Option<JoinHandle<()>>>,
}

enum Message {
    /// Runs within a transaction that is shared with other callers.
    Shared(Box<dyn Task>),
    /// Runs outside every transaction.
    Alone(Box<dyn FnOnce(&mut Connection) + Send>),
    Stop,
}

/// A caller's work: runs in a savepoint and is answered after the commit.
trait Task: Send {
    /// A fault means that the caller's own savepoint must be undone; nobody else is touched.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreFault>;
    fn answer(self: Box<Self>, committed: Result<(), StoreFault>);
}

struct Call<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, StoreFault>>,
    reply: oneshot::Sender<Result<T, StoreFault>>,
}

impl<T, F> Task for Call<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StoreFault> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreFault> {
        let outcome = self.work.take().map_or_else(|| Err(closing()), |work| work(connection));
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
    pub(super) fn start(connection: Connection) -> Result<Self, StoreFault> {
        let (messages, receiver) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&waiting);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write(connection, &receiver, &counted))
            .map_err(|error| StoreFault::Unavailable(format!("the writing thread cannot start: {error}")))?;
        Ok(Self { messages, waiting, thread: std::sync::Mutex::new(Some(thread)) })
    }

    /// Runs work in a transaction and returns when it is on disk.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreFault> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Shared(Box::new(Call { work: Some(work), outcome: None, reply })))?;
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
        self.waiting.load(Ordering::Relaxed)
    }

    /// Lets the thread finish what waits and end; later work is refused. Returns when it has ended.
    pub(super) fn stop(&self) {
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = self.send(Message::Stop);
            let _ = thread.join();
        }
    }

    fn send(&self, message: Message) -> Result<(), StoreFault> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.messages.send(message).map_err(|_| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            closing()
        })
    }
}

fn write(mut connection: Connection, messages: &Receiver<Message>, waiting: &AtomicUsize) {
    let mut group: Vec<Box<dyn Task>> = Vec::with_capacity(GROUP);
    while let Ok(first) = messages.recv() {
        let mut next = Some(first);
        let mut after = None;
        while let Some(message) = next.take() {
            waiting.fetch_sub(1, Ordering::Relaxed);
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
        if !group.is_empty() {
            commit_group(&connection, &mut group);
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

fn commit_group(connection: &Connection, group: &mut Vec<Box<dyn Task>>) {
    let committed = run_group(connection, group);
    if committed.is_err() && !connection.is_autocommit() {
        let _ = connection.execute_batch("ROLLBACK");
    }
    for task in group.drain(..) {
        task.answer(committed.clone());
    }
}

fn run_group(connection: &Connection, group: &mut [Box<dyn Task>]) -> Result<(), StoreFault> {
    execute(connection, "BEGIN IMMEDIATE")?;
    for task in group {
        execute(connection, "SAVEPOINT caller")?;
        if let Err(refused) = task.run(connection) {
            // A full disk can make SQLite undo the whole transaction by itself: then nobody's work is left.
            if connection.is_autocommit() {
                return Err(refused);
            }
            execute(connection, "ROLLBACK TO caller")?;
        }
        execute(connection, "RELEASE caller")?;
    }
    execute(connection, "COMMIT")
}

fn execute(connection: &Connection, statement: &str) -> Result<(), StoreFault> {
    let mut statement = connection.prepare_cached(statement).or_fault()?;
    statement.execute([]).map(|_| ()).map_err(|error| store_fault(&error))
}
