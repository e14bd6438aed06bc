//! What a session's streams have told of late, so that a client whose connection broke hears the rest and nothing twice. Each
//! stream is read on also while nobody listens: an answer does not wait for the client to be back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use rmcp::transport::streamable_http_server::session::{EventStream, ServerSseMessage};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::calling::Length;

use crate::kernel::tasks;

/// What one session keeps, in bytes of its events.
const MOST_BYTES: usize = 4 << 20;
/// What all sessions keep together.
const MOST_IN_ALL: usize = 64 << 20;
const MOST_EVENTS: usize = 512;
/// Streams that have ended are kept for so long, and so many.
const KEEP: Duration = Duration::from_mins(2);
const MOST_ENDED: usize = 32;
const WAITING: usize = 16;
/// The stream that belongs to no request.
const COMMON: u64 = 0;
/// The id that the protocol's library gives to the beginning of a stream.
pub(super) const BEGINNING: &str = "0";

/// What all sessions keep together, in bytes.
#[derive(Clone, Default)]
pub(super) struct Spent(Arc<AtomicUsize>);

/// The journal of one session.
pub(super) struct Journal {
    book: Mutex<Book>,
    closed: CancellationToken,
}

struct Book {
    streams: BTreeMap<u64, Told>,
    next: u64,
    bytes: usize,
    spent: Spent,
}

/// One stream.
struct Told {
    events: VecDeque<Kept>,
    /// The number of the next event; the first is 1.
    next: u64,
    /// The last event that a listener was handed.
    handed: u64,
    listener: Option<mpsc::Sender<ServerSseMessage>>,
    ended: Option<Instant>,
}

struct Kept {
    number: u64,
    event: ServerSseMessage,
    bytes: usize,
}

