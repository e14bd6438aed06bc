//! The webhook as an anchor: a real listener that is given each checkpoint once, and whose refusals are told.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use convoke::domain::audit::engine::note::Verifier;
use convoke::kernel::current::Current;
use convoke::kernel::trace::TraceContext;
use serde_json::json;

use crate::support::app::TestApp;

#[derive(Clone, Default)]
struct Inbox {
    notes: Arc<Mutex<Vec<String>>>,
    /// The places in traces that came with them.
    places: Arc<Mutex<Vec<Option<String>>>>,
    refuses: Arc<std::sync::atomic::AtomicBool>,
}

async fn take(State(inbox): State<Inbox>, headers: HeaderMap, note: String) -> StatusCode {
    if inbox.refuses.load(std::sync::atomic::Ordering::SeqCst) {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    inbox.notes.lock().unwrap().push(note);
    let place = headers.get("traceparent").map(|place| place.to_str().unwrap().to_owned());
    inbox.places.lock().unwrap().push(place);
    StatusCode::NO_CONTENT
}

#[tokio::test]
async fn a_webhook_is_given_each_checkpoint_once_and_what_it_missed_later() {
    let inbox = Inbox::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/checkpoints", post(take)).with_state(inbox.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let app = TestApp::start_with(|settings| {
        settings.config.audit.anchors = vec!["webhook".to_owned()];
        settings.config.audit.anchor_webhook = format!("http://someone:secret@{address}/checkpoints?token=secret");
    })
    .await;
    app.append_entries(app.admin.tenant, 2).await;
    app.chained().await;
    app.chained().await;
    let notes = inbox.notes.lock().unwrap().clone();
    assert_eq!(notes.len(), 1);
    let key = std::fs::read_to_string(app.app.data().join("keys/checkpoints.pub")).unwrap();
    assert_eq!(Verifier::parse(&key).unwrap().open(&notes[0]).unwrap().size, 2);

    inbox.refuses.store(true, std::sync::atomic::Ordering::SeqCst);
    app.append_entries(app.admin.tenant, 1).await;
    app.chained().await;
    let health = app.health().await;
    assert_eq!(health["status"], "alarm");
    let say = health["details"]["alarms"][0]["say"].as_str().unwrap();
    assert!(say.contains("/checkpoints") && say.contains("500") && !say.contains("secret"), "{say}");
    inbox.refuses.store(false, std::sync::atomic::Ordering::SeqCst);
    // As a part of something that is followed.
    let trace = TraceContext::begin().unwrap();
    Current::part(Some(trace)).over(app.chained()).await;
    assert_eq!(app.health().await["status"], json!("ok"));
    assert_eq!(*inbox.places.lock().unwrap(), [None, Some(trace.to_string())]);
    assert_eq!(inbox.notes.lock().unwrap().len(), 2);
}
