//! The owner's side: listens on the socket, asks each guest what it wants, serves it, and at the end lets what runs finish.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWriteExt as _, DuplexStream};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::calls;
use super::ends::{FromClient, ToClient};
use super::lines::{LineReader, write_line};
use super::lock::OwnerLock;
use super::protocol::{Hello, Shown, Welcome, Wish};
use super::socket::{SocketPlace, same_account};
use crate::capability::gate::Gate;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;

/// How long a guest may think about its first line.
const HELLO_WAIT: Duration = Duration::from_secs(5);

/// Speaks MCP on a stream. The door implements it; here it is only known that there is one.
pub trait Speak: Send + Sync {
    /// Serves one client as the local owner until its stream ends and what it asked for is answered.
    fn speak(&self, shown: Shown, reader: FromClient, writer: ToClient) -> BoxFuture<'static, ()>;
}

/// The owner of a data folder, while guests may come.
pub struct Owner {
    lock: OwnerLock,
    place: SocketPlace,
    draining: CancellationToken,
    gone: CancellationToken,
    guests: TaskTracker,
}

impl Owner {
    /// Lets guests in.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn open(lock: OwnerLock, place: SocketPlace, gate: Arc<Gate>, speak: Arc<dyn Speak>) -> Result<Self, Fault> {
        let listener = place.listen().map_err(|error| {
            Fault::new(
                &crate::kernel::codes::BAD_CONFIGURATION,
                format!("the socket {} cannot be made: {error}", place.path().display()),
            )
        })?;
        let owner = Self {
            lock,
            place,
            draining: CancellationToken::new(),
            gone: CancellationToken::new(),
            guests: TaskTracker::new(),
        };
        let house = House { gate, speak, draining: owner.draining.clone(), guests: owner.guests.clone() };
        drop(owner.guests.spawn(accept(listener, house, owner.gone.clone())));
        Ok(owner)
    }

    /// How many guests there are.
    #[must_use]
    pub fn guests(&self) -> usize {
        // The listening task is tracked too.
        self.guests.len().saturating_sub(1)
    }

    /// Lets nobody in any more, reads nothing more from those who are there, and waits until what they asked for is answered,
    /// at most so long. What was not read they send to the next owner.
    pub async fn drain(&self, limit: Duration) {
        if let Err(error) = self.place.remove() {
            tracing::warn!(%error, "the owner's socket could not be removed");
        }
        self.draining.cancel();
        self.guests.close();
        if tokio::time::timeout(limit, self.guests.wait()).await.is_err() {
            self.gone.cancel();
            let _ = tokio::time::timeout(Duration::from_secs(1), self.guests.wait()).await;
        }
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
    draining: CancellationToken,
    guests: TaskTracker,
}

async fn accept(listener: UnixListener, house: House, gone: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = house.draining.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (own, gone) = (house.clone(), gone.clone());
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
            Ok(hello) => hello.fits().map(|()| hello),
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
            Wish::Stdio(shown) => {
                let (reader, pump) = until(reader, self.draining);
                // The door ends when its stream does; a door that ends earlier ends the guest.
                tokio::select! {
                    () = self.speak.speak(shown, reader, ToClient::new(writer)) => {}
                    () = pump => {}
                }
            }
            Wish::Call => calls::serve(self.gate, reader, writer, self.draining).await?,
        }
        Ok(())
    }
}

/// The stream up to a moment: it ends between two lines, never within one, as half a message would be answered as one that
/// cannot be read. The work beside it must go on for as long as the stream is read.
pub fn until<R>(reader: LineReader<R>, end: CancellationToken) -> (FromClient, impl Future<Output = ()> + Send)
where
    R: AsyncRead + Send + Unpin,
{
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    let pump = async move {
        pump(reader, ours, end).await;
        std::future::pending::<()>().await;
    };
    (FromClient::new(theirs), pump)
}

async fn pump<R: AsyncRead + Unpin>(mut reader: LineReader<R>, mut to: DuplexStream, end: CancellationToken) {
    loop {
        let line = tokio::select! {
            biased;
            () = end.cancelled() => break,
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
