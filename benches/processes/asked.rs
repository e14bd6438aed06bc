//! The one client that asks servers for workflows: a connection and a thread for each that runs at once, and nothing cleverer, so that
//! little of the machine goes to whoever measures.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A connection that is kept.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    key: Option<String>,
}

impl Connection {
    /// To a server by its address.
    pub(crate) fn open(url: &str, key: Option<&str>) -> Self {
        let host = url.strip_prefix("http://").unwrap().replace("localhost", "127.0.0.1");
        let stream = TcpStream::connect(&host).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), host, key: key.map(str::to_owned) }
    }

    /// Asks and reads the whole answer, which must be a good one.
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let key = self.key.as_ref().map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\n{key}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let status = self.line();
        let (mut length, mut chunked) = (None, false);
        loop {
            let line = self.line().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            length = line.strip_prefix("content-length:").map(|text| text.trim().parse().unwrap()).or(length);
            chunked |= line.starts_with("transfer-encoding:") && line.contains("chunked");
        }
        let answer = if chunked { self.chunks() } else { self.bytes(length.unwrap_or(0)) };
        let text = String::from_utf8(answer).unwrap();
        assert!(status.contains(" 20"), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.stream.read_line(&mut line).unwrap() > 0, "{} hung up", self.host);
        line.trim_end().to_owned()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line(), 16).unwrap();
            all.extend(self.bytes(length));
            self.line();
            if length == 0 {
                return all;
            }
        }
    }
}

/// So many workflows, so many of them at once, each connection doing one after the other.
pub(crate) fn run(
    workflows: usize,
    at_once: usize,
    open: impl Fn() -> Connection,
    one: impl Fn(&mut Connection) + Sync,
) -> Duration {
    let next = AtomicUsize::new(0);
    let mut connections: Vec<Connection> = (0..at_once).map(|_| open()).collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for connection in &mut connections {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < workflows {
                    one(connection);
                }
            });
        }
    });
    began.elapsed()
}
