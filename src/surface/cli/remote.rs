//! Asking a server elsewhere, over its REST and MCP doors with a key.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use http::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::exit::Failure;
use crate::kernel::fault::{Fault, Problem};
use crate::kernel::secret::Secret;
use crate::runtime::owner::protocol::{Told, What};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// The revision of MCP in which a single request needs no session.
const REVISION: &str = "2026-07-28";

/// A server elsewhere.
pub(super) struct Remote {
    url: String,
    key: Option<Secret>,
    client: Client,
}

impl Remote {
    /// The server at an address.
    pub(super) fn at(url: &str, key: Option<&str>) -> Result<Self, Failure> {
        let url = address(url)?;
        // Installed once; a second time changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().connect_timeout(CONNECT).build().map_err(Fault::internal)?;
        Ok(Self { url, key: key.map(|key| Secret::new(key.to_owned())), client })
    }

    /// Asks, and tells what is answered.
    pub(super) async fn ask(&self, what: What, told: mpsc::Sender<Told>) -> Result<(), Failure> {
        match what {
            What::Call { tool, input, idempotency_key } => self.call(&tool, input, idempotency_key, &told).await,
            What::Tools => self.tools(&told).await,
            What::ResetKey | What::Vault(_) | What::Cancel => {
                Err(Failure::usage("only the machine itself can do this: leave --server out"))
            }
        }
    }

    async fn call(
        &self,
        tool: &str,
        input: Value,
        idempotency_key: Option<String>,
        told: &mpsc::Sender<Told>,
    ) -> Result<(), Failure> {
        // One route calls every tool; a call through it is judged and answered as one of the tool that it names.
        let is_direct = tool == "tool_call";
        let body = if is_direct { input } else { json!({ "name": tool, "input": input }) };
        let mut request = self.post("/api/v1/capabilities/execute", &body);
        request = request.header(ACCEPT, "application/json, application/x-ndjson, */*;q=0.5");
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        let response = self.send(request).await?;
        let media = response.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
        if media.starts_with("application/json") {
            let mut value: Value = self.read(response).await?;
            let result = if is_direct { None } else { value.get_mut("result").map(Value::take) };
            return tell(told, Told::Result(result.unwrap_or(value))).await;
        }
        if media.starts_with("application/x-ndjson") {
            return self.lines(response, told).await;
        }
        tell(told, Told::File { media_type: media.to_owned(), name: String::new() }).await?;
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.broken(&error))?;
            tell(told, Told::Chunk(STANDARD.encode(chunk))).await?;
        }
        tell(told, Told::End).await
    }

    async fn lines(&self, response: Response, told: &mpsc::Sender<Told>) -> Result<(), Failure> {
        let mut chunks = response.bytes_stream();
        let mut held = Vec::new();
        // A line that looks like the fault that ends a stream is one if it is the last.
        let mut problem = None;
        while let Some(chunk) = chunks.next().await {
            held.extend_from_slice(&chunk.map_err(|error| self.broken(&error))?);
            while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = held.drain(..=end).collect();
                let item: Value = serde_json::from_slice(&line).map_err(|error| self.broken(&error))?;
                if let Some((item, _)) = problem.take() {
                    tell(told, Told::Item(item)).await?;
                }
                match problem_of(&item) {
                    Some(fault) => problem = Some((item, fault)),
                    None => tell(told, Told::Item(item)).await?,
                }
            }
        }
        match problem {
            _ if !held.is_empty() => Err(self.broken(&"its answer breaks off within a line")),
            Some((_, fault)) => Err(Failure::told(fault)),
            None => tell(told, Told::End).await,
        }
    }

    /// Every tool, page by page, as MCP lists them.
    async fn tools(&self, told: &mpsc::Sender<Told>) -> Result<(), Failure> {
        let mut cursor = Value::Null;
        loop {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": REVISION,
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            let mut params = json!({ "_meta": meta });
            if !cursor.is_null() {
                params["cursor"] = cursor;
            }
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params });
            let request = self
                .post("/mcp/all", &body)
                .header(ACCEPT, "application/json, text/event-stream")
                .header("MCP-Protocol-Version", REVISION)
                .header("Mcp-Method", "tools/list");
            let mut answer: Value = self.read(self.send(request).await?).await?;
            let result = answer["result"].take();
            let Value::Array(tools) = &result["tools"] else {
                return Err(protocol_problem(&answer)
                    .map_or_else(|| self.broken(&format!("it lists no tools: {answer}")), Failure::told));
            };
            for tool in tools {
                tell(told, Told::Item(tool.clone())).await?;
            }
            cursor = result.get("nextCursor").cloned().unwrap_or(Value::Null);
            if cursor.is_null() {
                return tell(told, Told::End).await;
            }
        }
    }

    fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.url)).json(body);
        match &self.key {
            Some(key) => request.bearer_auth(key.reveal()),
            None => request,
        }
    }

    /// The answer, where it is one; the fault that the server tells otherwise.
    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| {
            let mut why = error.to_string();
            let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
            while let Some(error) = cause {
                why = error.to_string();
                cause = error.source();
            }
            Failure::unreachable(format!("{} cannot be reached: {why}", self.url))
        })?;
        let status = response.status();
        if status.is_success() && status != StatusCode::ACCEPTED {
            return Ok(response);
        }
        let body = response.bytes().await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let problem = protocol_problem(&body).or_else(|| Box::<Problem>::deserialize(body).ok());
        Err(problem.map_or_else(|| self.broken(&format!("status {status}")), Failure::told))
    }

    async fn read(&self, response: Response) -> Result<Value, Failure> {
        response.json().await.map_err(|error| self.broken(&error))
    }

    fn broken(&self, why: &dyn std::fmt::Display) -> Failure {
        Failure::unreachable(format!("{} does not answer as a server of this kind: {why}", self.url))
    }
}

/// The address of a server, without the slash at its end.
pub(super) fn address(url: &str) -> Result<String, Failure> {
    let fits = |parsed: &Url| {
        ["http", "https"].contains(&parsed.scheme())
            && parsed.has_host()
            && parsed.query().is_none()
            && parsed.fragment().is_none()
    };
    match Url::parse(url) {
        Ok(parsed) if fits(&parsed) => Ok(url.trim_end_matches('/').to_owned()),
        Ok(_) | Err(_) => {
            let say = "is no address of a server: write it as https://convoke.example.org or http://127.0.0.1:7437";
            Err(Failure::usage(format!("'{url}' {say}")))
        }
    }
}

/// The fault that a line of a stream tells.
fn problem_of(item: &Value) -> Option<Box<Problem>> {
    let members = item.as_object().filter(|members| members.len() == 1)?;
    Box::<Problem>::deserialize(members.get("problem")?).ok()
}

/// The fault that an error of MCP carries.
fn protocol_problem(answer: &Value) -> Option<Box<Problem>> {
    Box::<Problem>::deserialize(answer.get("error")?.get("data")?).ok()
}

async fn tell(told: &mpsc::Sender<Told>, what: Told) -> Result<(), Failure> {
    told.send(what).await.map_err(|error| Fault::internal(error.to_string()).into())
}
