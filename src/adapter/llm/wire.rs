//! The one client of HTTP for all vendors. It follows no redirects, so that a key goes nowhere else, and retries nothing: whoever
//! chooses the model knows better where a request goes next.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use serde_json::Value;

use super::fault;
use super::language::{Call, KeyHeader, Language, unreadable};
use crate::adapter::outside::{Allowed, Guarded};
use crate::adapter::sending;
use crate::kernel::network::Network;
use crate::port::models::{Endpoint, ModelFault, ModelFaultKind};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection that nothing uses is kept.
const IDLE: Duration = Duration::from_secs(90);
/// The longest whole answer. Vectors of a thousand texts are some tens of megabytes of digits.
const LONGEST_ANSWER: usize = 128 * 1024 * 1024;
/// The longest refusal that is read.
const LONGEST_REFUSAL: usize = 256 * 1024;

/// A request that is no question to a model.
pub(super) struct Sending {
    method: Method,
    path: String,
    body: Option<(String, Bytes)>,
}

impl Sending {
    /// Asks for something.
    pub(super) fn get(path: String) -> Self {
        Self { method: Method::GET, path, body: None }
    }

    /// Sends something of a media type.
    pub(super) fn post(path: &str, kind: String, body: Bytes) -> Self {
        Self { method: Method::POST, path: path.to_owned(), body: Some((kind, body)) }
    }
}

/// The way to vendors, through the proxy that the environment names, where it names one.
#[derive(Default)]
pub(super) struct Wire {
    client: OnceLock<Result<Client, String>>,
    /// Where they may lie; anywhere when it is not said.
    allowed: Option<Arc<Allowed>>,
}

impl Wire {
    /// The way to vendors that somebody else than the operator named: to allowed addresses only, and through no proxy, which
    /// would look names up by itself.
    pub(super) fn guarded(networks: Vec<Network>) -> Self {
        Self { client: OnceLock::new(), allowed: Some(Allowed::new(networks)) }
    }

    /// Made at the first use: most starts reach no model.
    fn client(&self) -> Result<&Client, ModelFault> {
        let made = self.client.get_or_init(|| {
            // Installed once; a second time changes nothing.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let mut client = Client::builder()
                .tcp_nodelay(true)
                .redirect(redirect::Policy::none())
                .connect_timeout(CONNECT)
                .pool_idle_timeout(IDLE);
            if let Some(allowed) = &self.allowed {
                client = client.dns_resolver(Guarded(allowed.clone())).no_proxy();
            }
            client.build().map_err(|error| error.to_string())
        });
        made.as_ref().map_err(|why| ModelFault::new(ModelFaultKind::NotReached, why.clone()))
    }

    /// Sends a request and answers the head of what comes back, when it is one of success.
    pub(super) async fn send(
        &self,
        language: &dyn Language,
        endpoint: &Endpoint,
        call: Call,
        accepts: &'static str,
    ) -> Result<Response, ModelFault> {
        let url = self.address(endpoint, &call.path)?;
        let headers = headers(language, endpoint, accepts)?;
        let body = serde_json::to_vec(&call.body).map_err(unreadable)?;
        Self::answered(self.client()?.post(url).headers(headers).body(body), language, endpoint).await
    }

    /// Sends whatever else a vendor's API takes.
    pub(super) async fn send_any(
        &self,
        language: &dyn Language,
        endpoint: &Endpoint,
        sending: Sending,
    ) -> Result<Response, ModelFault> {
        let url = self.address(endpoint, &sending.path)?;
        let mut headers = headers(language, endpoint, "application/json")?;
        let mut request = self.client()?.request(sending.method, url);
        match sending.body {
            Some((kind, body)) => {
                headers.insert(CONTENT_TYPE, HeaderValue::try_from(kind).map_err(unreadable)?);
                request = request.body(body);
            }
            None => drop(headers.remove(CONTENT_TYPE)),
        }
        Self::answered(request.headers(headers), language, endpoint).await
    }

