//! Lines on a stream, bounded in length, read so that a wait for one can be broken off at any time without losing bytes.

use std::io;

use super::ends::FromClient;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};

/// No message is longer.
pub const LONGEST: usize = 64 << 20;

/// Reads lines.
#[derive(Debug)]
pub struct LineReader<R> {
    inner: BufReader<R>,
    partial: Vec<u8>,
    longest: usize,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// Reads lines of a stream.
    #[must_use]
    pub fn new(inner: R) -> Self {
        Self { inner: BufReader::with_capacity(16 << 10, inner), partial: Vec::new(), longest: LONGEST }
    }

    /// The next line without its end; `None` at the end of the stream. What follows the last line's end is not a line:
    /// the writer died while it wrote it.
    ///
    /// # Errors
    /// When the stream fails or a line is too long.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let chunk = self.inner.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(None);
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(chunk.len(), |end| end + 1);
            self.partial.extend_from_slice(&chunk[..end.unwrap_or(taken)]);
            self.inner.consume(taken);
            if self.partial.len() > self.longest {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
            }
            if end.is_some() {
                let mut line = std::mem::take(&mut self.partial);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
        }
    }

    /// The same reader, of whatever stream.
    #[must_use]
    pub fn unnamed(self) -> LineReader<FromClient>
    where
        R: Send + 'static,
    {
        // What was read ahead stays ahead of the stream.
        let ahead = std::io::Cursor::new(self.inner.buffer().to_vec());
        let rest = FromClient::new(tokio::io::AsyncReadExt::chain(ahead, self.inner.into_inner()));
        LineReader { inner: BufReader::with_capacity(16 << 10, rest), partial: self.partial, longest: self.longest }
    }

    /// What came after the last line's end, at the end of the stream.
    #[must_use]
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }
}

/// Writes a line and hands it on at once.
///
/// # Errors
/// When the stream fails.
pub async fn write_line<W: AsyncWrite + Unpin>(writer: &mut W, mut line: Vec<u8>) -> io::Result<()> {
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_whole_lines_only() {
        let mut reader = LineReader::new(&b"one\r\n\ntwo\nthr"[..]);
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await.unwrap() {
            lines.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(lines, ["one", "", "two"]);
        assert_eq!(reader.rest(), b"thr");
        let mut reader = LineReader { longest: 4, ..LineReader::new(&b"12345\n"[..]) };
        assert!(reader.next().await.is_err());
    }
}
