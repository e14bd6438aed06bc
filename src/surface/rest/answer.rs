//! What a capability answered, as an HTTP answer: one JSON value, a stream as server-sent events or lines of JSON, a file.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use futures::{Stream, StreamExt as _};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio_util::sync::DropGuard;

use super::Rest;
use super::demands::named_tag;
use super::routes::Target;
use crate::capability::gate::limit::Allowance;
use crate::capability::gate::{Reply, Request as Call};
use crate::capability::outcome::{Download, Form, Items, Outcome};
use crate::capability::spec::Effect;
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;
use crate::kernel::seal::sha256_hex;
use crate::surface::http::problem;

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
const EVENTS: &str = "text/event-stream";

impl Rest {
    /// Makes the call. When the client goes away the call is called off, and what it has begun outside is still recorded.
    pub(super) async fn call(&self, tool: &Tool, call: Call) -> Result<(Reply, DropGuard), Fault> {
        let calling = call.cancel.clone().drop_guard();
        if tool.effect.reads() && !tool.spends && !tool.reaches {
            return Ok((self.gate.call(call).await, calling));
        }
        let gate = self.gate.clone();
        let call: BoxFuture<'static, Reply> = Box::pin(async move { gate.call(call).await });
        let reply = tokio::spawn(call).await.map_err(Fault::internal)?;
        Ok((reply, calling))
    }
}

/// Whether the answer can be given in a form that the client takes.
pub(super) fn acceptable(headers: &HeaderMap, form: Form) -> Result<(), Fault> {
    let fits = match form {
        Form::Value | Form::Content => accepts(headers, JSON),
        Form::Stream => accepts(headers, EVENTS) || accepts(headers, LINES),
        Form::Bytes => true,
    };
    if fits {
        Ok(())
    } else {
        Err(Fault::new(&codes::NOT_ACCEPTABLE, "the Accept header leaves no form for the answer"))
    }
}

/// The answer to a call.
pub(super) fn of(parts: &Parts, target: &Target, reply: Reply, calling: DropGuard) -> Result<Response, Fault> {
    let mut response = match reply.result {
        Err(fault) => problem::answer(&fault, reply.id),
        Ok(Outcome::Value(value)) => {
            let _ = calling.disarm();
            one(parts, target, &value, reply.revision)?
        }
        Ok(Outcome::Stream(items)) => stream(&parts.headers, items, reply.id, calling),
        Ok(Outcome::Bytes(download)) => file(download, calling),
    };
    let headers = response.headers_mut();
    if reply.replayed {
        headers.insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    }
    Ok(response)
}