    async fn answered(
        request: RequestBuilder,
        language: &dyn Language,
        endpoint: &Endpoint,
    ) -> Result<Response, ModelFault> {
        let response = sending::send(request).await.map_err(|error| of_sending(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let head = response.headers().clone();
        let body = refused(response, endpoint.silence).await;
        let refusal = match serde_json::from_slice(&body) {
            Ok(body) => language.refusal(status.as_u16(), &body),
            Err(_) => fault::Refusal::default(),
        };
        Err(fault::of_status(status.as_u16(), &head, &body, refusal))
    }

    fn address(&self, endpoint: &Endpoint, path: &str) -> Result<Url, ModelFault> {
        let wrong = |why: &str| {
            ModelFault::new(ModelFaultKind::BadRequest, format!("the address of '{}' {why}", endpoint.provider))
        };
        if endpoint.base_url.is_empty() {
            return Err(wrong("is not said"));
        }
        let text = format!("{}{path}", endpoint.base_url.trim_end_matches('/'));
        let url = Url::parse(&text).map_err(|_| wrong("is none such as https://api.example.org/v1"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("is not http or https without a password"));
        }
        if let Some(allowed) = &self.allowed {
            // The parsed host, not the written one: 0x7f.1 is an address too.
            let judged = allowed.judge(url.host_str().unwrap_or_default());
            judged.map_err(|why| ModelFault::new(ModelFaultKind::Unsupported, format!("its address is {why}")))?;
        }
        Ok(url)
    }
}

fn headers(language: &dyn Language, endpoint: &Endpoint, accepts: &'static str) -> Result<HeaderMap, ModelFault> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static(accepts));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("convoke/", env!("CARGO_PKG_VERSION"))));
    let own = language.headers(endpoint);
    let own = own.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in own.chain(endpoint.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))) {
        let header = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(value).ok());
        let (name, value) = header.ok_or_else(|| {
            ModelFault::new(ModelFaultKind::BadRequest, format!("the header '{name}' cannot be sent"))
        })?;
        headers.insert(name, value);
    }
    if let Some(key) = &endpoint.key {
        let (name, value) = match language.key(endpoint) {
            KeyHeader::Bearer => (AUTHORIZATION, format!("Bearer {}", key.reveal())),
            KeyHeader::Own(name) => (HeaderName::from_static(name), key.reveal().to_owned()),
        };
        // A line end that was read with it is no part of a key; what else cannot be sent is a wrong key, and never a panic.
        let mut value = HeaderValue::try_from(value.trim())
            .map_err(|_| ModelFault::new(ModelFaultKind::Credential, "the key holds characters that cannot be sent"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

/// The whole of an answer as JSON.
pub(super) async fn whole(response: Response, silence: Duration) -> Result<Value, ModelFault> {
    let body = read(response, silence, LONGEST_ANSWER).await?;
    serde_json::from_slice(&body).map_err(unreadable)
}

/// What is said of a refusal, as far as it comes: that there was one is known already.
async fn refused(response: Response, silence: Duration) -> Vec<u8> {
    read(response, silence, LONGEST_REFUSAL).await.map(|body| body.to_vec()).unwrap_or_default()
}

async fn read(response: Response, silence: Duration, most: usize) -> Result<BytesMut, ModelFault> {
    let mut body = BytesMut::new();
    let mut chunks = response.bytes_stream();
    loop {
        match tokio::time::timeout(silence, chunks.next()).await {
            Err(_) => return Err(silent()),
            Ok(None) => return Ok(body),
            Ok(Some(Err(error))) => return Err(of_reading(&error)),
            Ok(Some(Ok(chunk))) if body.len() + chunk.len() > most => {
                return Err(ModelFault::new(ModelFaultKind::Broken, "the answer is too long to be read"));
            }
            Ok(Some(Ok(chunk))) => body.extend_from_slice(&chunk),
        }
    }
}

/// The fault of an answer that does not go on.
pub(super) fn silent() -> ModelFault {
    ModelFault::new(ModelFaultKind::TimedOut, "the answer did not go on in time")
}

/// The fault of an answer that breaks off.
pub(super) fn of_reading(error: &reqwest::Error) -> ModelFault {
    let kind = if error.is_timeout() { ModelFaultKind::TimedOut } else { ModelFaultKind::Broken };
    ModelFault::new(kind, format!("the answer broke off: {}", deepest(error)))
}

fn of_sending(error: &reqwest::Error) -> ModelFault {
    let why = deepest(error);
    let kind = if error.is_builder() {
        ModelFaultKind::BadRequest
    } else if error.is_connect() {
        ModelFaultKind::NotReached
    } else if error.is_timeout() {
        ModelFaultKind::TimedOut
    } else {
        // It may have been read: nobody knows.
        ModelFaultKind::Unavailable
    };
    ModelFault::new(kind, why)
}

/// The cause behind the causes. The others name the address, in which a key may stand.
fn deepest(error: &reqwest::Error) -> String {
    let mut told = None;
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        told = Some(cause.to_string());
        next = cause.source();
    }
    told.unwrap_or_else(|| "no more is known".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::models::Endpoint;

    fn endpoint(base_url: &str) -> Endpoint {
        Endpoint {
            provider: "theirs".into(),
            base_url: base_url.into(),
            key: None,
            model: "one".into(),
            headers: Vec::new(),
            options: serde_json::Map::new(),
            patience: CONNECT,
            silence: CONNECT,
        }
    }

    #[test]
    fn somebody_elses_vendor_lies_at_no_address_of_the_inside_however_it_is_written() {
        let inside =
            ["http://127.0.0.1:9/v1", "http://0x7f.1/v1", "https://[::1]/v1", "https://169.254.169.254/latest"];
        let guarded = Wire::guarded(Vec::new());
        for url in inside {
            let fault = guarded.address(&endpoint(url), "/files").unwrap_err();
            assert_eq!(fault.kind, ModelFaultKind::Unsupported, "{url}: {fault:?}");
            assert!(Wire::default().address(&endpoint(url), "/files").is_ok(), "the operator's own may: {url}");
        }
        let named = Wire::guarded(vec![Network::parse("127.0.0.0/8").unwrap()]);
        assert_eq!(named.address(&endpoint(inside[0]), "/files").unwrap().as_str(), "http://127.0.0.1:9/v1/files");
        assert!(guarded.address(&endpoint("https://api.example.org/v1"), "/files").is_ok());
    }
}
