//! The listener: TCP or TLS, HTTP/1 and HTTP/2 on one port, and the drain. When told to stop it takes no new connections and
//! no new calls; running ones finish within the limit, the rest is cut.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::header;
use http::{HeaderName, HeaderValue, Method};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::guard::Guard;
use super::hosts::Hosts;
use super::problem::REQUEST_ID;
use super::proxies::Proxies;
use super::tls;
use crate::config::server::Server;
use crate::kernel::clock::Clock;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// A TLS handshake must be done after so long.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// The head of a request must have come in after so long; so long is an idle connection kept as well.
const HEAD_TIME: Duration = Duration::from_mins(1);
/// Connections at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 16_384;
const PING_EVERY: Duration = Duration::from_secs(20);

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
        let proxies = Proxies::parse(&config.trusted_proxies)?;
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
        let router = if self.config.allowed_origins.is_empty() { router } else { router.layer(cors(&self.config)) };
        let guard = Arc::new(Guard {
            hosts: Hosts::new(&self.config, self.address),
            proxies: self.proxies,
            body_limit: self.config.body_limit_bytes,
            clock,
            stopping: stopping.clone(),
            router,
        });
        let forced = CancellationToken::new();
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = accept(&self.listener, &room) => accepted,
            };
            let Some((stream, peer, place)) = accepted else { continue };
            let connection =
                Connection { guard: guard.clone(), peer, tls: self.tls.clone(), shutdown: shutdown.clone() };
            let forced = forced.clone();
            drop(stopping.tracker.spawn(async move {
                tokio::select! {
                    () = forced.cancelled() => {}
                    () = connection.run(stream) => {}
                }
                drop(place);
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

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            // Out of files, most likely: give connections time to end instead of spinning.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

struct Connection {
    guard: Arc<Guard>,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    shutdown: CancellationToken,
}

impl Connection {
    async fn run(self, stream: TcpStream) {
        // Small answers must not wait for the other side's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "nodelay refused");
        }
        // A connection that never says anything is not kept.
        tokio::select! {
            spoken = tokio::time::timeout(HEAD_TIME, stream.readable()) => if !matches!(spoken, Ok(Ok(()))) { return },
            () = self.shutdown.cancelled() => return,
        }
        match self.tls.clone() {
            None => self.speak(stream).await,
            Some(tls) => match tokio::time::timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.speak(stream).await,
                Ok(Err(error)) => tracing::debug!(peer = %self.peer, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
            },
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_EVERY)
            .max_concurrent_streams(200)
            .max_header_list_size(64 << 10);
        let (guard, peer) = (self.guard, self.peer);
        let service = service_fn(move |request| {
            let guard = guard.clone();
            async move { Ok::<_, Infallible>(guard.answer(peer, request).await) }
        });
        let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %self.peer, %error, "connection ended");
        }
    }
}

fn cors(config: &Server) -> CorsLayer {
    let origins =
        config.allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin.trim_end_matches('/')).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            REQUEST_ID.clone(),
            HeaderName::from_static("mcp-session-id"),
            HeaderName::from_static("ratelimit-limit"),
            HeaderName::from_static("ratelimit-remaining"),
            HeaderName::from_static("ratelimit-reset"),
        ])
        .max_age(Duration::from_mins(10))
}
