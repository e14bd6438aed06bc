//! Host, Origin, forwarding headers, sizes, panics.

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::doors::served::{Served, header, problem, told};

#[tokio::test]
async fn other_hosts_are_refused_at_every_door() {
    let served = Served::start_with(|settings| {
        settings.config.server.allowed_hosts = vec!["convoke.example.org".to_owned()];
    })
    .await;
    for path in ["/api/v1/users/me", "/openapi.json", "/docs", "/ws", "/nowhere"] {
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
    let wary = limited(&[]).await;
    assert_eq!(problem(from(&wary, "198.51.100.1")).await.0, 401);
    assert_eq!(problem(from(&wary, "198.51.100.2")).await.0, 401);
    let refused = from(&wary, "198.51.100.3").send().await.unwrap();
    assert_eq!((refused.status().as_u16(), header(&refused, "retry-after").is_empty()), (429, false));
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused() {
    let served = Served::start_with(|settings| settings.config.server.body_limit_bytes = 10_000).await;
    let large = json!({ "text": "x".repeat(20_000) });
    assert_eq!(problem(served.post("/probe", &large)).await, (413, "too_large".to_owned()));
    let parts = (0..20).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b' '; 1000])));
    let streamed = served.post("/probe", &json!({})).body(reqwest::Body::wrap_stream(futures::stream::iter(parts)));
    assert_eq!(problem(streamed).await, (413, "too_large".to_owned()));
    let fits = json!({ "text": "x".repeat(9_000) });
    assert_eq!(told(served.post("/probe", &fits)).await, (200, fits));
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
