//! A client that speaks the protocol over HTTP by hand, so that it can also speak it wrongly.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use convoke::kernel::trace::TraceContext;
use convoke::surface::mcp::{self, Options};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::app::{Person, TestApp};

pub(crate) const LEGACY: &str = "2025-11-25";
pub(crate) const MODERN: &str = "2026-07-28";
pub(crate) const BOTH: &str = "application/json, text/event-stream";

/// A place in a trace, as a client names it.
pub(crate) const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Whether a question to the client tells a place of its own in that trace, and no more of it.
pub(crate) fn is_within_the_trace(question: &Value) -> bool {
    let meta = &question["params"]["_meta"];
    let place = meta["traceparent"].as_str().and_then(TraceContext::parse);
    let given = TraceContext::parse(TRACE).unwrap();
    meta.get("tracestate").is_none()
        && place.is_some_and(|place| place.trace == given.trace && place.span != given.span)
}

/// The door of a program.
pub(crate) struct Wire {
    router: Router,
    pub(crate) key: String,
    /// What the client says that it can do.
    pub(crate) capabilities: Value,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Answer {
    /// The JSON of the body, or of the last event.
    pub(crate) fn json(&self) -> Value {
        self.events().pop().unwrap_or_else(|| panic!("no JSON: {}", String::from_utf8_lossy(&self.bytes)))
    }

    /// The messages of the body: one, or one an event.
    pub(crate) fn events(&self) -> Vec<Value> {
        if let Ok(value) = serde_json::from_slice(&self.bytes) {
            return vec![value];
        }
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok()).collect()
    }

    /// The result, which there must be.
    pub(crate) fn result(&self) -> Value {
        let message = self.json();
        assert!(message.get("error").is_none(), "{message}");
        message["result"].clone()
    }

    /// The code of the protocol error.
    pub(crate) fn error(&self) -> i64 {
        let message = self.json();
        message["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {message}"))
    }
}

impl Wire {
    pub(crate) fn new(app: &TestApp, person: &Person, options: Options) -> Self {
        let router = mcp::http::router(app.app.gate().clone(), options).unwrap();
        Self { router, key: person.key.reveal().to_owned(), capabilities: json!({}) }
    }

    pub(crate) fn of(app: &TestApp, person: &Person) -> Self {
        Self::new(app, person, Options::default())
    }

    /// The same door for somebody else.
    pub(crate) fn by(&self, person: &Person) -> Self {
        Self {
            router: self.router.clone(),
            key: person.key.reveal().to_owned(),
            capabilities: self.capabilities.clone(),
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// The answer while its body is open.
    pub(crate) async fn open(&self, request: Request<Body>) -> http::Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// A request with the client's key.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {}", self.key));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body.into()).unwrap()
    }

    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut all = vec![("content-type", "application/json"), ("accept", BOTH)];
        all.extend_from_slice(headers);
        self.send(self.request(Method::POST, path, &all, body)).await
    }

    /// A request of the newer era.
    pub(crate) async fn modern(&self, method: &str, params: Value) -> Answer {
        self.modern_at("/mcp", &[], method, params).await
    }

    /// The same, at another path and with other headers.
    pub(crate) async fn modern_at(&self, path: &str, headers: &[(&str, &str)], method: &str, params: Value) -> Answer {
        self.send(self.modern_request(path, headers, method, params)).await
    }

    pub(crate) fn modern_request(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        method: &str,
        mut params: Value,
    ) -> Request<Body> {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": self.capabilities,
        });
        match params.get_mut("_meta").and_then(Value::as_object_mut) {
            Some(given) => given.extend(meta.as_object().unwrap().clone()),
            None => params["_meta"] = meta,
        }
        let name =
            ["name", "uri", "taskId"].iter().find_map(|name| params.get(*name)?.as_str()).unwrap_or("").to_owned();
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string();
        let mut all = vec![
            ("content-type", "application/json"),
            ("accept", BOTH),
            ("mcp-protocol-version", MODERN),
            ("mcp-method", method),
        ];
        if !name.is_empty() {
            all.push(("mcp-name", &name));
        }
        all.extend_from_slice(headers);
        self.request(Method::POST, path, &all, body)
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Answer {
        self.modern("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    /// A request of the older revisions without a session.
    pub(crate) async fn sessionless(&self, method: &str, params: Value) -> Answer {
        let body = json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": params }).to_string();
        self.post("/mcp", &[("mcp-protocol-version", LEGACY)], body).await
    }

    /// Opens a session of the older revisions.
    pub(crate) async fn initialize(&self) -> Answer {
        let params = json!({
            "protocolVersion": LEGACY,
            "capabilities": self.capabilities,
            "clientInfo": { "name": "test", "version": "1" },
        });
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params }).to_string();
        self.post("/mcp", &[], body).await
    }

    /// Opens a session and says so.
    pub(crate) async fn session(&self) -> String {
        let answer = self.initialize().await;
        assert_eq!(answer.status, StatusCode::OK);
        let id = answer.headers["mcp-session-id"].to_str().unwrap().to_owned();
        let body = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
        let told = self.post("/mcp", &[("mcp-session-id", &id), ("mcp-protocol-version", LEGACY)], body).await;
        assert_eq!(told.status, StatusCode::ACCEPTED);
        id
    }

    /// A request in a session.
    pub(crate) async fn within(&self, session: &str, method: &str, params: Value) -> Answer {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        self.post("/mcp", &[("mcp-session-id", session), ("mcp-protocol-version", LEGACY)], body).await
    }

    /// The names that a list shows.
    pub(crate) async fn tools_at(&self, path: &str, headers: &[(&str, &str)]) -> Vec<String> {
        names(&self.modern_at(path, headers, "tools/list", json!({})).await.result()["tools"])
    }
}

/// The problem that a call's result tells of: as text alone.
pub(crate) fn problem(result: &Value) -> Value {
    assert_eq!(result["isError"], true, "{result}");
    assert!(result.get("structuredContent").is_none(), "a fault is no output of the tool: {result}");
    serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap()
}

/// The `name` of each of a list.
pub(crate) fn names(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}