impl Drop for Book {
    fn drop(&mut self) {
        self.spent.0.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

impl Journal {
    pub(super) fn new(spent: Spent) -> Arc<Self> {
        let book = Book { streams: BTreeMap::new(), next: COMMON + 1, bytes: 0, spent };
        Arc::new(Self { book: Mutex::new(book), closed: CancellationToken::new() })
    }

    /// The stream of a request, to be listened to at once.
    pub(super) fn follow(
        self: &Arc<Self>,
        events: impl Stream<Item = ServerSseMessage> + Send + 'static,
    ) -> EventStream {
        let (number, listening) = {
            let mut book = self.book();
            book.tidy();
            let number = book.next;
            book.next += 1;
            let (listener, listening) = mpsc::channel(WAITING);
            book.streams.insert(number, Told::new(Some(listener)));
            (number, listening)
        };
        self.read_on(number, events);
        received(listening)
    }

    /// Begins the stream that belongs to no request.
    pub(super) fn follow_common(self: &Arc<Self>, events: impl Stream<Item = ServerSseMessage> + Send + 'static) {
        let begins = {
            let mut book = self.book();
            let begins = !book.streams.contains_key(&COMMON);
            if begins {
                book.streams.insert(COMMON, Told::new(None));
            }
            begins
        };
        if begins {
            self.read_on(COMMON, events);
        }
    }

    /// Listens to the stream that belongs to no request, from what nobody has heard yet. `None` when it has not begun. A second
    /// listener hears nothing as long as the first is there: the two would take each other's events.
    pub(super) fn listen(&self) -> Option<EventStream> {
        let mut book = self.book();
        let told = book.streams.get_mut(&COMMON)?;
        if told.listener.as_ref().is_some_and(|listener| !listener.is_closed()) {
            let closed = self.closed.clone();
            let silent = futures::stream::once(async move { closed.cancelled().await });
            return Some(Box::pin(silent.filter_map(|()| std::future::ready(None))));
        }
        let handed = told.handed;
        Some(told.go_on(handed))
    }

    /// Listens to the events strictly after this one; `None` when the session gave out no such id, or does not know any more
    /// what came after it.
    pub(super) fn resume(&self, last: &str) -> Option<EventStream> {
        let (event, stream) = match last.split_once('/') {
            Some((event, stream)) => (event, stream.parse().ok().filter(|stream| *stream != COMMON)?),
            None => (last, COMMON),
        };
        let event: u64 = event.parse().ok()?;
        let mut book = self.book();
        let told = book.streams.get_mut(&stream).filter(|told| event != 0 && event < told.next)?;
        let first = told.events.front().map_or(told.next, |kept| kept.number);
        (event + 1 >= first).then(|| told.go_on(event))
    }

    fn read_on(self: &Arc<Self>, number: u64, events: impl Stream<Item = ServerSseMessage> + Send + 'static) {
        let journal = Arc::downgrade(self);
        let closed = self.closed.clone();
        drop(tasks::spawn(async move {
            let mut events = std::pin::pin!(events.take_until(closed.cancelled_owned()));
            while let Some(event) = events.next().await {
                let Some((listener, event)) = journal.upgrade().and_then(|journal| journal.book().add(number, event))
                else {
                    continue;
                };
                // Who does not read is cut where the stream goes out; then this returns.
                drop(listener.send(event).await);
            }
            if let Some(journal) = journal.upgrade() {
                journal.book().end(number);
            }
        }));
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Keeps an event, and answers who is to be handed it.
    fn add(
        &mut self,
        stream: u64,
        mut event: ServerSseMessage,
    ) -> Option<(mpsc::Sender<ServerSseMessage>, ServerSseMessage)> {
        let told = self.streams.get_mut(&stream)?;
        let number = told.next;
        told.next += 1;
        event.event_id = Some(if stream == COMMON { number.to_string() } else { format!("{number}/{stream}") });
        let mut bytes = Length(0);
        // A message that has no JSON form could not have come this far.
        let _ = event.message.as_ref().map(|message| serde_json::to_writer(&mut bytes, &**message));
        told.events.push_back(Kept { number, event: event.clone(), bytes: bytes.0 });
        let too_many = if told.events.len() > MOST_EVENTS { told.events.pop_front() } else { None };
        let listener = told.listener.clone().filter(|listener| !listener.is_closed());
        if listener.is_some() {
            told.handed = number;
        }
        self.spend(bytes.0);
        self.give_back(too_many.map_or(0, |gone| gone.bytes));
        self.trim();
        listener.map(|listener| (listener, event))
    }

    fn end(&mut self, stream: u64) {
        if let Some(told) = self.streams.get_mut(&stream) {
            told.ended = Some(Instant::now());
            told.listener = None;
        }
        self.tidy();
    }

    /// Forgets streams that ended long ago.
    fn tidy(&mut self) {
        let ended = |told: &Told| told.ended.is_some();
        let mut surplus = self.streams.values().filter(|told| ended(told)).count().saturating_sub(MOST_ENDED);
        let mut gone = 0;
        self.streams.retain(|_, told| {
            let Some(since) = told.ended else { return true };
            let goes = surplus > 0 || since.elapsed() > KEEP;
            surplus = surplus.saturating_sub(1);
            if goes {
                gone += told.events.iter().map(|kept| kept.bytes).sum::<usize>();
            }
            !goes
        });
        self.give_back(gone);
    }

    /// Lets the oldest go until what is left is within the bounds.
    fn trim(&mut self) {
        while self.bytes > MOST_BYTES || self.spent.0.load(Ordering::Acquire) > MOST_IN_ALL {
            let oldest = self.streams.values_mut().filter(|told| !told.events.is_empty());
            let Some(told) = oldest.min_by_key(|told| told.ended.is_none()) else { return };
            let gone = told.events.pop_front().map_or(0, |gone| gone.bytes);
            self.give_back(gone);
        }
    }

    fn spend(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.spent.0.fetch_add(bytes, Ordering::AcqRel);
    }

    fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.spent.0.fetch_sub(bytes, Ordering::AcqRel);
    }
}

impl Told {
    fn new(listener: Option<mpsc::Sender<ServerSseMessage>>) -> Self {
        Self { events: VecDeque::new(), next: 1, handed: 0, listener, ended: None }
    }

    /// The events after this one: those that are kept, then those to come.
    fn go_on(&mut self, after: u64) -> EventStream {
        let missed: Vec<_> =
            self.events.iter().filter(|kept| kept.number > after).map(|kept| kept.event.clone()).collect();
        let (listener, listening) = mpsc::channel(WAITING);
        if self.ended.is_none() {
            self.listener = Some(listener);
            self.handed = self.next - 1;
        }
        Box::pin(futures::stream::iter(missed).chain(received(listening)))
    }
}

fn received(mut listening: mpsc::Receiver<ServerSseMessage>) -> EventStream {
    Box::pin(futures::stream::poll_fn(move |context| listening.poll_recv(context)))
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
