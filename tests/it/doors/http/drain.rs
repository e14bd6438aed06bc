//! Stopping: what runs is finished, nothing new is begun.

use std::time::Duration;

use convoke::surface::http::server::Drained;
use http::Method;
use serde_json::json;

use crate::doors::served::{Served, problem, told};

#[tokio::test]
async fn running_calls_are_finished_and_new_ones_refused() {
    let served = Served::start().await;
    assert_eq!(told(served.get("/users/me")).await.0, 200);
    let running = tokio::spawn(told(served.post("/probe/wait", &json!({}))));
    served.waiting.begun.acquire().await.unwrap().forget();
    served.shutdown.cancel();
    // The kept connection is closed or answers that the server stops; no new one is taken.
    let kept = served.get("/users/me").send().await;
    assert!(kept.is_err() || kept.unwrap().status() == 503);
    served.waiting.go.add_permits(1);
    assert_eq!(running.await.unwrap(), (200, json!({ "waited": true })));
    assert_eq!(served.task.await.unwrap(), Drained::Whole);
    assert!(served.client.request(Method::GET, &served.url).send().await.is_err());
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
