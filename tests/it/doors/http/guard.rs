//! Host, Origin, forwarding headers, the size of heads, panics.

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::doors::served::{Served, header, problem, sent, told, until_closed};

#[tokio::test]
async fn other_hosts_are_refused_at_every_door() {
    let served = Served::start_with(|settings| {
        settings.config.server.allowed_hosts = vec!["convoke.example.org".to_owned()];
    })
    .await;
    let doors = ["/api/v1/users/me", "/openapi.json", "/docs", "/health", "/metrics", "/nowhere"];
    for path in doors.into_iter().chain(["/ws", "/mcp", "/mcp/all", "/mcp/x/system", "/sse", "/messages"]) {
        let own = served.bare(Method::GET, path).bearer_auth(served.app.admin.key.reveal()).send().await.unwrap();
        assert_eq!(own.status() == 404, path == "/nowhere", "{path} is no door");
        let wrong = served.bare(Method::GET, path).header("host", "evil.example");
        assert_eq!(problem(wrong).await, (403, "wrong_origin".to_owned()), "{path}");
    }
    for host in ["localhost", "127.0.0.1:1", "convoke.example.org"] {
        let right = served.get("/users/me").header("host", host);
        assert_eq!(told(right).await.0, 200, "{host}");
    }
}

#[tokio::test]
async fn other_origins_are_refused_and_named_ones_get_cors() {
    let served = Served::start_with(|settings| {
        settings.config.server.allowed_origins = vec!["https://app.example.org".to_owned()];
    })
    .await;
    for origin in ["https://evil.example", "null"] {
        let wrong = served.get("/users/me").header("origin", origin);
        assert_eq!(problem(wrong).await, (403, "wrong_origin".to_owned()), "{origin}");
    }
    let right = served.get("/users/me").header("origin", "https://app.example.org").send().await.unwrap();
    assert_eq!(right.status(), 200);
    assert_eq!(header(&right, "access-control-allow-origin"), "https://app.example.org");
    assert!(header(&right, "access-control-expose-headers").contains("etag"));
    let asked = served
        .bare(Method::OPTIONS, "/api/v1/users")
        .header("origin", "https://app.example.org")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,idempotency-key");
    let preflight = asked.send().await.unwrap();
    assert_eq!(preflight.status(), 200);
    assert_eq!(header(&preflight, "access-control-allow-headers"), "authorization,idempotency-key");
    let local = served.get("/users/me").header("origin", "http://localhost:3000").send().await.unwrap();
    assert_eq!((local.status().as_u16(), header(&local, "access-control-allow-origin")), (200, ""));
}

#[tokio::test]
async fn a_host_and_an_origin_are_named_once() {
    let served = Served::start().await;
    let twice = ["Host: localhost\r\nHost: localhost", "Host: localhost\r\nOrigin: http://localhost\r\nOrigin: null"];
    for headers in twice {
        let ask = format!("GET /health HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n");
        let said = until_closed(sent(served.address, ask.as_bytes()).await).await;
        // What has two hosts may be refused before it is a request.
        assert!(said.starts_with("HTTP/1.1 403 ") || said.starts_with("HTTP/1.1 400 "), "{said}");
    }
}

#[tokio::test]
async fn listening_everywhere_lets_no_page_in_for_its_address() {
    let served = Served::start_with(|settings| {
        "0.0.0.0:0".clone_into(&mut settings.config.server.listen);
        settings.config.server.insecure = true;
    })
    .await;
    let wrong = served.get("/users/me").header("origin", "http://203.0.113.66");
    assert_eq!(problem(wrong).await, (403, "wrong_origin".to_owned()));
    let own = served.get("/users/me").header("origin", served.url.clone());
    assert_eq!(told(own).await.0, 200);
}

#[tokio::test]
async fn pages_may_read_faults_and_origins_have_no_case() {
    let served = Served::start_with(|settings| {
        settings.config.server.allowed_origins = vec!["https://App.Example.org/".to_owned()];
        settings.config.server.body_limit_bytes = 1_000;
    })
    .await;
    let from = |request: reqwest::RequestBuilder| request.header("origin", "https://app.example.org");
    let large = from(served.post("/probe", &json!({ "text": "x".repeat(2_000) }))).send().await.unwrap();
    let long = from(served.get(&format!("/probe/made/7?text={}", "x".repeat(20_000)))).send().await.unwrap();
    let right = from(served.get("/users/me")).send().await.unwrap();
    for (answer, status) in [(large, 413), (long, 414), (right, 200)] {
        assert_eq!(answer.status(), status);
        assert_eq!(header(&answer, "access-control-allow-origin"), "https://app.example.org", "{status}");
    }
}

#[tokio::test]
async fn heads_have_an_end_and_every_answer_an_id() {
    let served = Served::start().await;
    let long = served.get(&format!("/probe/made/7?text={}", "x".repeat(20_000)));
    assert_eq!(problem(long).await, (414, "target_too_long".to_owned()));
    let many = (0..120).fold(served.get("/users/me"), |request, number| request.header(format!("x-{number}"), "1"));
    assert_eq!(problem(many).await, (431, "head_too_large".to_owned()));
    let large = served.get("/users/me").header("cookie", "x".repeat(60_000));
    assert_eq!(problem(large).await, (431, "head_too_large".to_owned()));
    let page = served.bare(Method::GET, "/docs").send().await.unwrap();
    assert_eq!(header(&page, "x-request-id").len(), 36);
}

#[tokio::test]
async fn addresses_are_believed_from_named_proxies_only() {
    let limited = |trusted: &'static [&'static str]| {
        Served::start_with(|settings| {
            settings.config.limits.anonymous_per_minute = 2;
            settings.config.server.trusted_proxies = trusted.iter().map(|text| (*text).to_owned()).collect();
        })
    };
    let from = |served: &Served, address: &str| {
        served.bare(Method::GET, "/api/v1/users/me").bearer_auth("cvk_wrong").header("x-forwarded-for", address)
    };
    let trusting = limited(&["127.0.0.0/8"]).await;
    for address in ["198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"] {
        assert_eq!(problem(from(&trusting, address)).await.0, 401, "{address}");
    }
    assert_eq!(problem(from(&trusting, "198.51.100.1")).await.0, 401);
    assert_eq!(problem(from(&trusting, "198.51.100.1")).await.0, 429);
    // The other header is what a client may have written.
    let spoofing = from(&trusting, "198.51.100.1").header("forwarded", "for=198.51.100.77");
    assert_eq!(problem(spoofing).await.0, 429);
    let wary = limited(&[]).await;
    assert_eq!(problem(from(&wary, "198.51.100.1")).await.0, 401);
    assert_eq!(problem(from(&wary, "198.51.100.2")).await.0, 401);
    let refused = from(&wary, "198.51.100.3").send().await.unwrap();
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after").is_empty()), (429, false));
}

#[tokio::test]
async fn what_is_no_http_ends_the_connection_and_nothing_else() {
    let served = Served::start().await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    ] {
        let mut socket = TcpStream::connect(served.address).await.unwrap();
        socket.write_all(garbage).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 5"), "{garbage:?}");
    }
    assert_eq!(told(served.get("/users/me")).await.0, 200);
}

#[tokio::test]
async fn a_panic_is_an_internal_fault() {
    let served = Served::start().await;
    assert_eq!(problem(served.post("/probe/panic", &json!({}))).await, (500, "internal".to_owned()));
    assert_eq!(told(served.get("/users/me")).await.0, 200);
}
