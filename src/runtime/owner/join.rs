//! Becoming owner or guest of a data folder, whichever is possible first.

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

/// How long an owner that does not answer is waited for: it may be opening a large store, or closing one.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long an owner that took the connection may think about the first line.
const WELCOME_WAIT: Duration = Duration::from_secs(5);
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

/// Becomes owner, or guest of who is. Tries again while the owner comes or goes.
///
/// # Errors
/// `owned_elsewhere` when the owner is of another version or does not answer in time; when the folder cannot be used.
pub async fn join(data: &Path, holder: &Holder, wish: &Wish, patience: Duration) -> Result<Joined, Fault> {
    let until = Instant::now() + patience;
    let (mut wait, longest) = WAITS;
    loop {
        if let Some(lock) = OwnerLock::try_take(data, holder)? {
            return Ok(Joined::Owner(lock));
        }
        let why = match connect(data, wish).await {
            Ok(connection) => return Ok(Joined::Guest(connection)),
            Err(Attempt::Refused(fault)) => return Err(fault),
            Err(Attempt::Unanswered(why)) => why,
        };
        if Instant::now() >= until {
            return Err(owned(data, &format!("it does not answer ({why})")));
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(longest);
    }
}

enum Attempt {
    Refused(Fault),
    Unanswered(String),
}

async fn connect(data: &Path, wish: &Wish) -> Result<Connection, Attempt> {
    let unanswered = |error: std::io::Error| Attempt::Unanswered(error.to_string());
    let stream = SocketPlace::of(data).connect().await.map_err(unanswered)?;
    let silent = |_| Attempt::Unanswered("silence".to_owned());
    tokio::time::timeout(WELCOME_WAIT, greet(stream, wish)).await.map_err(silent)?
}

async fn greet(stream: UnixStream, wish: &Wish) -> Result<Connection, Attempt> {
    let unanswered = |error: std::io::Error| Attempt::Unanswered(error.to_string());
    let (reader, mut writer) = stream.into_split();
    let mut reader = LineReader::new(reader);
    let hello =
        serde_json::to_vec(&Hello::new(wish.clone())).map_err(|error| Attempt::Refused(Fault::internal(error)))?;
    write_line(&mut writer, hello).await.map_err(unanswered)?;
    let line = reader.next().await.map_err(unanswered)?.ok_or_else(|| Attempt::Unanswered("it went".to_owned()))?;
    match serde_json::from_slice(&line) {
        Ok(Welcome::Welcome { pid }) => Ok(Connection { reader, writer, owner: pid }),
        Ok(Welcome::Refused(problem)) => Err(Attempt::Refused(Fault::new(&codes::OWNED, problem.detail))),
        Err(error) => Err(Attempt::Refused(Fault::new(
            &codes::OWNED,
            format!("the process that owns the data folder speaks another language: {error}"),
        ))),
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
