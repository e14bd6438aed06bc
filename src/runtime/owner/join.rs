//! Becoming owner or guest of a data folder, whichever is possible first.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use super::lines::{LineReader, write_line};
use super::lock::{Holder, OwnerLock, owned};
use super::protocol::{Hello, Welcome, Wish};
use super::socket::SocketPlace;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// How long an owner that takes connections and says nothing is waited for.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long an owner that took the connection may think about the first line.
const WELCOME_WAIT: Duration = Duration::from_secs(5);
/// A wait that people are told of.
const LONG: Duration = Duration::from_secs(5);
/// Waits between two attempts grow from the first to the second.
const WAITS: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(20));

/// Waits between an owner that went and the next grow from the first to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(200));
/// So many owners in a row that let in and go before they answered anything are enough: about five seconds.
const BREACHES: u32 = 32;

/// How owners that let in and go are dealt with: the next is asked after a pause that grows, and in the end none.
#[derive(Debug, Default)]
pub struct Breaches {
    in_a_row: u32,
}

impl Breaches {
    /// An owner answered something: whoever comes after it begins anew.
    pub fn forget(&mut self) {
        self.in_a_row = 0;
    }

    /// Waits before the next owner is asked.
    ///
    /// # Errors
    /// `owned_elsewhere` when too many went.
    pub async fn pause(&mut self, data: &Path) -> Result<(), Fault> {
        let Some(wait) = self.next() else {
            return Err(owned(data, "it lets this process in and breaks off before it answers"));
        };
        tokio::time::sleep(wait).await;
        Ok(())
    }

    fn next(&mut self) -> Option<Duration> {
        let (first, longest) = PAUSES;
        let wait = first.saturating_mul(1 << self.in_a_row.min(16)).min(longest);
        self.in_a_row += 1;
        (self.in_a_row <= BREACHES).then_some(wait)
    }
}

/// What a process has become.
pub enum Joined {
    /// It owns the folder.
    Owner(OwnerLock),
    /// It goes through the owner.
    Guest(Connection),
}

/// A connection to the owner, past the first lines.
pub struct Connection {
    /// Lines from the owner.
    pub reader: LineReader<OwnedReadHalf>,
    /// To the owner.
    pub writer: OwnedWriteHalf,
    /// The owner's process.
    pub owner: u32,
}

/// Becomes owner, or guest of who is. Waits for as long as the owner lives and does not listen: it is opening the store, or
/// ends what runs before it goes.
///
/// # Errors
/// `owned_elsewhere` when the owner is of another version, cannot be reached, or takes the connection and is silent for
/// longer than the patience; when the folder cannot be used.
pub async fn join(data: &Path, holder: &Holder, wish: &Wish, patience: Duration) -> Result<Joined, Fault> {
    let mut waiting = Waiting::new(patience);
    loop {
        if let Some(lock) = OwnerLock::try_take(data, holder)? {
            return Ok(Joined::Owner(lock));
        }
        match connect(data, wish).await {
            Ok(connection) => return Ok(Joined::Guest(connection)),
            Err(attempt) => waiting.after(data, attempt).await?,
        }
    }
}

/// Waits between attempts to reach an owner.
pub(super) struct Waiting {
    wait: Duration,
    patience: Duration,
    began: Instant,
    silent: Duration,
    told: bool,
}

impl Waiting {
    pub(super) fn new(patience: Duration) -> Self {
        Self { wait: WAITS.0, patience, began: Instant::now(), silent: Duration::ZERO, told: false }
    }

    /// Waits for the next attempt, unless there should be none.
    pub(super) async fn after(&mut self, data: &Path, attempt: Attempt) -> Result<(), Fault> {
        match attempt {
            Attempt::Refused(fault) => return Err(fault),
            Attempt::Away => self.silent = Duration::ZERO,
            Attempt::Silent => {
                self.silent += WELCOME_WAIT;
                if self.silent >= self.patience {
                    return Err(owned(data, "it does not answer"));
                }
            }
        }
        self.pause(data).await;
        Ok(())
    }

    /// Waits a little, each time a little longer; tells of a wait that has become long.
    pub(super) async fn pause(&mut self, data: &Path) {
        if !self.told && self.began.elapsed() >= LONG {
            self.told = true;
            tracing::warn!("waits: {}", owned(data, "it does not listen yet or any more").say());
        }
        tokio::time::sleep(self.wait).await;
        self.wait = (self.wait * 2).min(WAITS.1);
    }
}

/// Why an owner was not reached.
pub(super) enum Attempt {
    /// There is no use in trying again.
    Refused(Fault),
    /// Nobody listens, or not any more.
    Away,
    /// It took the connection and said nothing.
    Silent,
}

/// Connects to the owner and says what is wanted.
pub(super) async fn connect(data: &Path, wish: &Wish) -> Result<Connection, Attempt> {
    let stream = SocketPlace::of(data).connect().await.map_err(|error| match error.kind() {
        // A queue of connections that is full is like a socket that is not there yet.
        ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::WouldBlock => {
            Attempt::Away
        }
        _ => Attempt::Refused(owned(data, &format!("its socket cannot be opened: {error}"))),
    })?;
    tokio::time::timeout(WELCOME_WAIT, greet(data, stream, wish)).await.unwrap_or(Err(Attempt::Silent))
}

async fn greet(data: &Path, stream: UnixStream, wish: &Wish) -> Result<Connection, Attempt> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = LineReader::new(reader);
    let hello =
        serde_json::to_vec(&Hello::new(wish.clone())).map_err(|error| Attempt::Refused(Fault::internal(error)))?;
    write_line(&mut writer, hello).await.map_err(|_| Attempt::Away)?;
    let Ok(Some(line)) = reader.next().await else { return Err(Attempt::Away) };
    match serde_json::from_slice(&line) {
        Ok(Welcome::Welcome { pid }) => Ok(Connection { reader, writer, owner: pid }),
        Ok(Welcome::Refused(problem)) => Err(Attempt::Refused(Fault::new(&codes::OWNED, problem.detail))),
        Err(error) => Err(Attempt::Refused(owned(data, &format!("it speaks another language: {error}")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_that_breaks_off_is_asked_ever_more_rarely_and_then_no_more() {
        let mut breaches = Breaches::default();
        let waits: Vec<Duration> = std::iter::from_fn(|| breaches.next()).collect();
        assert_eq!(waits.len(), BREACHES as usize);
        assert_eq!((waits[0], waits[waits.len() - 1]), PAUSES);
        assert!(waits.is_sorted());
        breaches.forget();
        assert_eq!(breaches.next(), Some(PAUSES.0));
    }
}
