//! What bad requests get: a coded fault each, never a 5xx.

use convoke::kernel::clock::Clock;
use convoke::surface::http::server::Listening;
use convoke::surface::mcp::{self, Options};
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::wire::{BOTH, LEGACY, MODERN, Wire};
use crate::support::app::TestApp;

#[tokio::test]
async fn nobody_unknown_is_let_in() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    for authorization in [None, Some("Bearer cvk_wrong"), Some("Basic YTpi"), Some("Bearer")] {
        for path in ["/mcp", "/mcp/all", "/mcp/x/identity", "/sse", "/messages?sessionId=x"] {
            let mut request = wire.request(Method::POST, path, &[("content-type", "application/json")], body.clone());
            request.headers_mut().remove("authorization");
            if let Some(value) = authorization {
                request.headers_mut().insert("authorization", value.parse().unwrap());
            }
            let refused = wire.send(request).await;
            assert_eq!(refused.status.as_u16(), 401, "{path}");
            assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
            assert_eq!(refused.json()["error"]["data"]["code"], "unauthenticated");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told() {
    let app = TestApp::start_with(|settings| settings.config.server.body_limit_bytes = 4096).await;
    let wire = Wire::of(&app, &app.admin);
    let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let cases: Vec<(Vec<u8>, u16, i64, &str)> = vec![
        (b"{\"jsonrpc\":".to_vec(), 400, -32700, "malformed"),
        (b"not json".to_vec(), 400, -32700, "malformed"),
        (b"".to_vec(), 400, -32700, "malformed"),
        (b"\xff\xfe".to_vec(), 400, -32700, "malformed"),
        (b"[]".to_vec(), 400, -32600, "malformed"),
        (b"42".to_vec(), 400, -32600, "malformed"),
        (b"{\"id\":1}".to_vec(), 400, -32600, "malformed"),
        (
            json!({ "jsonrpc": "2.0", "id": {}, "method": "tools/list" }).to_string().into_bytes(),
            400,
            -32600,
            "malformed",
        ),
        (vec![b' '; 5000], 413, -32600, "too_large"),
    ];
    for (body, status, code, name) in cases {
        for version in [None, Some(LEGACY), Some(MODERN)] {
            let headers: Vec<(&str, &str)> =
                version.map(|version| ("mcp-protocol-version", version)).into_iter().collect();
            let text = String::from_utf8_lossy(&body).into_owned();
            let refused = wire.post("/mcp", &headers, body.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.error()), (status, code), "{text}");
            assert_eq!(refused.json()["error"]["data"]["code"], name, "{text}");
        }
    }
    let refused = wire.post("/mcp", &[], deep).await;
    assert_eq!(refused.status.as_u16(), 400);
}

#[tokio::test]
async fn headers_are_held_to() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let send = async |method: Method, headers: &[(&str, &str)]| {
        let answer = wire.send(wire.request(method, "/mcp", headers, body.clone())).await;
        (answer.status.as_u16(), answer.json()["error"]["data"]["code"].as_str().map(str::to_owned))
    };
    let told = |status: u16, code: &str| (status, Some(code.to_owned()));
    assert_eq!(
        send(Method::POST, &[("content-type", "text/plain"), ("accept", BOTH)]).await,
        told(415, "unsupported_media")
    );
    let json = ("content-type", "application/json");
    assert_eq!(send(Method::POST, &[json, ("accept", "text/html")]).await, told(406, "not_acceptable"));
    assert_eq!(send(Method::PUT, &[json, ("accept", BOTH)]).await, told(405, "method_not_allowed"));
    assert_eq!(send(Method::POST, &[json, ("accept", BOTH)]).await, told(400, "malformed"));
    let other = app.stranger.tenant.to_string();
    assert_eq!(
        send(Method::POST, &[json, ("accept", BOTH), ("convoke-tenant", &other)]).await,
        told(403, "wrong_tenant")
    );

    let mismatch = wire.modern_at("/mcp", &[("mcp-method", "tools/call")], "tools/list", json!({})).await;
    assert_eq!((mismatch.status.as_u16(), mismatch.error()), (400, -32020));
    let mut params = json!({ "name": "user_me" });
    params["_meta"] = json!({});
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let headers = [("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", "user_me")];
    assert_eq!(wire.post("/mcp", &headers, body).await.status.as_u16(), 400);
}

#[tokio::test]
async fn another_host_or_origin_is_refused() {
    let app = TestApp::start_with(|settings| settings.config.server.listen = "127.0.0.1:0".to_owned()).await;
    let shutdown = CancellationToken::new();
    let router =
        mcp::http::router(app.app.gate().clone(), Options { stop: shutdown.clone(), ..Options::default() }).unwrap();
    let server = Listening::bind(&app.app.platform().config.server).await.unwrap();
    let address = server.address();
    let clock: std::sync::Arc<dyn Clock> = app.clock.clone();
    let serving = tokio::spawn(server.serve(router, clock, shutdown.clone()));
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} }).to_string();
    let own = address.to_string();
    for (host, origin, status) in [
        (own.as_str(), None, 200),
        ("evil.example.com", None, 403),
        (own.as_str(), Some("http://evil.example.com"), 403),
        (own.as_str(), Some(format!("http://{own}").as_str()), 200),
    ] {
        let origin = origin.map(|origin| format!("Origin: {origin}\r\n")).unwrap_or_default();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {host}\r\n{origin}Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Accept: {BOTH}\r\nMCP-Protocol-Version: {LEGACY}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            app.admin.key.reveal(),
            body.len()
        );
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host} {origin}: {answer}");
    }
    shutdown.cancel();
    serving.await.unwrap();
}
