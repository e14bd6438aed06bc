//! One connection: its TLS handshake, HTTP/1 or HTTP/2, and its end. A connection on which nothing happens is closed, in
//! whatever state it is: before the first byte, amid a handshake or the head of a request, between requests, or with an
//! answer that the other side does not take.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::guard::{Guard, MOST_FIELDS};
use super::room::{Flow, Socket};

const PING_EVERY: Duration = Duration::from_secs(20);
/// A connection that is told to end has so long for its last bytes.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long a connection on which nothing happens is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Until its first request.
    pub(super) first: Duration,
    /// Between requests, and while an answer is not taken.
    pub(super) idle: Duration,
}

pub(super) struct Connection {
    pub(super) guard: Arc<Guard>,
    pub(super) peer: SocketAddr,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) patience: Patience,
    pub(super) shutdown: CancellationToken,
}

impl Connection {
    pub(super) async fn run(self, socket: Socket) {
        // Small answers must not wait for the other side's acknowledgement.
        if let Err(error) = socket.stream.set_nodelay(true) {
            tracing::debug!(%error, "nodelay refused");
        }
        let flow = socket.flow.clone();
        let Some(tls) = self.tls.clone() else { return self.speak(socket, flow).await };
        let handshake = tokio::select! {
            handshake = tokio::time::timeout(self.patience.first, tls.accept(socket)) => handshake,
            () = self.shutdown.cancelled() => return,
        };
        match handshake {
            Ok(Ok(stream)) => self.speak(stream, flow).await,
            Ok(Err(error)) => tracing::debug!(peer = %self.peer, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, flow: Arc<Flow>) {
        let mut builder = Builder::new(TokioExecutor::new());
        // The guard refuses what has too many fields and says so; beyond twice as many nothing is read.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.patience.idle).max_headers(2 * MOST_FIELDS);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_EVERY)
            .max_concurrent_streams(200)
            .max_header_list_size(64 << 10);
        let (guard, peer) = (self.guard, self.peer);
        let traffic = Traffic { requests: Arc::default(), flow };
        let counting = traffic.clone();
        let service = service_fn(move |request| {
            let (guard, running) = (guard.clone(), counting.begin());
            async move {
                let response = guard.answer(peer, request).await;
                Ok::<_, Infallible>(response.map(|body| Answer { body, _running: running }))
            }
        });
        let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = traffic.quiet(self.patience) => {
                tracing::debug!(%peer, "closed a connection on which nothing happened");
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(FAREWELL, connection).await.unwrap_or(Ok(()))
            }
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = traffic.quiet(Patience { first: FAREWELL, idle: FAREWELL }) => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}

/// The requests of a connection.
#[derive(Debug, Clone, Copy, Default)]
struct Requests {
    running: usize,
    begun: bool,
}

/// What happens on a connection.
#[derive(Clone)]
struct Traffic {
    requests: Arc<watch::Sender<Requests>>,
    flow: Arc<Flow>,
}

impl Traffic {
    fn begin(&self) -> Running {
        self.requests.send_modify(|requests| {
            requests.running += 1;
            requests.begun = true;
        });
        Running(self.requests.clone())
    }

    /// Waits until nothing has happened for too long: no request runs, or what is answered is not taken.
    async fn quiet(&self, patience: Patience) {
        let mut changes = self.requests.subscribe();
        loop {
            let requests = *changes.borrow_and_update();
            let limit = if requests.begun { patience.idle } else { patience.first };
            let written = self.flow.written();
            if tokio::time::timeout(limit, changes.changed()).await.is_ok() {
                continue;
            }
            let quiet = if self.flow.is_blocked() { self.flow.written() == written } else { requests.running == 0 };
            if quiet {
                return;
            }
        }
    }
}

/// A request that is not answered to the end.
struct Running(Arc<watch::Sender<Requests>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|requests| requests.running = requests.running.saturating_sub(1));
    }
}

/// The body of an answer; its request runs until it ends.
struct Answer {
    body: Body,
    _running: Running,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_is_quiet_ends() {
        let patience = Patience { first: Duration::from_millis(1), idle: Duration::from_millis(1) };
        let traffic = Traffic { requests: Arc::default(), flow: Arc::default() };
        traffic.quiet(patience).await;
        let running = traffic.begin();
        let waits = tokio::time::timeout(Duration::from_millis(50), traffic.quiet(patience)).await;
        assert!(waits.is_err(), "a running request was cut");
        drop(running);
        traffic.quiet(patience).await;
    }
}
