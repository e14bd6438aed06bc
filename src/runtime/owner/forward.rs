//! A process whose client speaks MCP and which does not own the data folder: hands every line to the owner and back. When the
//! owner goes it takes over or finds the next owner, and goes on with the same session.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::ends::{FromClient, ToClient};
use super::join::{Breaches, Connection, Joined, PATIENCE, join};
use super::lines::{LineReader, write_line};
use super::lock::{Holder, OwnerLock};
use super::protocol::{Shown, Wish};
use super::session::Session;
use crate::kernel::clock::Clock;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;

/// Becomes the owner in the middle of a session.
pub trait Succeed: Send + Sync {
    /// Opens the installation under the lock, lets guests in and speaks MCP on the stream until it ends; then closes.
    fn succeed(
        &self,
        lock: OwnerLock,
        shown: Shown,
        reader: FromClient,
        writer: ToClient,
    ) -> BoxFuture<'static, Result<(), Fault>>;
}

/// What forwarding needs to know.
pub struct Forward {
    /// The data folder.
    pub data: PathBuf,
    /// What this process says of itself when it becomes the owner.
    pub holder: Holder,
    /// What the client is shown.
    pub shown: Shown,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Becomes the owner.
    pub succeed: Arc<dyn Succeed>,
    /// Says that it is time to end: nothing more is read of the client, and what it asked before is answered.
    pub stop: CancellationToken,
    /// How long that may take.
    pub limit: Duration,
}

/// The side that answers: the owner, or this process itself once it is the owner.
struct Upstream {
    reader: LineReader<FromClient>,
    writer: ToClient,
    /// The work of being the owner.
    work: BoxFuture<'static, Result<(), Fault>>,
    own: bool,
}

/// The side that asks.
struct Client<R, W> {
    reader: LineReader<R>,
    writer: W,
    /// It asks nothing more.
    done: bool,
}

/// How the relaying to one owner ended.
enum Ended {
    Client,
    Owner {
        /// It said something to the client before.
        spoke: bool,
    },
}

impl Forward {
    /// Relays between a client and the owner, whoever that is, until the client ends.
    ///
    /// # Errors
    /// When there is no owner any more and this process cannot become it; the client was told.
    pub async fn run<R, W>(self, first: Connection, reader: R, writer: W) -> Result<(), Fault>
    where
        R: AsyncRead + Send + Unpin,
        W: AsyncWrite + Send + Unpin,
    {
        let session = Mutex::new(Session::new(self.clock.clone()));
        let mut client = Client { reader: LineReader::new(reader), writer, done: false };
        let mut upstream = through(first);
        let mut breaches = Breaches::default();
        let mut over = pin!(async {
            self.stop.cancelled().await;
            tokio::time::sleep(self.limit).await;
        });
        loop {
            let Upstream { reader, writer, work, own } = upstream;
            let relay = relay(&session, &mut client, reader, writer, &self.stop);
            let ended = if own {
                // Being the owner ends by itself when the client ends or the process is told to stop.
                let (_, worked) = tokio::join!(relay, work);
                let Err(fault) = worked else { return Ok(()) };
                return self.give_up(&session, &mut client, fault).await;
            } else {
                tokio::select! {
                    () = &mut over => return Ok(()),
                    ended = relay => ended,
                }
            };
            let Ended::Owner { spoke } = ended else { return Ok(()) };
            if client.done && locked(&session).is_quiet() {
                return Ok(());
            }
            tracing::debug!("the owner went");
            if spoke {
                breaches.forget();
            }
            let next = async {
                breaches.pause(&self.data).await?;
                join(&self.data, &self.holder, &Wish::Stdio(self.shown.clone()), PATIENCE).await
            };
            let next = tokio::select! {
                () = &mut over => return Ok(()),
                next = next => next,
            };
            upstream = match next {
                Ok(Joined::Guest(connection)) => through(connection),
                Ok(Joined::Owner(lock)) => self.own(lock),
                Err(fault) => return self.give_up(&session, &mut client, fault).await,
            };
        }
    }

    fn own(&self, lock: OwnerLock) -> Upstream {
        tracing::debug!("takes over");
        let (ours, theirs) = tokio::io::duplex(256 << 10);
        let (from, to) = tokio::io::split(theirs);
        let work = self.succeed.succeed(lock, self.shown.clone(), FromClient::new(from), ToClient::new(to));
        let (from, to) = tokio::io::split(ours);
        Upstream { reader: LineReader::new(FromClient::new(from)), writer: ToClient::new(to), work, own: true }
    }

    /// Tells the client that what it asked for will not be answered.
    async fn give_up<R, W: AsyncWrite + Unpin>(
        &self,
        session: &Mutex<Session>,
        client: &mut Client<R, W>,
        fault: Fault,
    ) -> Result<(), Fault> {
        let id = CallId::new(self.clock.now());
        let lines = locked(session).give_up(&fault.problem(&id.to_string()));
        for line in lines {
            if write_line(&mut client.writer, line).await.is_err() {
                break;
            }
        }
        Err(fault)
    }
}

fn through(connection: Connection) -> Upstream {
    let Connection { reader, writer, .. } = connection;
    Upstream { reader: reader.unnamed(), writer: ToClient::new(writer), work: Box::pin(async { Ok(()) }), own: false }
}

fn locked(session: &Mutex<Session>) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Relays until one side is gone. Both directions go on by themselves: neither waits for the other to read. Told to stop, it
/// reads no more of the client, as if its input had ended there: the owner answers what it was asked and ends the stream.
async fn relay<R, W>(
    session: &Mutex<Session>,
    client: &mut Client<R, W>,
    mut from_owner: LineReader<FromClient>,
    mut to_owner: ToClient,
    stop: &CancellationToken,
) -> Ended
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let Client { reader, writer, done } = client;
    let begin = locked(session).begin();
    let up = async {
        for line in begin {
            if write_line(&mut to_owner, line).await.is_err() {
                return;
            }
        }
        while !*done {
            let line = tokio::select! {
                biased;
                () = stop.cancelled() => {
                    *done = true;
                    break;
                }
                line = reader.next() => line,
            };
            let line = if let Ok(Some(line)) = line {
                line
            } else {
                *done = true;
                reader.rest()
            };
            if line.is_empty() {
                continue;
            }
            let line = locked(session).from_client(line);
            if let Some(line) = line
                && write_line(&mut to_owner, line).await.is_err()
            {
                return;
            }
        }
        let _ = to_owner.shutdown().await;
    };
    let down = async {
        let mut spoke = false;
        while let Ok(Some(line)) = from_owner.next().await {
            let line = locked(session).from_owner(line);
            let Some(line) = line else { continue };
            if write_line(writer, line).await.is_err() {
                return Ended::Client;
            }
            spoke = true;
        }
        Ended::Owner { spoke }
    };
    // What the owner said before it went is still read after nothing more can be said to it.
    let up = async {
        up.await;
        std::future::pending::<Ended>().await
    };
    tokio::select! {
        never = up => never,
        ended = down => ended,
    }
}
