//! What waits to be sent to one client, and the end of a connection with its reason. A client that does not take what it asked
//! for is cut: nothing is skipped behind its back and nothing grows without bound.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Messages that may wait for one client.
const MOST_WAITING: usize = 256;
/// A client that takes nothing for so long is too slow.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// The sending side, shared by all that send to one client.
#[derive(Clone)]
pub(super) struct Outbox {
    sender: mpsc::Sender<Utf8Bytes>,
    end: Arc<End>,
}

#[derive(Default)]
struct End {
    token: CancellationToken,
    why: OnceLock<Why>,
}

impl Outbox {
    pub(super) fn new() -> (Self, mpsc::Receiver<Utf8Bytes>) {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        (Self { sender, end: Arc::default() }, receiver)
    }

    /// Lets a message wait to be sent; a client with no room left is cut.
    pub(super) fn push(&self, message: Utf8Bytes) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.sender.try_send(message) {
            self.cut(TOO_SLOW);
        }
    }

    /// The same, waiting for room as long as a client may take: for what can be read again at any pace. False at the end.
    pub(super) async fn push_patiently(&self, message: Utf8Bytes) -> bool {
        tokio::select! {
            sent = tokio::time::timeout(PATIENCE, self.sender.send(message)) => if let Ok(sent) = sent {
                sent.is_ok()
            } else {
                self.cut(TOO_SLOW);
                false
            },
            () = self.end.token.cancelled() => false,
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
