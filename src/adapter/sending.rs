//! The one way by which a request over HTTP goes out: with the place in a trace of what it is sent for, where there is one. It
//! tells no more of the trace, and nothing where nobody follows.

use http::{HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response};

use crate::kernel::current::Current;

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Sends a request, and answers when the head of the answer is there. Whoever wrote a place into it knew better.
pub(super) async fn send(request: RequestBuilder) -> reqwest::Result<Response> {
    let (client, request) = request.build_split();
    let mut request = request?;
    let place = Current::trace().and_then(|trace| HeaderValue::try_from(trace.to_string()).ok());
    if let Some(place) = place
        && !request.headers().contains_key(&TRACEPARENT)
    {
        request.headers_mut().insert(&TRACEPARENT, place);
    }
    client.execute(request).await
}
