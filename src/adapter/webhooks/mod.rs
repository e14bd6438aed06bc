//! Webhooks over HTTP. Every connection goes to an address that was looked up and held to what may be called at that moment;
//! an answer is read up to a bound; redirects are not followed; no proxy stands between.

mod guard;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use crate::adapter::sending;
use crate::kernel::network::Network;
use crate::port::webhooks::{Answer, Delivery, NoAnswer, Webhooks};
use guard::Guard;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a look-up may take where nothing is sent.
const LOOK_UP: Duration = Duration::from_secs(2);
/// What of an answer is read; the rest is not waited for.
const ANSWER_BYTES: usize = 4096;
/// What of it is kept.
const SAID: usize = 200;
/// Connections of one receiver that are kept open.
const IDLE: usize = 8;

/// Sends webhooks over HTTP.
pub struct HttpWebhooks {
    client: OnceLock<Result<Client, String>>,
    guard: Arc<Guard>,
}

impl HttpWebhooks {
    /// Sends to public addresses, and to these networks.
    #[must_use]
    pub fn new(allowed: Vec<Network>) -> Self {
        Self { client: OnceLock::new(), guard: Arc::new(Guard::new(allowed)) }
    }

    /// Made at the first use: most starts call no webhook.
    fn client(&self) -> Result<&Client, NoAnswer> {
        let made = self.client.get_or_init(|| {
            // Installed once; a second time changes nothing.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client = Client::builder()
                .connect_timeout(CONNECT)
                .redirect(Policy::none())
                .no_proxy()
                .pool_max_idle_per_host(IDLE)
                .dns_resolver(self.guard.clone());
            client.build().map_err(|error| error.to_string())
        });
        made.as_ref().map_err(|why| NoAnswer::Failed(format!("the client for webhooks: {why}")))
    }
}

#[async_trait]
impl Webhooks for HttpWebhooks {
    async fn check(&self, url: &str) -> Result<(), NoAnswer> {
        let url = self.guard.url(url)?;
        match tokio::time::timeout(LOOK_UP, self.guard.look_up(&url)).await {
            Ok(Err(forbidden @ NoAnswer::Forbidden(_))) => Err(forbidden),
            _ => Ok(()),
        }
    }

    async fn send(&self, delivery: Delivery) -> Result<Answer, NoAnswer> {
        let url = self.guard.url(&delivery.url)?;
        match tokio::time::timeout(delivery.within, self.answer(url, &delivery)).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer::TimeOut),
        }
    }
}

impl HttpWebhooks {
    async fn answer(&self, url: Url, delivery: &Delivery) -> Result<Answer, NoAnswer> {
        // Names are held to the guard by the client's own look-up, once more, when it connects.
        self.guard.look_up(&url).await?;
        let mut request = self
            .client()?
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("convoke/", env!("CARGO_PKG_VERSION")))
            .body(delivery.body.clone());
        for (name, value) in &delivery.headers {
            request = request.header(*name, value);
        }
        let response = sending::send(request).await.map_err(|error| told(&error))?;
        let status = response.status().as_u16();
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let retry_after = seconds.map(Duration::from_secs);
        let said = if response.status().is_success() { String::new() } else { beginning(response).await };
        Ok(Answer { status, retry_after, said })
    }
}

/// The beginning of an answer. What breaks off was said up to there; the connection is given up with the rest of it.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < ANSWER_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES)]);
    }
    let text = String::from_utf8_lossy(&bytes);
    text.chars().filter(|letter| !letter.is_control()).take(SAID).collect()
}

/// A fault without the address, which whoever reads it knows.
fn told(error: &reqwest::Error) -> NoAnswer {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        if let Some(forbidden) = source.downcast_ref::<guard::Forbidden>() {
            return NoAnswer::Forbidden(forbidden.0.clone());
        }
        deepest = source;
    }
    if error.is_timeout() { NoAnswer::TimeOut } else { NoAnswer::Failed(deepest.to_string()) }
}
