//! The two ends of a client's stream, whatever they are made of: standard input and output, a socket, a pipe in memory.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;

/// What a client says.
pub struct FromClient(Pin<Box<dyn AsyncRead + Send>>);

/// What a client hears.
pub struct ToClient(Pin<Box<dyn AsyncWrite + Send>>);

impl FromClient {
    /// Reads from this.
    #[must_use]
    pub fn new(reader: impl AsyncRead + Send + 'static) -> Self {
        Self(Box::pin(reader))
    }
}

impl ToClient {
    /// Writes to this.
    #[must_use]
    pub fn new(writer: impl AsyncWrite + Send + 'static) -> Self {
        Self(Box::pin(writer))
    }
}

/// Closes a client's stream when it goes. Whoever still writes to it writes nothing any more.
pub(super) struct Cut(Arc<Mutex<End>>);

struct Cuttable(Arc<Mutex<End>>, CancellationToken);

struct End {
    /// Until it is cut.
    writer: Option<ToClient>,
    /// Who waits to write.
    waiting: Option<Waker>,
}

/// A stream that can be cut, and is as soon as `gone` fires: what is called off then is not told any more.
pub(super) fn cuttable(writer: ToClient, gone: CancellationToken) -> (ToClient, Cut) {
    let shared = Arc::new(Mutex::new(End { writer: Some(writer), waiting: None }));
    (ToClient::new(Cuttable(shared.clone(), gone)), Cut(shared))
}

impl Drop for Cut {
    fn drop(&mut self) {
        let (cut, waiting) = {
            let mut end = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            (end.writer.take(), end.waiting.take())
        };
        drop(cut);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Cuttable {
    fn with<T>(
        &self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut ToClient>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut end = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writer) = end.writer.as_mut().filter(|_| !self.1.is_cancelled()) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let written = write(Pin::new(writer), cx);
        if written.is_pending() {
            end.waiting = Some(cx.waker().clone());
        }
        written
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(cx, |writer, cx| writer.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(cx, AsyncWrite::poll_shutdown)
    }
}

impl AsyncRead for FromClient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for ToClient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(cx)
    }
}
