//! The door for clients of Anthropic, over real HTTP, before a vendor that does what it is told.

mod messages;
mod streams;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::doors::served::{Served, told};

/// A message of the member's with one question, and more.
#[expect(clippy::needless_pass_by_value, reason = "written out where it is called")]
fn message(served: &Served, more: Value) -> RequestBuilder {
    let mut body =
        json!({ "model": "test/large", "max_tokens": 50, "messages": [{ "role": "user", "content": "Hi" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request = served.bare(Method::POST, "/v1/messages").header("x-api-key", served.app.member.key.reveal());
    request.header("anthropic-version", "2023-06-01").json(&body)
}

/// The status and the error of a refusal.
async fn refused(request: RequestBuilder) -> (u16, Value) {
    let (status, mut body) = told(request).await;
    assert_eq!(body["type"], "error", "{body}");
    assert!(body["error"]["message"].is_string() && body["request_id"].is_string(), "{body}");
    (status, body["error"].take())
}
