//! Objects that nobody may remove or replace for some days: S3's object lock. The crate writes no headers of it, so they are put
//! in on the way out, and the request is signed anew.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{Method, Request};
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequestBody, HttpResponse, HttpService, ReqwestConnector,
};

use super::Access;
use crate::kernel::clock::Clock;

/// Nobody may shorten it, not even who owns the bucket.
const MODE: HeaderValue = HeaderValue::from_static("COMPLIANCE");
const MODE_NAME: HeaderName = HeaderName::from_static("x-amz-object-lock-mode");
const UNTIL_NAME: HeaderName = HeaderName::from_static("x-amz-object-lock-retain-until-date");
const DIGEST_NAME: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Makes clients whose writes are kept for some days.
#[derive(Clone)]
pub(super) struct Retained {
    credentials: AwsCredentialProvider,
    region: String,
    days: u64,
    clock: Arc<dyn Clock>,
}

/// Such a client.
struct Client {
    retained: Retained,
    inner: HttpClient,
}

impl Retained {
    pub(super) fn new(credentials: AwsCredentialProvider, access: &Access) -> Self {
        let region = if access.region.is_empty() { "us-east-1".to_owned() } else { access.region.clone() };
        Self { credentials, region, days: access.retain_days, clock: access.clock.clone() }
    }

    async fn sign(&self, request: &mut Request<HttpRequestBody>) -> Result<(), object_store::Error> {
        let until = self.clock.now().plus(Duration::from_secs(self.days.saturating_mul(24 * 60 * 60)));
        let headers = request.headers_mut();
        headers.remove(AUTHORIZATION);
        headers.insert(MODE_NAME, MODE);
        if let Ok(until) = HeaderValue::from_str(&until.to_string()) {
            headers.insert(UNTIL_NAME, until);
        }
        // The digest of the body is known from the signature that goes.
        let digest = headers.get(&DIGEST_NAME).and_then(|digest| bytes_of(digest.as_bytes()));
        let credential = self.credentials.get_credential().await?;
        AwsAuthorizer::new(&credential, "s3", &self.region).try_authorize(request, digest.as_deref())?;
        Ok(())
    }
}

/// The bytes that hexadecimal digits write; `None` where they are none.
fn bytes_of(digits: &[u8]) -> Option<Vec<u8>> {
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

impl fmt::Debug for Retained {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Retained({} days)", self.days)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.retained.fmt(formatter)
    }
}

impl HttpConnector for Retained {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Client { retained: self.clone(), inner }))
    }
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, mut request: Request<HttpRequestBody>) -> Result<HttpResponse, HttpError> {
        // A part of a larger object takes no such headers; checkpoints are small.
        if request.method() == Method::PUT && request.uri().query().is_none() {
            let signed = self.retained.sign(&mut request).await;
            signed.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        }
        self.inner.execute(request).await
    }
}
