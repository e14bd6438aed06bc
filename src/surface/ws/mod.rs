//! The WebSocket door `/ws`: events of the tenant as they happen and from where one left off, channels between clients with
//! presence, and calls. docs/websocket.md describes the protocol.

mod channel;
mod channels;
mod events;
mod fleet;
mod frames;
mod newcomers;
mod outbox;
mod rights;
mod session;
mod upgrade;
mod writer;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::request::Parts;
use http::{HeaderValue, header};
use tokio::sync::Semaphore;

use crate::capability::caller::{Credential, Door};
use crate::capability::events::Ways;
use crate::capability::gate::Gate;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::Id;
use crate::surface::http::credentials::credential;
use crate::surface::http::problem;
use crate::surface::http::proxies::ClientAddress;
use crate::surface::http::server::Stopping;
use crate::surface::http::tenant;
use channel::Who;
use channels::Channels;
use fleet::Shared;
use newcomers::Newcomers;
use session::{From, Session};
use upgrade::Upgrade;

/// Connections at once; further ones are refused.
const MOST_CONNECTIONS: usize = 4096;
/// No message may be longer, whatever the limit for bodies.
const LONGEST_MESSAGE: usize = 1 << 20;

/// What all connections share.
struct Sockets {
    gate: Arc<Gate>,
    channels: Arc<Channels>,
    /// The channels, where other instances share them.
    shared: Option<Arc<Shared>>,
    room: Arc<Semaphore>,
    newcomers: Arc<Newcomers>,
}

impl Sockets {
    /// Tells a connection no more of a channel.
    fn unsubscribe(&self, channel: &str, who: &Who<'_>) {
        match &self.shared {
            Some(shared) => shared.unsubscribe(channel, who),
            None => self.channels.unsubscribe(channel, who),
        }
    }
}

/// The route of this door.
pub fn router(gate: Arc<Gate>) -> Router {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let channels = Arc::<Channels>::default();
    // Subscriptions speak on channels too.
    if let Ok(ways) = gate.platform().service::<Ways>() {
        ways.announce_by(channels.clone());
    }
    let shared = Shared::begin(gate.platform());
    let sockets = Sockets { gate, channels, shared, room, newcomers: Arc::default() };
    Router::new().route("/ws", any(open)).with_state(Arc::new(sockets))
}

async fn open(State(sockets): State<Arc<Sockets>>, request: Request) -> Response {
    let id = Id::new(sockets.gate.platform().clock.now());
    let (mut parts, _) = request.into_parts();
    match upgraded(sockets, &mut parts).await {
        Ok(response) => response,
        Err(fault) => {
            let mut response = problem::answer(&fault, id);
            if fault.is(&codes::UPGRADE_REQUIRED) {
                response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            response
        }
    }
}

async fn upgraded(sockets: Arc<Sockets>, request: &mut Parts) -> Result<Response, Fault> {
    let upgrade = Upgrade::of(request)?;
    let address = request.extensions.get::<ClientAddress>().and_then(|client| client.0);
    let stopping = request.extensions.get::<Stopping>().cloned().unwrap_or_default();
    // Browsers cannot send a header: without one the first message brings the token.
    let from = match credential(&request.headers) {
        Credential::None => From::Unknown(sockets.newcomers.admit(address)?),
        given => {
            let caller = sockets.gate.identify(&given, address).await?;
            tenant::check(&request.headers, &caller)?;
            From::Known(caller)
        }
    };
    let place = sockets
        .room
        .clone()
        .try_acquire_owned()
        .map_err(|_| Fault::new(&codes::UNAVAILABLE, "the server keeps as many WebSockets as it may"))?;
    let longest = sockets.gate.platform().config.server.body_limit_bytes.min(LONGEST_MESSAGE);
    let (response, socket) = upgrade.agree(longest, matches!(from, From::Known(_)));
    stopping.tracker.spawn(async move {
        if let Some(socket) = socket.await {
            Session::run(sockets, socket, from, address, stopping.token).await;
        }
        drop(place);
    });
    Ok(response)
}

/// The door as calls name it.
const DOOR: Door = Door::Websocket;