fn one(parts: &Parts, target: &Target, value: &Value, revision: Option<i64>) -> Result<Response, Fault> {
    let tool = &target.tool;
    let body = serde_json::to_vec(value).map_err(Fault::internal)?;
    let tag = revision.map(|revision| tag_of(revision, &body));
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    let kept = if tool.effect.reads() { "private, no-cache" } else { "no-store" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    let known = tag.as_ref().filter(|_| tool.effect.reads()).and_then(|tag| named_tag(&parts.headers, tag));
    if let Some(tag) = known.as_ref().or(tag.as_ref()).and_then(|tag| HeaderValue::from_str(tag).ok()) {
        headers.insert(ETAG, tag);
    }
    if known.is_some() {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    if tool.effect == Effect::Remove && empty {
        *response.status_mut() = StatusCode::NO_CONTENT;
        return Ok(response);
    }
    if tool.effect == Effect::Create {
        let id = value.get("id").and_then(Value::as_str);
        let location = target.created_at.as_ref().zip(id).map(|(path, id)| format!("{path}{}", encoded(id)));
        if let Some(location) = location.and_then(|location| HeaderValue::from_str(&location).ok()) {
            headers.insert(LOCATION, location);
        }
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    if tool.effect == Effect::Create {
        *response.status_mut() = StatusCode::CREATED;
    }
    *response.body_mut() = Body::from(body);
    Ok(response)
}

/// The tag of an answer: the document's revision, by which `If-Match` holds it, and a digest of the whole, since an answer can
/// tell of more than the one document.
fn tag_of(revision: i64, body: &[u8]) -> String {
    format!("\"{revision}.{}\"", &sha256_hex(body)[..12])
}

/// Server-sent events `item` and, at the end, `end` or `problem`; or a line of JSON for each item, the last one holding
/// `problem` where it ended by a fault.
fn stream(headers: &HeaderMap, items: Items, id: CallId, calling: DropGuard) -> Response {
    let told = told(items, id).map(move |told| {
        // The guard lives as long as the stream: a client that goes away calls off what makes the items.
        let _calling = &calling;
        told
    });
    if names(headers, EVENTS) {
        let events = told.map(|told| {
            let (name, data) = match told {
                Told::Item(value) => ("item", value),
                Told::Problem(problem) => ("problem", problem),
                Told::End => ("end", serde_json::json!({})),
            };
            Ok::<_, Infallible>(Event::default().event(name).data(data.to_string()))
        });
        let keep = KeepAlive::new().interval(Duration::from_secs(15));
        return Sse::new(events).keep_alive(keep).into_response();
    }
    let lines = told.filter_map(|told| {
        let line = match told {
            Told::Item(value) => Some(value),
            Told::Problem(problem) => Some(serde_json::json!({ "problem": problem })),
            Told::End => None,
        };
        ready(line.map(|line| Ok::<_, Infallible>(Bytes::from(format!("{line}\n")))))
    });
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(LINES));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a stream tells.
enum Told {
    Item(Value),
    Problem(Value),
    End,
}

/// The items, and how they ended: a fault is the last that is told.
fn told(items: Items, id: CallId) -> impl Stream<Item = Told> + Send + 'static {
    let ended = futures::stream::once(ready(None));
    items.map(Some).chain(ended).scan(false, move |failed, item| {
        ready(match item {
            _ if *failed => None,
            Some(Ok(value)) => Some(Told::Item(value)),
            Some(Err(fault)) => {
                *failed = true;
                if fault.code().status >= 500 {
                    tracing::error!(request_id = %id, fault = ?fault, "a stream failed");
                }
                Some(Told::Problem(serde_json::to_value(fault.problem(&id.to_string())).unwrap_or(Value::Null)))
            }
            None => Some(Told::End),
        })
    })
}

fn file(download: Download, calling: DropGuard) -> Response {
    let Download { media_type, name, size_bytes, chunks } = download;
    let calling = Arc::new(calling);
    let chunks = chunks.map(move |chunk| {
        let _calling = &calling;
        chunk
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let headers = response.headers_mut();
    let media = HeaderValue::from_str(&media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_TYPE, media);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(size) = size_bytes {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
    }
    let plain: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' })
        .collect();
    let disposition = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", encoded(&name));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// What is left to the caller.
pub(in crate::surface) fn tell_allowance(headers: &mut HeaderMap, allowance: Allowance) {
    let Allowance { limit, remaining, reset_seconds } = allowance;
    headers.insert(HeaderName::from_static("ratelimit-limit"), HeaderValue::from(limit));
    headers.insert(HeaderName::from_static("ratelimit-remaining"), HeaderValue::from(remaining));
    headers.insert(HeaderName::from_static("ratelimit-reset"), HeaderValue::from(reset_seconds));
    let policy = format!("\"calls\";q={limit};w=60");
    let left = format!("\"calls\";r={remaining};t={reset_seconds}");
    if let (Ok(policy), Ok(left)) = (HeaderValue::from_str(&policy), HeaderValue::from_str(&left)) {
        headers.insert(HeaderName::from_static("ratelimit-policy"), policy);
        headers.insert(HeaderName::from_static("ratelimit"), left);
    }
}

/// What may stand bare in a path or a header's parameter.
fn encoded(text: &str) -> String {
    const BARE: percent_encoding::AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
    utf8_percent_encode(text, &BARE).to_string()
}

/// The media ranges that the client names, with their weights.
fn ranges(headers: &HeaderMap) -> Vec<(String, f32)> {
    let texts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = texts.flat_map(|text| text.split(',')).filter_map(|range| {
        let (media, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight = parameters.split(';').find_map(|one| one.trim().strip_prefix("q=")?.parse::<f32>().ok());
        let media = media.trim().to_ascii_lowercase();
        (!media.is_empty()).then(|| (media, weight.unwrap_or(1.0)))
    });
    ranges.collect()
}

/// Whether the client takes a media type: the range that names it most closely decides.
fn accepts(headers: &HeaderMap, media: &str) -> bool {
    if headers.get(ACCEPT).is_none() {
        return true;
    }
    let ranges = ranges(headers);
    let family = format!("{}/*", media.split_once('/').map_or("*", |(family, _)| family));
    let closest = [media, &family, "*/*"].into_iter().find_map(|name| ranges.iter().find(|(range, _)| range == name));
    closest.is_some_and(|(_, weight)| *weight > 0.0)
}

/// Whether the client names a media type itself.
fn names(headers: &HeaderMap, media: &str) -> bool {
    ranges(headers).iter().any(|(range, weight)| range == media && *weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_accept() {
        let with = |text: &str| HeaderMap::from_iter([(ACCEPT, text.parse().unwrap())]);
        assert!(accepts(&HeaderMap::new(), JSON) && accepts(&with("*/*"), JSON));
        assert!(accepts(&with("text/html, application/*;q=0.5"), JSON));
        assert!(!accepts(&with("application/json;q=0, */*"), JSON) && !accepts(&with("application/*;q=0, */*"), LINES));
        assert!(!accepts(&with("text/html"), JSON) && !accepts(&with("application/json;q=0"), JSON));
        assert!(names(&with("text/event-stream"), EVENTS) && !names(&with("*/*"), EVENTS));
    }
}
