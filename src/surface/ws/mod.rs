//! The WebSocket door `/ws`: events of the tenant as they happen and from where one left off, channels between clients with
//! presence, and calls. docs/websocket.md describes the protocol.

mod channels;
mod events;
mod frames;
mod outbox;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::request::Parts;
use tokio::sync::Semaphore;

use crate::capability::caller::{Credential, Door};
use crate::capability::gate::Gate;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::Id;
use crate::surface::http::credentials::credential;
use crate::surface::http::problem;
use crate::surface::http::proxies::ClientAddress;
use crate::surface::http::server::Stopping;
use channels::Channels;
use session::Session;

/// Connections at once; further ones are refused.
const MOST_CONNECTIONS: usize = 4096;
/// No message may be longer, whatever the limit for bodies.
const LONGEST_MESSAGE: usize = 1 << 20;

/// What all connections share.
struct Sockets {
    gate: Arc<Gate>,
    channels: Channels,
    room: Arc<Semaphore>,
}

/// The route of this door.
pub fn router(gate: Arc<Gate>) -> Router {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    Router::new().route("/ws", any(open)).with_state(Arc::new(Sockets { gate, channels: Channels::default(), room }))
}

async fn open(
    State(sockets): State<Arc<Sockets>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    let id = Id::new(sockets.gate.platform().clock.now());
    let (parts, _) = request.into_parts();
    match upgraded(sockets, upgrade, &parts).await {
        Ok(response) => response,
        Err(fault) => problem::answer(&fault, id),
    }
}

async fn upgraded(
    sockets: Arc<Sockets>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    request: &Parts,
) -> Result<Response, Fault> {
    let upgrade = upgrade.map_err(|error| Fault::new(&codes::MALFORMED, format!("this is a WebSocket: {error}")))?;
    let address = request.extensions.get::<ClientAddress>().and_then(|client| client.0);
    let stopping = request.extensions.get::<Stopping>().cloned().unwrap_or_default();
    let credential = credential(&request.headers);
    // Browsers cannot send a header: without one the first message brings the token.
    let credential = match credential {
        Credential::None => None,
        given => {
            sockets.gate.identify(&given, address).await?;
            Some(given)
        }
    };
    let place = sockets
        .room
        .clone()
        .try_acquire_owned()
        .map_err(|_| Fault::new(&codes::UNAVAILABLE, "the server keeps as many WebSockets as it may"))?;
    let longest = sockets.gate.platform().config.server.body_limit_bytes.min(LONGEST_MESSAGE);
    let upgrade = upgrade.max_message_size(longest).max_frame_size(longest);
    let tracker = stopping.tracker.clone();
    Ok(upgrade.on_upgrade(move |socket| {
        tracker.track_future(async move {
            Session::run(sockets, socket, credential, address, stopping.token).await;
            drop(place);
        })
    }))
}

/// The door as calls name it.
const DOOR: Door = Door::Websocket;
