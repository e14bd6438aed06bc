//! Who is asked, and the one client that asks them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use serde_json::{Value, json};

use super::process::Server;

/// Connections that are kept.
const KEPT: usize = 1_200;

/// Who is asked.
#[derive(Clone)]
pub(crate) struct Asked {
    url: String,
    key: Option<String>,
    model: &'static str,
    client: reqwest::Client,
}

/// How a stream came.
pub(crate) struct Streamed {
    /// After how long its first words were there.
    pub(crate) first: Duration,
    /// The longest time between two pieces of it.
    pub(crate) longest_gap: Duration,
    /// How long it took.
    pub(crate) whole: Duration,
}

impl Asked {
    /// Whoever answers chat completions below an address.
    pub(crate) fn new(base: &str, key: Option<String>, model: &'static str) -> Self {
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(KEPT).tcp_nodelay(true).build();
        Self { url: format!("{base}/v1/chat/completions"), key, model, client: client.unwrap() }
    }

    /// The question, the same to all, with some properties more.
    pub(crate) fn body(&self, more: &Value) -> Vec<u8> {
        let words = "Say in one sentence what the fox does, and mind the dog. ".repeat(8);
        let mut body = json!({
            "model": self.model,
            "messages": [
                { "role": "system", "content": "You answer in one sentence." },
                { "role": "user", "content": words },
            ],
            "temperature": 0.2,
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body.to_string().into_bytes()
    }

    /// Sends it; the answer has begun.
    pub(crate) async fn send(&self, body: Vec<u8>) -> reqwest::Response {
        let mut request = self.client.post(&self.url).header("content-type", "application/json").body(body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        if status.is_success() {
            return answer;
        }
        panic!("{} answers {status} {}", self.url, answer.text().await.unwrap())
    }

    async fn whole(&self, body: Vec<u8>) {
        let text = self.send(body).await.text().await.unwrap();
        assert!(text.contains("brown fox"), "{text}");
    }

    /// So many calls by so many callers, each with a pause behind; how long each took, in order.
    pub(crate) async fn run(&self, calls: usize, callers: usize, pause: Duration) -> Vec<Duration> {
        let next = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = (0..callers)
            .map(|_| {
                let (asked, next, body) = (self.clone(), next.clone(), self.body(&json!({})));
                tokio::spawn(async move {
                    let mut times = Vec::new();
                    while next.fetch_add(1, Ordering::Relaxed) < calls {
                        let began = Instant::now();
                        asked.whole(body.clone()).await;
                        times.push(began.elapsed());
                        if !pause.is_zero() {
                            tokio::time::sleep(pause).await;
                        }
                    }
                    times
                })
            })
            .collect();
        let mut times = Vec::new();
        for caller in callers {
            times.extend(caller.await.unwrap());
        }
        times.sort();
        times
    }

    /// The CPU of a server for a call, in microseconds.
    pub(crate) async fn cpu(&self, server: &Server, calls: usize, callers: usize) -> f64 {
        let before = server.cpu();
        self.run(calls, callers, Duration::ZERO).await;
        let spent = server.cpu().checked_sub(before).unwrap();
        spent.as_secs_f64() * 1e6 / f64::from(u32::try_from(calls).unwrap())
    }

    /// One stream, read to its end. The vendor pauses for so many milliseconds before each piece.
    pub(crate) async fn stream(&self, pause: u64) -> Streamed {
        let body = self.body(&json!({ "stream": true, "seed": pause }));
        let began = Instant::now();
        let mut stream = self.send(body).await.bytes_stream();
        let (mut text, mut first, mut last, mut longest_gap) = (String::new(), None, None, Duration::ZERO);
        while let Some(bytes) = stream.next().await {
            let now = began.elapsed();
            text.push_str(&String::from_utf8_lossy(&bytes.unwrap()));
            if let Some(last) = last {
                longest_gap = longest_gap.max(now.saturating_sub(last));
            }
            last = Some(now);
            if first.is_none() && text.contains("word0") {
                first = Some(now);
            }
        }
        assert!(text.contains("word19") && text.contains("[DONE]"), "{text}");
        Streamed { first: first.unwrap(), longest_gap, whole: began.elapsed() }
    }
}

/// The time below which a share of them is, in milliseconds.
pub(crate) fn at(times: &[Duration], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index below the length"
    )]
    let place = ((times.len() as f64 * share) as usize).min(times.len() - 1);
    times[place].as_secs_f64() * 1e3
}
