//! The owner's side: listens on the socket, asks each guest what it wants, serves it, and at the end lets what runs finish.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWriteExt as _, DuplexStream};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::calls;
use super::ends::{FromClient, ToClient, cuttable};
use super::lines::{LineReader, write_line};
use super::lock::{Holder, OwnerLock};
use super::protocol::{Hello, Shown, Welcome, Wish};
use super::socket::{SocketPlace, same_account};
use super::take::{SERVED, SERVER};
use crate::capability::gate::Gate;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;

/// How long a guest may think about its first line.
const HELLO_WAIT: Duration = Duration::from_secs(5);

/// Answers that were made go out in less.
const LAST_ANSWERS: Duration = Duration::from_millis(100);

/// Speaks MCP on a stream. The door implements it; here it is only known that there is one.
pub trait Speak: Send + Sync {
    /// Serves one client as the local owner until its stream ends and what it asked for is answered.
    fn speak(&self, shown: Shown, reader: FromClient, writer: ToClient) -> BoxFuture<'static, ()>;
}

/// The owner of a data folder, while guests may come.
pub struct Owner {
    lock: OwnerLock,
    place: SocketPlace,
    house: House,
}

impl Owner {
    /// Lets guests in.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn open(lock: OwnerLock, place: SocketPlace, gate: Arc<Gate>, speak: Arc<dyn Speak>) -> Result<Self, Fault> {
        let listener = place.listen().map_err(|error| {
            Fault::new(
                &codes::BAD_CONFIGURATION,
                format!("the socket {} cannot be made: {error}", place.path().display()),
            )
        })?;
        let house = House {
            gate,
            speak,
            holder: lock.holder().clone(),
            wanted: CancellationToken::new(),
            pausing: CancellationToken::new(),
            draining: CancellationToken::new(),
            gone: CancellationToken::new(),
            guests: TaskTracker::new(),
        };
        drop(house.guests.spawn(accept(listener, house.clone())));
        Ok(Self { lock, place, house })
    }

    /// How many guests there are.
    #[must_use]
    pub fn guests(&self) -> usize {
        // The listening task is tracked too.
        self.house.guests.len().saturating_sub(1)
    }

    /// Fires when a server wants the folder.
    #[must_use]
    pub fn wanted(&self) -> CancellationToken {
        self.house.wanted.clone()
    }

    /// Speaks MCP with the client of this very process, which ends as the guests do when the owner drains.
    pub fn client(
        &self,
        shown: Shown,
        reader: FromClient,
        writer: ToClient,
    ) -> impl Future<Output = ()> + Send + 'static {
        let spoken = self.house.clone().speak(shown, LineReader::new(reader), writer);
        let gone = self.house.gone.clone();
        async move {
            tokio::select! {
                () = gone.cancelled() => {}
                () = spoken => {}
            }
        }
    }

    /// Lets nobody in any more, reads nothing more from those who are there, and waits until what they write and what reaches
    /// outside has ended, at most until then. What was not read, and what only reads and takes long, they ask the next owner.
    pub async fn drain(&self, until: Instant) {
        if let Err(error) = self.place.remove() {
            tracing::warn!(%error, "the owner's socket could not be removed");
        }
        let House { gate, pausing, draining, gone, guests, .. } = &self.house;
        pausing.cancel();
        guests.close();
        let ended = async {
            gate.settle().await;
            // Streams that end now end when the last answer went out.
            draining.cancel();
            tokio::select! {
                () = guests.wait() => {}
                () = async {
                    tokio::time::sleep(LAST_ANSWERS).await;
                    gate.settle().await;
                } => {}
            }
        };
        let _ = tokio::time::timeout_at(until, ended).await;
        gone.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(1), guests.wait()).await;
    }

    /// Gives the folder up, after the store was closed.
    pub fn release(self) {
        drop(self.lock);
    }
}

#[derive(Clone)]
struct House {
    gate: Arc<Gate>,
    speak: Arc<dyn Speak>,
    holder: Holder,
    /// A server wants the folder.
    wanted: CancellationToken,
    /// Nothing more is read.
    pausing: CancellationToken,
    /// Streams end.
    draining: CancellationToken,
    /// Streams are cut.
    gone: CancellationToken,
    guests: TaskTracker,
}

