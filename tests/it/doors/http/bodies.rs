//! Bodies: their size, who may send one, and all of them together.

use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::doors::served::{Served, head, header, problem, sent, told};

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
async fn a_body_is_read_only_of_those_who_may_call() {
    let served = Served::start().await;
    let with = |path: &str, header: &str| {
        let known = "Content-Type: application/json\r\nContent-Length: 1000000";
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{known}\r\n{header}\r\n\r\n")
    };
    for path in ["/api/v1/users", "/api/v1/calls/resume", "/mcp", "/messages?sessionId=x"] {
        for extra in ["Expect: 100-continue", "Authorization: Bearer cvk_wrong"] {
            // Not one byte of the body is sent.
            let mut socket = sent(served.address, with(path, extra).as_bytes()).await;
            let answer = head(&mut socket).await;
            assert!(answer.starts_with("HTTP/1.1 401 "), "{path}: {answer}");
        }
    }
    let key = format!("Authorization: Bearer {}\r\nExpect: 100-continue", served.app.admin.key.reveal());
    let mut socket = sent(served.address, with("/api/v1/users", &key).as_bytes()).await;
    assert_eq!(head(&mut socket).await, "HTTP/1.1 100 Continue\r\n\r\n");
}

#[tokio::test]
async fn bodies_have_a_budget_together() {
    let served = Served::start_with(|settings| {
        settings.config.server.body_limit_bytes = 10_000;
        settings.config.server.bodies_bytes = 12_000;
    })
    .await;
    let ask = format!(
        "POST /api/v1/probe HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: 9000\r\n\r\n{}",
        served.app.admin.key.reveal(),
        " ".repeat(8_000)
    );
    let mut slow = sent(served.address, ask.as_bytes()).await;
    let input = json!({ "text": "x".repeat(6_000) });
    loop {
        // Until the server has read what was sent.
        let answer = served.post("/probe", &input).send().await.unwrap();
        if answer.status() == 503 {
            assert_eq!(header(&answer, "retry-after"), "1");
            break;
        }
        assert_eq!(answer.status(), 200);
    }
    assert_eq!(problem(served.post("/probe", &input)).await, (503, "unavailable".to_owned()));
    slow.write_all(&[b' '; 998]).await.unwrap();
    slow.write_all(b"{}").await.unwrap();
    assert!(head(&mut slow).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(told(served.post("/probe", &input)).await, (200, input));
}
