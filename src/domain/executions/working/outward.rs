//! A call over HTTP: to an address that the guard of the outside allows, with the execution's key so that the other side can tell what it
//! has done already.

use std::time::Duration;

use futures::StreamExt as _;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use serde_json::{Map, Value, json};

use super::Worker;
use super::doing::Wanted;
use crate::capability::caller::{Caller, Origin};
use crate::capability::credentials::{Credentials, UseOf};
use crate::domain::executions::faults::INTEGRATION_REFUSED;
use crate::domain::processes::engine::nodes::work::{Integration, Method as Given};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;
use crate::port::outside::{OutFault, OutRequest, Outgoing};

/// The largest answer that is read.
pub(in crate::domain::executions) const LARGEST: usize = 4 << 20;
/// So long it may take to come in.
const LONGEST: Duration = Duration::from_secs(300);

impl Worker {
    pub(super) async fn integration(
        &self,
        wanted: &Wanted,
        caller: &Caller,
        one: &Integration,
    ) -> Result<Value, Fault> {
        let platform = self.gate.platform();
        let outside = platform.service::<Outgoing>()?;
        let method = match one.method.unwrap_or(Given::Post) {
            Given::Get => Method::GET,
            Given::Post => Method::POST,
            Given::Put => Method::PUT,
            Given::Patch => Method::PATCH,
            Given::Delete => Method::DELETE,
        };
        let mut url = wanted.config.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        let bodiless = method == Method::GET || method == Method::DELETE;
        if bodiless {
            url = with_query(&url, &wanted.input);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in wanted.config.get("headers").and_then(Value::as_object).into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let pair = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(text));
            let (Ok(name), Ok(value)) = pair else {
                return Err(Fault::bad_input(format!("/headers/{name}"), "is no header that could be sent"));
            };
            headers.insert(name, value);
        }
        if let Some(name) = &one.credential {
            // It was judged when it was written; what came out is judged once more.
            if !one.origin().is_some_and(|origin| url.strip_prefix(origin).is_some_and(within_server)) {
                return Err(Fault::bad_input(
                    "/url",
                    "leads to another server than the one that the credential is for",
                ));
            }
            let use_of = UseOf::by(caller, CallId::new(platform.clock.now()), Origin::inside(), "execution");
            let secret = platform.service::<Credentials>()?.0.take(platform, &use_of, name).await?;
            let mut value = HeaderValue::try_from(format!("Bearer {}", secret.reveal()))
                .map_err(|_| Fault::bad_input("/credential", "holds what cannot stand in a header"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if let Ok(key) = HeaderValue::try_from(wanted.key.clone()) {
            headers.insert(HeaderName::from_static("idempotency-key"), key);
        }
        let body = if bodiless {
            bytes::Bytes::new()
        } else {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            serde_json::to_vec(&wanted.input).map_err(Fault::internal)?.into()
        };
        let request = OutRequest { method, url, headers, body, patience: Self::PATIENCE };
        let answer = outside.0.send(request).await.map_err(|fault| unreached(&fault))?;
        let status = answer.status.as_u16();
        let told: Map<String, Value> = answer
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), json!(value.to_str().ok()?))))
            .collect();
        let mut read = Vec::new();
        let mut parts = answer.body;
        let reading = async {
            while let Some(part) = parts.next().await {
                let part = part.map_err(|fault| unreached(&fault))?;
                if read.len() + part.len() > LARGEST {
                    return Err(Fault::new(&codes::TOO_LARGE, format!("the answer has more than {LARGEST} bytes")));
                }
                read.extend_from_slice(&part);
            }
            Ok(())
        };
        tokio::time::timeout(LONGEST, reading)
            .await
            .map_err(|_| Fault::new(&codes::UNAVAILABLE, "the other side did not end its answer in time"))??;
        let body = serde_json::from_slice(&read)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&read).into_owned()));
        let expected = if one.expect.is_empty() { (200..300).contains(&status) } else { one.expect.contains(&status) };
        if expected {
            return Ok(json!({ "status": status, "headers": told, "body": body }));
        }
        let say = format!("the other side answered {status}");
        let code = if status >= 500 || status == 429 { &codes::UNAVAILABLE } else { &INTEGRATION_REFUSED };
        Err(Fault::new(code, say).with_detail(json!({ "status": status, "body": body })))
    }
}

/// What may follow the name of a server.
fn within_server(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/') || rest.starts_with('?')
}

fn with_query(url: &str, input: &Map<String, Value>) -> String {
    if input.is_empty() {
        return url.to_owned();
    }
    let mut query = String::new();
    for (name, value) in input {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !query.is_empty() {
            query.push('&');
        }
        query.extend([escaped(name).as_str(), "=", &escaped(&text)]);
    }
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}{query}")
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if plain(byte) {
            escaped.push(char::from(byte));
            escaped
        } else {
            escaped + &format!("%{byte:02X}")
        }
    })
}

fn unreached(fault: &OutFault) -> Fault {
    match fault {
        OutFault::Forbidden(why) => Fault::new(&codes::FORBIDDEN, format!("the address may not be called: {why}")),
        other => Fault::new(&codes::UNAVAILABLE, format!("the other side: {other}")),
    }
}
