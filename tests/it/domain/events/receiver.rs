//! A receiver of webhooks: a real HTTP server that answers as it is told, and waiting for what comes about by itself.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use convoke::app::Settings;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::app::{Person, TestApp};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(75);

/// How a receiver answers.
#[derive(Debug, Clone)]
pub(crate) enum Answers {
    /// With this status.
    Status(u16),
    /// With a status and a header.
    With(u16, &'static str, String),
    /// Not at all.
    Never,
    /// With 200, after a while.
    After(Duration),
    /// With a body without an end.
    Flood,
    /// With more headers than anybody reads.
    Headers,
}

/// What was received.
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// Whether the signature is that of a secret, as a receiver checks it.
    pub(crate) fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.", self.header("webhook-id"), self.header("webhook-timestamp")).as_bytes());
        mac.update(&self.body);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

/// A receiver.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    received: UnboundedReceiver<Received>,
}

struct Shared {
    next: Mutex<VecDeque<Answers>>,
    otherwise: Mutex<Answers>,
    told: UnboundedSender<Received>,
}

impl Receiver {
    /// One that answers 204.
    pub(crate) async fn start() -> Self {
        let (told, received) = unbounded_channel();
        let shared = Shared { next: Mutex::default(), otherwise: Mutex::new(Answers::Status(204)), told };
        let shared = Arc::new(shared);
        let router = Router::new().fallback(receive).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, received }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers the next requests like this, one after the other.
    pub(crate) fn answer(&self, answers: impl IntoIterator<Item = Answers>) {
        self.shared.next.lock().unwrap().extend(answers);
    }

    /// Answers like this from now on.
    pub(crate) fn answer_always(&self, answer: Answers) {
        *self.shared.otherwise.lock().unwrap() = answer;
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.received.recv()).await.expect("a request").unwrap()
    }

    /// A request that has come already.
    pub(crate) fn already(&mut self) -> Option<Received> {
        self.received.try_recv().ok()
    }
}

async fn receive(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec();
    let _ = shared.told.send(Received { headers: parts.headers, body });
    let next = shared.next.lock().unwrap().pop_front();
    let answer = next.unwrap_or_else(|| shared.otherwise.lock().unwrap().clone());
    let status = |status: u16| Response::builder().status(status);
    match answer {
        Answers::Status(code) => status(code).body(Body::from("as told")).unwrap(),
        Answers::With(code, name, value) => status(code).header(name, value).body(Body::empty()).unwrap(),
        Answers::Never => std::future::pending().await,
        Answers::After(wait) => {
            tokio::time::sleep(wait).await;
            status(200).body(Body::empty()).unwrap()
        }
        Answers::Flood => {
            let chunks =
                futures::stream::repeat_with(|| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'x'; 65_536])));
            status(500).body(Body::from_stream(chunks)).unwrap()
        }
        Answers::Headers => {
            let headers =
                (0..5_000).fold(status(500), |all, number| all.header(format!("x-{number}"), "x".repeat(500)));
            headers.body(Body::empty()).unwrap()
        }
    }
}

/// Lets webhooks go to this machine.
pub(crate) fn to_this_machine(settings: &mut Settings) {
    settings.config.outside.private_networks = vec!["127.0.0.0/8".to_owned()];
}

/// The program with its relay running, which may call this machine.
pub(crate) async fn started() -> TestApp {
    let app = TestApp::start_with(to_this_machine).await;
    app.app.start().await.unwrap();
    app
}

/// Subscribes as somebody; answers the subscription with its id.
pub(crate) async fn subscribe(app: &TestApp, person: &Person, topics: &[&str], target: Value, more: Value) -> Value {
    let mut input = json!({ "topics": topics, "target": target });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.call(person, "event_subscribe", input).await.unwrap_or_else(|fault| panic!("{fault:?} {:?}", fault.places()))
}

/// Publishes an event with a number.
pub(crate) async fn publish(app: &TestApp, topic: &str, subject: &str, number: u64) {
    let input = json!({ "topic": topic, "subject": subject, "event": { "number": number } });
    app.call(&app.member, "event_publish", input).await.unwrap();
}

/// The subscription as it is listed, with its lag.
pub(crate) async fn listed(app: &TestApp, subscription: &Value) -> Value {
    let input = json!({ "id": subscription["id"] });
    app.call(&app.admin, "event_subscriptions", input).await.unwrap()["items"][0].clone()
}

/// Its dead letters, the oldest first.
pub(crate) async fn letters(app: &TestApp, subscription: &Value) -> Vec<Value> {
    let input = json!({ "subscriptionId": subscription["id"], "limit": 200 });
    let page = app.call(&app.admin, "event_dead_letters", input).await.unwrap();
    page["items"].as_array().unwrap().iter().rev().cloned().collect()
}

/// Waits until something has come about.
pub(crate) async fn until<Found>(what: &str, look: impl AsyncFn() -> Option<Found>) -> Found {
    let began = tokio::time::Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
