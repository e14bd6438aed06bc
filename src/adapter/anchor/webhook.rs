//! An anchor that is a webhook: each checkpoint is posted as the signed note that it is. It takes checkpoints and gives none
//! back; whoever keeps them brings one to `convoke audit verify`.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, Url};

use crate::adapter::sending;
use crate::port::anchors::Anchor;
use crate::port::store::StoreFault;

/// How long one post may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Posts checkpoints.
pub struct WebhookAnchor {
    url: Url,
    client: Client,
}

impl WebhookAnchor {
    /// A webhook at an address of the operator's choice.
    ///
    /// # Errors
    /// When it is no address of HTTP.
    pub fn new(url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("'{}' is not http or https", url.scheme()));
        }
        // Installed once; a second time changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { url, client })
    }
}

#[async_trait]
impl Anchor for WebhookAnchor {
    fn name(&self) -> String {
        // Without the user, the password and the query, where secrets stand.
        format!("webhook {}://{}{}", self.url.scheme(), self.url.host_str().unwrap_or_default(), self.url.path())
    }

    async fn keep(&self, note: &str) -> Result<(), StoreFault> {
        let request = self.client.post(self.url.clone()).header("Content-Type", "text/plain; charset=utf-8");
        let answered = sending::send(request.body(note.to_owned())).await;
        let status = answered.map_err(|error| StoreFault::Unavailable(error.without_url().to_string()))?.status();
        if status.is_success() {
            return Ok(());
        }
        Err(StoreFault::Unavailable(format!("it answered {status}")))
    }

    async fn kept(&self) -> Result<Option<Vec<String>>, StoreFault> {
        Ok(None)
    }
}
