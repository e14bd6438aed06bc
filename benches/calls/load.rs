//! The load: MCP calls of the newest revision over kept-alive connections, a bounded number of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A kind of request, sent many times.
#[derive(Clone)]
pub(crate) struct Load {
    /// The endpoint.
    pub(crate) url: String,
    /// The key, where the server wants one.
    pub(crate) key: Option<String>,
    /// The method.
    pub(crate) method: &'static str,
    /// The tool, for calls.
    pub(crate) tool: &'static str,
    /// The arguments of the n-th call.
    pub(crate) arguments: fn(usize) -> Value,
}

impl Load {
    fn body(&self, number: usize) -> Vec<u8> {
        let mut params = json!({ "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
        }});
        if self.method == "tools/call" {
            params["name"] = self.tool.into();
            params["arguments"] = (self.arguments)(number);
        }
        json!({ "jsonrpc": "2.0", "id": number, "method": self.method, "params": params }).to_string().into_bytes()
    }

    /// Sends so many requests by so many callers; answers how long it took.
    pub(crate) async fn run(&self, requests: usize, callers: usize) -> Duration {
        let client =
            reqwest::Client::builder().no_proxy().pool_max_idle_per_host(callers).tcp_nodelay(true).build().unwrap();
        let next = Arc::new(AtomicUsize::new(0));
        let began = Instant::now();
        let callers: Vec<_> = (0..callers)
            .map(|_| {
                let (load, client, next) = (self.clone(), client.clone(), next.clone());
                tokio::spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= requests {
                            break;
                        }
                        load.send(&client, number).await;
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        began.elapsed()
    }

    /// Sends one request and checks that it went well.
    pub(crate) async fn send(&self, client: &reqwest::Client, number: usize) -> bytes::Bytes {
        let mut request = client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", self.method)
            .body(self.body(number));
        if self.method == "tools/call" {
            request = request.header("mcp-name", self.tool);
        }
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let body = answer.bytes().await.unwrap();
        // A fault stands at the beginning of the answer; schemas further down have fields of that name, too.
        let text = String::from_utf8_lossy(&body);
        let beginning = text.split_once("\"result\":").map_or(&*text, |(before, _)| before);
        assert!(
            status.is_success() && !text.contains("\"isError\":true") && !beginning.contains("\"error\":"),
            "{status} {}",
            text.chars().take(2_000).collect::<String>()
        );
        body
    }
}
