//! A process whose client speaks MCP: hands every line to the owner of the data folder and back, be that another process or
//! this one itself. When the owner goes it takes over or finds the next one, and goes on with the same session; meanwhile the
//! client is heard.

use std::path::PathBuf;
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
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;

/// So much of the client is kept while there is no owner; more is not read until there is one.
const MOST_KEPT: usize = 1024;

/// So long it may take to tell a client that it is not answered.
const TELLING: Duration = Duration::from_secs(1);

/// Why an owner stopped being it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Its own work is over, or it was told to stop.
    Over,
    /// A server wanted the folder.
    HandedOver,
}

/// Becomes the owner in the middle of a session.
pub trait Succeed: Send + Sync {
    /// Opens the installation under the lock, lets guests in and speaks MCP on the stream until it ends or the folder is
    /// handed over; then closes.
    fn succeed(
        &self,
        lock: OwnerLock,
        shown: Shown,
        reader: FromClient,
        writer: ToClient,
    ) -> BoxFuture<'static, Result<Leaving, Fault>>;
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

/// The side that asks.
struct Client<R, W> {
    input: Input<R>,
    writer: W,
}

struct Input<R> {
    reader: LineReader<R>,
    /// It asks nothing more.
    done: bool,
    stop: CancellationToken,
}

/// The side that answers.
enum Upstream {
    Owner(Connection),
    Own(OwnerLock),
}

/// How the relaying to one owner ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Client,
    Owner {
        /// It said something to the client before.
        spoke: bool,
    },
}

impl Forward {
    /// Relays between a client and the owner, whoever that is, until the client ends. The first owner may be known.
    ///
    /// # Errors
    /// When the folder cannot be used or opened, or when there is no owner to be had; what the client asked for is answered
    /// by the fault, for as long as it asks.
    pub async fn run<R, W>(self, first: Option<Connection>, reader: R, writer: W) -> Result<(), Fault>
    where
        R: AsyncRead + Send + Unpin,
        W: AsyncWrite + Send + Unpin,
    {
        let over = CancellationToken::new();
        let timer = async {
            self.stop.cancelled().await;
            tokio::time::sleep(self.limit).await;
            over.cancel();
            std::future::pending().await
        };
        tokio::select! {
            ended = self.serve(first, reader, writer, &over) => ended,
            never = timer => never,
        }
    }

    async fn serve<R, W>(
        &self,
        first: Option<Connection>,
        reader: R,
        writer: W,
        over: &CancellationToken,
    ) -> Result<(), Fault>
    where
        R: AsyncRead + Send + Unpin,
        W: AsyncWrite + Send + Unpin,
    {
        let session = Mutex::new(Session::new(self.clock.clone()));
        let input = Input { reader: LineReader::new(reader), done: false, stop: self.stop.clone() };
        let mut client = Client { input, writer };
        let mut breaches = Breaches::default();
        // A start that fails is told by the exit code.
        let mut begun = first.is_some();
        let mut next = first.map(Upstream::Owner);
        loop {
            let joined = if let Some(upstream) = next.take() {
                Ok(upstream)
            } else {
                let joined = tokio::select! {
                    () = over.cancelled() => return self.leave(&session, &mut client).await,
                    joined = self.join(&session, &mut client.input, &mut breaches, begun) => joined,
                };
                let Some(joined) = joined else { return Ok(()) };
                joined
            };
            let ended = match joined {
                Err(fault) => Err(fault),
                Ok(Upstream::Owner(connection)) => {
                    begun = true;
                    let Connection { reader, writer, .. } = connection;
                    tokio::select! {
                        () = over.cancelled() => return self.leave(&session, &mut client).await,
                        ended = relay(&session, &mut client, reader.unnamed(), ToClient::new(writer)) => Ok(ended),
                    }
                }
                Ok(Upstream::Own(lock)) => match self.own(&session, &mut client, lock, over).await {
                    Ok(Leaving::Over) => return self.leave(&session, &mut client).await,
                    Ok(Leaving::HandedOver) => {
                        begun = true;
                        Ok(Ended::Owner { spoke: true })
                    }
                    Err(fault) => Err(fault),
                },
            };
            match ended {
                Ok(Ended::Client) => return Ok(()),
                Ok(Ended::Owner { spoke }) => {
                    tracing::debug!("the owner went");
                    if spoke {
                        breaches.forget();
                    }
                }
                Err(fault) if !begun && !fault.is(&codes::OWNED) => return Err(fault),
                Err(fault) => {
                    tracing::warn!(%fault, "what the client asks for cannot be answered");
                    self.give_up(&session, &mut client, &fault).await;
                    breaches.forget();
                    tokio::select! {
                        () = over.cancelled() => return Err(fault),
                        () = asked(&session, &mut client.input) => {}
                    }
                    if client.input.done && locked(&session).is_quiet() {
                        return Err(fault);
                    }
                }
            }
        }
    }

