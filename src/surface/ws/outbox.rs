//! What waits to be sent to one client, and the end of a connection with its reason. Two kinds wait, each with room of its own
//! so that neither crowds out the other: what others say to the client, which is cut off from it when there is no room left,
//! and what the client asked for, which waits until there is. Nothing is skipped behind a client's back and nothing grows
//! without bound.

use std::sync::{Arc, OnceLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

/// Of what others say so much may wait for one client.
const LIVE_BYTES: usize = 4 << 20;
/// Of what the client asked for so much waits in line; the rest waits where it is made.
const ASKED_BYTES: usize = 2 << 20;
/// What a message counts beside its text, so that small ones are bounded too.
const MESSAGE_BYTES: usize = 256;

/// Why a connection ends: the code and reason of its close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Why(pub(super) u16, pub(super) &'static str);

/// The server stops.
pub(super) const STOPPING: Why = Why(1001, "the server is stopping");
/// A message that is longer than allowed.
pub(super) const TOO_BIG: Why = Why(1009, "the message is too long");
/// The client said goodbye or is gone.
pub(super) const GONE: Why = Why(1000, "");
/// No valid credential, or not any more.
pub(super) const REFUSED: Why = Why(4001, "the credential is missing, wrong, expired or revoked");
/// The client did not take what was sent.
pub(super) const TOO_SLOW: Why =
    Why(4008, "the client takes messages too slowly; resume from the last sequence number");
/// No sign of life.
pub(super) const SILENT: Why = Why(4009, "the client answered no ping");

/// A message in line, with the room that it takes until it is sent.
pub(super) struct Waiting {
    pub(super) text: Utf8Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// The sending side, shared by all that send to one client.
#[derive(Clone)]
pub(super) struct Outbox {
    sender: mpsc::UnboundedSender<Waiting>,
    live: Arc<Semaphore>,
    asked: Arc<Semaphore>,
    end: Arc<End>,
}

#[derive(Default)]
struct End {
    token: CancellationToken,
    why: OnceLock<Why>,
}

/// Room for messages that are put in line later, at once and without waiting.
pub(super) struct Room {
    sender: mpsc::UnboundedSender<Waiting>,
    permit: OwnedSemaphorePermit,
}

impl Room {
    /// Puts a message in line. What is beyond the room that was asked for is the maker's to bound.
    pub(super) fn push(&mut self, text: Utf8Bytes) {
        let taken = weight(&text).min(self.permit.num_permits());
        let _ = self.sender.send(Waiting { text, _room: self.permit.split(taken) });
    }
}

/// What a text counts while it waits.
fn weight(text: &Utf8Bytes) -> usize {
    text.as_str().len().saturating_add(MESSAGE_BYTES)
}

/// What so many messages of so many bytes together count.
pub(super) const fn weight_of(messages: usize, bytes: usize) -> usize {
    messages * MESSAGE_BYTES + bytes
}

impl Outbox {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Waiting>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let room = |bytes| Arc::new(Semaphore::new(bytes));
        (Self { sender, live: room(LIVE_BYTES), asked: room(ASKED_BYTES), end: Arc::default() }, receiver)
    }

    /// Puts in line what others say; a client with no room left is cut.
    pub(super) fn push(&self, text: Utf8Bytes) {
        match self.live.clone().try_acquire_many_owned(permits(weight(&text), LIVE_BYTES)) {
            Ok(room) => {
                let _ = self.sender.send(Waiting { text, _room: Some(room) });
            }
            Err(_) => self.cut(TOO_SLOW),
        }
    }

    /// Puts in line what the client asked for, once there is room: a client that reads gets all of it, at its own pace. False
    /// at the end.
    pub(super) async fn answer(&self, text: Utf8Bytes) -> bool {
        let Some(mut room) = self.reserve(weight(&text)).await else { return false };
        room.push(text);
        true
    }

    /// Waits for room; `None` at the end. How long a client may take nothing is the writer's to judge.
    pub(super) async fn reserve(&self, weight: usize) -> Option<Room> {
        tokio::select! {
            biased;
            () = self.end.token.cancelled() => None,
            permit = self.asked.clone().acquire_many_owned(permits(weight, ASKED_BYTES)) => {
                Some(Room { sender: self.sender.clone(), permit: permit.ok()? })
            }
        }
    }

    /// Ends the connection. The first reason is the one that is told.
    pub(super) fn cut(&self, why: Why) {
        let _ = self.end.why.set(why);
        self.end.token.cancel();
    }

    /// Fires at the end of the connection.
    pub(super) fn ended(&self) -> &CancellationToken {
        &self.end.token
    }

    /// Why it ended.
    pub(super) fn why(&self) -> Why {
        self.end.why.get().copied().unwrap_or(GONE)
    }
}

/// As many permits as a weight takes: what is larger than the whole room waits until the room is empty.
fn permits(weight: usize, room: usize) -> u32 {
    u32::try_from(weight.min(room)).unwrap_or(u32::MAX)
}
