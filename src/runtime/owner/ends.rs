//! The two ends of a client's stream, whatever they are made of: standard input and output, a socket, a pipe in memory.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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