    /// The next owner. The client is heard meanwhile; `None` when it ends and nothing is unanswered.
    async fn join<R: AsyncRead + Unpin>(
        &self,
        session: &Mutex<Session>,
        input: &mut Input<R>,
        breaches: &mut Breaches,
        begun: bool,
    ) -> Option<Result<Upstream, Fault>> {
        let next = async {
            if begun {
                breaches.pause(&self.data).await?;
            }
            Ok(match join(&self.data, &self.holder, &Wish::Stdio(self.shown.clone()), PATIENCE).await? {
                Joined::Guest(connection) => Upstream::Owner(connection),
                Joined::Owner(lock) => Upstream::Own(lock),
            })
        };
        tokio::select! {
            biased;
            next = next => Some(next),
            () = heard(session, input) => None,
        }
    }

    /// Is the owner, until that is over.
    async fn own<R, W>(
        &self,
        session: &Mutex<Session>,
        client: &mut Client<R, W>,
        lock: OwnerLock,
        over: &CancellationToken,
    ) -> Result<Leaving, Fault>
    where
        R: AsyncRead + Send + Unpin,
        W: AsyncWrite + Send + Unpin,
    {
        tracing::debug!("owns the data folder");
        let (ours, theirs) = tokio::io::duplex(256 << 10);
        let (from, to) = tokio::io::split(theirs);
        let work = self.succeed.succeed(lock, self.shown.clone(), FromClient::new(from), ToClient::new(to));
        let (from, to) = tokio::io::split(ours);
        let ended = CancellationToken::new();
        let relaying = async {
            tokio::select! {
                () = over.cancelled() => {}
                ended = relay(session, client, LineReader::new(FromClient::new(from)), ToClient::new(to)) => {
                    // The client is gone, or the work is about to end.
                    client.input.done |= ended == Ended::Client;
                }
            }
            tokio::select! {
                () = ended.cancelled() => {}
                () = async {
                    heard(session, &mut client.input).await;
                    std::future::pending::<()>().await;
                } => {}
            }
        };
        let work = async {
            let worked = work.await;
            ended.cancel();
            worked
        };
        tokio::join!(relaying, work).1
    }

    /// Ends well. What is still unanswered is answered by a fault.
    async fn leave<R, W: AsyncWrite + Unpin>(
        &self,
        session: &Mutex<Session>,
        client: &mut Client<R, W>,
    ) -> Result<(), Fault> {
        let fault = Fault::new(&codes::UNAVAILABLE, "the process was told to stop before the call had ended");
        self.give_up(session, client, &fault).await;
        Ok(())
    }

    /// Tells the client that what it asked for will not be answered.
    async fn give_up<R, W: AsyncWrite + Unpin>(
        &self,
        session: &Mutex<Session>,
        client: &mut Client<R, W>,
        fault: &Fault,
    ) {
        let id = CallId::new(self.clock.now());
        let lines = locked(session).give_up(&fault.problem(&id.to_string()));
        let write = async {
            for line in lines {
                if write_line(&mut client.writer, line).await.is_err() {
                    break;
                }
            }
        };
        // A client that does not read cannot be told.
        let _ = tokio::time::timeout(TELLING, write).await;
    }
}

fn locked(session: &Mutex<Session>) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<R: AsyncRead + Unpin> Input<R> {
    /// The client's next line; `None` when it ended, or the process is told to stop.
    async fn line(&mut self) -> Option<Vec<u8>> {
        while !self.done {
            let line = tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    self.done = true;
                    return None;
                }
                line = self.reader.next() => line,
            };
            let line = if let Ok(Some(line)) = line {
                line
            } else {
                self.done = true;
                self.reader.rest()
            };
            if !line.is_empty() {
                return Some(line);
            }
        }
        None
    }
}

/// Hears the client while there is nobody to answer, until it has ended and nothing is unanswered.
async fn heard<R: AsyncRead + Unpin>(session: &Mutex<Session>, input: &mut Input<R>) {
    while locked(session).kept() < MOST_KEPT {
        let Some(line) = input.line().await else {
            if locked(session).is_quiet() {
                return;
            }
            break;
        };
        locked(session).keep(line);
    }
    std::future::pending::<()>().await;
}

/// Hears the client until it asks for something, or ends.
async fn asked<R: AsyncRead + Unpin>(session: &Mutex<Session>, input: &mut Input<R>) {
    while locked(session).is_quiet() && locked(session).kept() < MOST_KEPT {
        let Some(line) = input.line().await else { return };
        locked(session).keep(line);
    }
}

/// Relays until one side is gone. Both directions go on by themselves: neither waits for the other to read. When the client
/// asks nothing more the owner is told; it answers what it was asked and ends the stream.
async fn relay<R, W>(
    session: &Mutex<Session>,
    client: &mut Client<R, W>,
    mut from_owner: LineReader<FromClient>,
    mut to_owner: ToClient,
) -> Ended
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let Client { input, writer } = client;
    let begin = locked(session).begin();
    let up = async {
        for line in begin {
            if write_line(&mut to_owner, line).await.is_err() {
                return;
            }
        }
        while let Some(line) = input.line().await {
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
