//! The listener: TCP or TLS, HTTP/1 and HTTP/2 on one port, and the drain. When told to stop it takes no new connections and
//! no new calls; running ones finish within the limit, the rest is cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::body::Bodies;
use super::connection::{Connection, Patience};
use super::cors;
use super::guard::Guard;
use super::hosts::Hosts;
use super::proxies::Proxies;
use super::room::{Flow, Room, Socket};
use super::tls;
use crate::config::server::Server;
use crate::kernel::clock::Clock;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Says that the server is stopping: an extension of every request. What outlives its request (a WebSocket, an open stream of
/// notices) ends when the token fires, and the stop waits for what is tracked.
#[derive(Debug, Clone, Default)]
pub struct Stopping {
    /// Fires when the server is told to stop.
    pub token: CancellationToken,
    /// Keeps the stop waiting for what goes on after its request was answered.
    pub tracker: TaskTracker,
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Everything that ran was finished.
    Whole,
    /// Some connections were cut when their time was over.
    Cut(usize),
}

/// A server that has its address and does not answer yet.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    proxies: Proxies,
    config: Server,
}

impl Listening {
    /// Takes the address.
    ///
    /// # Errors
    /// `not_configured` when the configuration is wrong or would open the server to the network without TLS, `unavailable`
    /// when the address cannot be had.
    pub async fn bind(config: &Server) -> Result<Self, Fault> {
        let tls = tls::acceptor(config).await?;
        let cannot = |error: std::io::Error| {
            Fault::new(&codes::UNAVAILABLE, format!("cannot listen on '{}': {error}", config.listen))
        };
        let addresses: Vec<SocketAddr> = lookup_host(config.listen.as_str()).await.map_err(cannot)?.collect();
        let beyond = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
        if let Some(beyond) = beyond.filter(|_| tls.is_none() && !config.insecure) {
            let say = format!(
                "listening on {beyond} would send keys over the network in clear text. Set server.tls_certificate and \
                 server.tls_key, or listen on 127.0.0.1, or, behind a proxy that speaks TLS, set server.insecure = true"
            );
            return Err(Fault::new(&codes::NOT_CONFIGURED, say));
        }
        let proxies = Proxies::parse(&config.trusted_proxies, &config.forwarding_header)?;
        let listener = TcpListener::bind(addresses.as_slice()).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        Ok(Self { listener, address, tls, proxies, config: config.clone() })
    }

    /// The address, with the real port where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as clients on this machine write it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let address = match self.address {
            SocketAddr::V4(at) if at.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], at.port())),
            SocketAddr::V6(at) if at.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], at.port())),
            other => other,
        };
        format!("{scheme}://{address}")
    }

    /// Answers until it is told to stop, then drains.
    pub async fn serve(self, router: Router, clock: Arc<dyn Clock>, shutdown: CancellationToken) -> Drained {
        let stopping = Stopping { token: shutdown.clone(), tracker: TaskTracker::new() };
        let guard = Arc::new(Guard {
            hosts: Hosts::new(&self.config, self.address),
            proxies: self.proxies.clone(),
            bodies: Bodies::new(self.config.body_limit_bytes, self.config.bodies_bytes),
            cors: cors::layer(&self.config),
            clock,
            stopping: stopping.clone(),
            router,
        });
        let forced = CancellationToken::new();
        let room = Room::new(&self.config);
        let patience = Patience {
            first: Duration::from_secs(self.config.head_seconds),
            idle: Duration::from_secs(self.config.idle_seconds),
        };
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = accept(&self.listener, &room, &self.proxies) => accepted,
            };
            let Some((socket, peer)) = accepted else { continue };
            let (guard, tls, shutdown) = (guard.clone(), self.tls.clone(), shutdown.clone());
            let connection = Connection { guard, peer, tls, patience, shutdown };
            let forced = forced.clone();
            drop(stopping.tracker.spawn(async move {
                tokio::select! {
                    () = forced.cancelled() => {}
                    () = connection.run(socket) => {}
                }
            }));
        }
        drop(self.listener);
        stopping.tracker.close();
        let limit = Duration::from_secs(self.config.drain_seconds);
        if tokio::time::timeout(limit, stopping.tracker.wait()).await.is_ok() {
            return Drained::Whole;
        }
        let left = stopping.tracker.len();
        tracing::warn!(connections = left, "cut what did not finish within server.drain_seconds");
        forced.cancel();
        let _ = tokio::time::timeout(Duration::from_secs(1), stopping.tracker.wait()).await;
        Drained::Cut(left)
    }
}

/// Listens, tells where, and answers until it is told to stop.
///
/// # Errors
/// As `Listening::bind`.
pub async fn serve(
    router: Router,
    config: &Server,
    clock: Arc<dyn Clock>,
    listening: impl FnOnce(&Listening),
    shutdown: CancellationToken,
) -> Result<Drained, Fault> {
    let server = Listening::bind(config).await?;
    listening(&server);
    Ok(server.serve(router, clock, shutdown).await)
}

async fn accept(listener: &TcpListener, room: &Room, proxies: &Proxies) -> Option<(Socket, SocketAddr)> {
    let place = room.wait().await?;
    let (stream, peer): (TcpStream, SocketAddr) = match listener.accept().await {
        Ok(accepted) => accepted,
        Err(error) => {
            // Out of files, most likely: give connections time to end instead of spinning.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            return None;
        }
    };
    let Some(place) = room.take(place, peer.ip(), proxies) else {
        tracing::debug!(%peer, "closed a connection: its address has as many as it may");
        return None;
    };
    Some((Socket { stream, flow: Arc::new(Flow::default()), _place: place }, peer))
}
