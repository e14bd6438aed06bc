//! The door for clients of OpenAI, over real HTTP, before a vendor that does what it is told.

mod chat;
mod others;
mod responses;
mod streams;

use convoke::port::models::{ModelFault, Piece, Stop, Tokens};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::doors::served::{Served, told};

/// A request of the member's.
pub(super) fn post(served: &Served, path: &str, body: &Value) -> RequestBuilder {
    served.bare(Method::POST, path).bearer_auth(served.app.member.key.reveal()).json(body)
}

/// A chat of the member's with one question, and more.
#[expect(clippy::needless_pass_by_value, reason = "written out where it is called")]
fn chat(served: &Served, more: Value) -> RequestBuilder {
    let mut body = json!({ "model": "test/large", "messages": [{ "role": "user", "content": "Hi" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post(served, "/v1/chat/completions", &body)
}

/// The status and the error of a refusal.
async fn refused(request: RequestBuilder) -> (u16, Value) {
    let (status, mut body) = told(request).await;
    assert!(body["error"]["message"].is_string() && body["error"]["request_id"].is_string(), "{body}");
    (status, body["error"].take())
}

#[expect(clippy::unnecessary_wraps, reason = "as the script takes it")]
pub(super) fn start() -> Result<Piece, ModelFault> {
    Ok(Piece::Start { model: "large".to_owned(), id: None })
}

#[expect(clippy::unnecessary_wraps, reason = "as the script takes it")]
pub(super) fn text(text: &str) -> Result<Piece, ModelFault> {
    Ok(Piece::Text { text: text.to_owned() })
}

#[expect(clippy::unnecessary_wraps, reason = "as the script takes it")]
pub(super) fn thought(text: &str, opaque: Option<Value>) -> Result<Piece, ModelFault> {
    Ok(Piece::Reasoning { text: text.to_owned(), opaque })
}

#[expect(clippy::unnecessary_wraps, reason = "as the script takes it")]
pub(super) fn call(index: u32, name: &str) -> Result<Piece, ModelFault> {
    Ok(Piece::ToolStart { index, id: format!("call_{index}"), name: name.to_owned(), opaque: None })
}

#[expect(clippy::unnecessary_wraps, reason = "as the script takes it")]
pub(super) fn more(index: u32, text: &str) -> Result<Piece, ModelFault> {
    Ok(Piece::ToolArguments { index, text: text.to_owned() })
}

#[expect(clippy::unnecessary_wraps, reason = "as the script takes it")]
pub(super) fn end(stop: Stop) -> Result<Piece, ModelFault> {
    let tokens = Tokens { input: 100, cached: 40, cache_written: 10, output: 30, reasoning: 5, searches: 0 };
    Ok(Piece::End { stop, tokens: Some(tokens) })
}
