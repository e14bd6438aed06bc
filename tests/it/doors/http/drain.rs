//! Stopping: what runs is finished, nothing new is begun.

use std::time::Duration;

use convoke::surface::http::server::Drained;
use http::Method;
use serde_json::json;
use tokio::net::TcpStream;

use crate::doors::served::{Served, head, problem, sent, told, until_closed};

#[tokio::test]
async fn running_calls_are_finished_and_new_ones_refused() {
    let served = Served::start().await;
    let mut kept = sent(served.address, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let answer = head(&mut kept).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let silent = sent(served.address, b"").await;
    let running = tokio::spawn(told(served.post("/probe/wait", &json!({}))));
    served.waiting.begun.acquire().await.unwrap().forget();
    served.shutdown.cancel();
    // Kept connections are closed, after the rest of the answer, and no new one is taken, while the call still runs.
    let rest = until_closed(kept).await;
    assert!(rest.starts_with('{') && rest.ends_with('}'), "{rest}");
    assert_eq!(until_closed(silent).await, "");
    let refused = TcpStream::connect(served.address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(!running.is_finished());
    served.waiting.go.add_permits(1);
    assert_eq!(running.await.unwrap(), (200, json!({ "waited": true })));
    assert_eq!(served.task.await.unwrap(), Drained::Whole);
}

#[tokio::test]
async fn what_does_not_finish_is_cut() {
    let served = Served::start_with(|settings| settings.config.server.drain_seconds = 0).await;
    let running = tokio::spawn(served.post("/probe/wait", &json!({})).send());
    served.waiting.begun.acquire().await.unwrap().forget();
    served.shutdown.cancel();
    assert_eq!(served.task.await.unwrap(), Drained::Cut(1));
    assert!(running.await.unwrap().is_err());
}

#[tokio::test]
async fn a_closed_gate_takes_no_calls() {
    let served = Served::start().await;
    served.app.app.gate().close(Duration::from_secs(1)).await;
    assert_eq!(problem(served.get("/users/me")).await, (503, "unavailable".to_owned()));
    assert_eq!(problem(served.bare(Method::GET, "/health")).await, (503, "unavailable".to_owned()));
}
