//! From a request to a WebSocket: the handshake, and the line below the protocol. The line is ours because two things are done
//! on it that the protocol has no word for: nobody unknown sends more than a credential takes, and a connection that ends is
//! read to its end, since closing over unread bytes resets it and loses the close frame on its way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// What somebody unknown may send: the message with the credential, its frame and a few pings.
const UNKNOWN_BYTES: usize = 8 << 10;
/// Read at once from a line.
const READ_BYTES: usize = 16 << 10;
/// Of a line that ends so much more is read, for so long.
const LINGER_BYTES: usize = 32 << 20;
const LINGER_TIME: Duration = Duration::from_secs(3);

/// A WebSocket of ours.
pub(super) type Socket = WebSocketStream<Line>;

/// A handshake that was found good.
pub(super) struct Upgrade {
    accept: HeaderValue,
    upgraded: OnUpgrade,
}

impl Upgrade {
    /// Judges the request.
    pub(super) fn of(request: &mut Parts) -> Result<Self, Fault> {
        let wrong = |say: &str| Fault::new(&codes::UPGRADE_REQUIRED, format!("this is a WebSocket: {say}"));
        if request.method != Method::GET || request.version > Version::HTTP_11 {
            return Err(wrong("connect by GET over HTTP/1.1"));
        }
        let headers = &request.headers;
        if !names(headers, &header::CONNECTION, "upgrade") || !names(headers, &header::UPGRADE, "websocket") {
            return Err(wrong("the headers 'Connection: upgrade' and 'Upgrade: websocket' are missing"));
        }
        if !names(headers, &header::SEC_WEBSOCKET_VERSION, "13") {
            return Err(wrong("the header 'Sec-WebSocket-Version' must be 13"));
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
        let accept = key.and_then(|key| HeaderValue::try_from(key).ok());
        let accept = accept.ok_or_else(|| wrong("the header 'Sec-WebSocket-Key' is missing"))?;
        let upgraded = request.extensions.remove::<OnUpgrade>();
        let upgraded = upgraded.ok_or_else(|| wrong("the connection cannot be upgraded"))?;
        Ok(Self { accept, upgraded })
    }

    /// The answer that agrees, and the socket once it has been sent. Messages may be as long as told; who is not known yet
    /// sends less.
    pub(super) fn agree(self, longest: usize, known: bool) -> (Response, impl Future<Output = Option<Socket>> + Send) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        let upgraded = self.upgraded;
        let socket = async move {
            let upgraded = match upgraded.await {
                Ok(upgraded) => TokioIo::new(upgraded),
                Err(error) => {
                    tracing::debug!(%error, "a connection was not upgraded");
                    return None;
                }
            };
            let line = Line { upgraded, read: 0, known: Known(Arc::new(AtomicBool::new(known))) };
            let config = WebSocketConfig::default()
                .read_buffer_size(READ_BYTES)
                .max_message_size(Some(longest))
                .max_frame_size(Some(longest));
            Some(WebSocketStream::from_raw_socket(line, Role::Server, Some(config)).await)
        };
        (response, socket)
    }
}

fn names(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let texts = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
}

/// Whether the other side of a line is known.
#[derive(Clone)]
pub(super) struct Known(Arc<AtomicBool>);

impl Known {
    /// It is from now on.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The bytes below a WebSocket.
pub(super) struct Line {
    upgraded: TokioIo<Upgraded>,
    read: usize,
    known: Known,
}

impl Line {
    /// Tells whether the other side is known.
    pub(super) fn known(&self) -> Known {
        self.known.clone()
    }

    /// Ends the line: sends no more, and reads what still comes until the other side has ended it too, within limits.
    pub(super) async fn end(&mut self) {
        self.known.set();
        let reading = async {
            if self.upgraded.shutdown().await.is_err() {
                return;
            }
            let mut scratch = vec![0; READ_BYTES];
            let mut seen = 0;
            while seen < LINGER_BYTES {
                match self.upgraded.read(&mut scratch).await {
                    Ok(0) | Err(_) => return,
                    Ok(count) => seen += count,
                }
            }
        };
        let _ = tokio::time::timeout(LINGER_TIME, reading).await;
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read > UNKNOWN_BYTES && !self.known.0.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::Error::other("more than a credential was sent before it")));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.upgraded).poll_read(context, buffer))?;
        self.read = self.read.saturating_add(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.upgraded).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upgraded).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.upgraded).poll_shutdown(context)
    }
}
