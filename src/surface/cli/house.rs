//! An installation that this process owns: the program put together on the data folder, open to guests.

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::output;
use crate::app::{App, Settings};
use crate::capability::caller::{Credential, Door, Origin};
use crate::capability::gate::Gate;
use crate::capability::platform::Services;
use crate::config::load::Loaded;
use crate::domain::system::LogRing;
use crate::kernel::clock::{Clock, SystemClock};
use crate::kernel::fault::Fault;
use crate::runtime::logging;
use crate::runtime::owner::ends::{FromClient, ToClient};
use crate::runtime::owner::forward::Leaving;
use crate::runtime::owner::guests::{Owner, Speak};
use crate::runtime::owner::lock::{Holder, OwnerLock};
use crate::runtime::owner::protocol::Shown;
use crate::runtime::owner::socket::SocketPlace;
use crate::surface::mcp;

/// What is needed to own the data folder, should it come to that.
#[derive(Clone)]
pub(super) struct Plan {
    /// The configuration.
    pub(super) loaded: Arc<Loaded>,
    /// The time.
    pub(super) clock: Arc<dyn Clock>,
    command: &'static str,
    ring: Arc<LogRing>,
}

impl Plan {
    /// A plan of a command that answers by itself and logs.
    pub(super) fn loud(loaded: Loaded, command: &'static str) -> Result<Self, Fault> {
        let ring = logging::init(&loaded.config.logging)?;
        Ok(Self { loaded: Arc::new(loaded), clock: Arc::new(SystemClock), command, ring })
    }

    /// A plan of a command that answers a person: only warnings are logged, unless somebody asked for more.
    pub(super) fn quiet(loaded: Loaded, command: &'static str) -> Result<Self, Fault> {
        let mut config = loaded.config.logging.clone();
        if loaded.told_origins().of("logging.level") == "default" {
            "warn".clone_into(&mut config.level);
        }
        let ring = logging::init(&config)?;
        Ok(Self { loaded: Arc::new(loaded), clock: Arc::new(SystemClock), command, ring })
    }

    /// What this process says of itself as the owner.
    pub(super) fn holder(&self) -> Holder {
        Holder::this(self.command)
    }

    /// The data folder.
    pub(super) fn data(&self) -> &Path {
        &self.loaded.data
    }

    /// How long what runs may go on after this process was told to stop.
    pub(super) fn limit(&self) -> Duration {
        Duration::from_secs(self.loaded.config.server.drain_seconds)
    }

    /// Opens the installation under the lock and lets guests in.
    pub(super) async fn open(&self, lock: OwnerLock) -> Result<House, Fault> {
        let Loaded { config, data, .. } = &*self.loaded;
        let mut settings = Settings::new(config.clone(), data.clone(), self.clock.clone());
        settings.services = Services::default().with(Arc::new(self.loaded.told_origins())).with(self.ring.clone());
        settings.shows_key = match self.command {
            "serve" => true,
            "call" => output::is_watched(),
            _ => false,
        };
        let app = App::open(settings).await?;
        // However short this process stays: a guest that asks again must find how the first call ended.
        app.start().await?;
        let speak = Arc::new(Mcp { gate: app.gate().clone(), ending: CancellationToken::new() });
        match Owner::open(lock, SocketPlace::of(data), app.gate().clone(), speak.clone()) {
            Ok(owner) => Ok(House { app, owner, speak, limit: self.limit() }),
            Err(fault) => {
                app.close(Duration::ZERO).await;
                Err(fault)
            }
        }
    }
}

/// An open installation.
pub(super) struct House {
    /// The program.
    pub(super) app: Arc<App>,
    owner: Owner,
    speak: Arc<Mcp>,
    limit: Duration,
}

impl House {
    /// Speaks MCP with the client of this very process.
    pub(super) fn client(
        &self,
        shown: Shown,
        reader: FromClient,
        writer: ToClient,
    ) -> impl Future<Output = ()> + Send + 'static {
        self.owner.client(shown, reader, writer)
    }

    /// Owns the folder while its own work goes on, until it is told to stop or a server wants the folder; then closes.
    pub(super) async fn keep(self, work: impl Future<Output = ()>, stop: &CancellationToken) -> Leaving {
        let mut work = pin!(work);
        let wanted = self.owner.wanted();
        tokio::select! {
            () = &mut work => self.close().await,
            () = stop.cancelled() => self.end(work, true).await,
            () = wanted.cancelled() => {
                tracing::info!("hands the data folder over to a server");
                // Its client goes on with the new owner, as guests do.
                self.end(work, false).await;
                return Leaving::HandedOver;
            }
        }
        Leaving::Over
    }

    /// Closes when there is no own work any more.
    pub(super) async fn close(self) {
        self.end(std::future::ready(()), true).await;
    }

    /// Ends within the configured time, which everything shares. Guests are served while its own work ends, and tasks; only
    /// then, or when three quarters of the time are over, are they let go, so that they wait for the next owner as short as
    /// can be.
    async fn end(self, work: impl Future<Output = ()>, work_first: bool) {
        let Self { app, owner, speak, limit } = self;
        let (until, enough) = (Instant::now() + limit, Instant::now() + limit / 4 * 3);
        let worked = CancellationToken::new();
        let work = async {
            work.await;
            worked.cancel();
        };
        let drain = async {
            let first = async {
                if work_first {
                    worked.cancelled().await;
                }
                app.gate().tasks_ended().await;
            };
            let _ = tokio::time::timeout_at(enough, first).await;
            owner.drain(until).await;
        };
        tokio::join!(work, drain);
        speak.ending.cancel();
        // Whatever may end by itself has ended.
        app.close(Duration::ZERO).await;
        owner.release();
    }
}

/// The MCP door for this process's client and for guests.
struct Mcp {
    gate: Arc<Gate>,
    ending: CancellationToken,
}

impl Speak for Mcp {
    fn speak(&self, shown: Shown, reader: FromClient, writer: ToClient) -> BoxFuture<'static, ()> {
        let options = mcp::Options {
            toolsets: shown.toolsets,
            read_only: shown.read_only,
            stop: self.ending.clone(),
            ..mcp::Options::default()
        };
        let (gate, ending) = (self.gate.clone(), self.ending.clone());
        Box::pin(async move {
            let origin = Origin { door: Door::Stdio, address: None };
            let served = mcp::stream::serve(gate, Credential::LocalOwner, origin, reader, writer, options, ending);
            if let Err(fault) = Box::pin(served).await {
                tracing::error!(%fault, "a client could not be served");
            }
        })
    }
}