async fn accept(listener: UnixListener, house: House) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = house.pausing.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (own, gone) = (house.clone(), house.gone.clone());
                drop(house.guests.spawn(async move {
                    tokio::select! {
                        () = gone.cancelled() => {}
                        served = own.serve(stream) => if let Err(error) = served {
                            tracing::debug!(%error, "a guest's connection ended");
                        }
                    }
                }));
            }
            Err(error) => {
                // Out of files, most likely: give connections time to end instead of spinning.
                tracing::warn!(%error, "a guest could not be let in");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl House {
    async fn serve(self, stream: UnixStream) -> std::io::Result<()> {
        same_account(&stream)?;
        let (reader, mut writer) = stream.into_split();
        let mut reader = LineReader::new(reader);
        let Ok(line) = tokio::time::timeout(HELLO_WAIT, reader.next()).await else { return Ok(()) };
        let Some(line) = line? else { return Ok(()) };
        let hello = match serde_json::from_slice::<Hello>(&line) {
            Ok(hello) => hello.fits().and_then(|()| self.admits(&hello.wish)).map(|()| hello),
            Err(error) => Err(Fault::bad_input("", format!("the first line is not understood: {error}"))),
        };
        let (welcome, hello) = match hello {
            Ok(hello) => (Welcome::Welcome { pid: std::process::id() }, Some(hello)),
            Err(fault) => {
                let id = CallId::new(self.gate.platform().clock.now());
                (Welcome::Refused(Box::new(fault.problem(&id.to_string()))), None)
            }
        };
        write_line(&mut writer, serde_json::to_vec(&welcome)?).await?;
        let Some(hello) = hello else { return Ok(()) };
        tracing::debug!(pid = hello.pid, wish = ?hello.wish, "a guest came");
        match hello.wish {
            Wish::Stdio(shown) => self.speak(shown, reader, ToClient::new(writer)).await,
            Wish::Call => {
                let (writer, _cut) = cuttable(ToClient::new(writer), self.gone);
                calls::serve(self.gate, reader, writer, self.pausing).await?;
            }
            Wish::Serve => {
                if reader.next().await?.is_some() {
                    self.wanted.cancel();
                }
            }
        }
        Ok(())
    }

    /// # Errors
    /// `owned_elsewhere` for a server where there is one.
    fn admits(&self, wish: &Wish) -> Result<(), Fault> {
        let Holder { pid, version, command } = &self.holder;
        if *wish != Wish::Serve || command != SERVER {
            return Ok(());
        }
        let say =
            format!("the process {pid} ('convoke {command}' of version {version}) owns the data folder: {SERVED}");
        Err(Fault::new(&codes::OWNED, say))
    }

    async fn speak<R>(self, shown: Shown, reader: LineReader<R>, writer: ToClient)
    where
        R: AsyncRead + Send + Unpin,
    {
        let (reader, pump) = between(reader, self.pausing, self.draining);
        let (writer, _cut) = cuttable(writer, self.gone);
        // The door ends when its stream does; a door that ends earlier ends the guest.
        tokio::select! {
            () = self.speak.speak(shown, reader, writer) => {}
            () = pump => {}
        }
    }
}

/// The stream up to a moment: nothing is read after it, and never a part of a line, as half a message would be answered as one
/// that cannot be read. It ends later, at `end`: what was read before is answered meanwhile. The work beside it must go on for
/// as long as the stream is read.
fn between<R>(
    reader: LineReader<R>,
    moment: CancellationToken,
    end: CancellationToken,
) -> (FromClient, impl Future<Output = ()> + Send)
where
    R: AsyncRead + Send + Unpin,
{
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let pump = async move {
        pump(reader, ours, moment, end).await;
        std::future::pending::<()>().await;
    };
    (FromClient::new(theirs), pump)
}

async fn pump<R: AsyncRead + Unpin>(
    mut reader: LineReader<R>,
    mut to: DuplexStream,
    moment: CancellationToken,
    end: CancellationToken,
) {
    loop {
        let line = tokio::select! {
            biased;
            () = moment.cancelled() => {
                end.cancelled().await;
                break;
            }
            line = reader.next() => line,
        };
        let Ok(Some(line)) = line else {
            let rest = reader.rest();
            if !rest.is_empty() {
                // The last line of a client that ends needs no end.
                let _ = write_line(&mut to, rest).await;
            }
            break;
        };
        if write_line(&mut to, line).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
