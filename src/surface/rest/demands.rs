//! What a request's headers demand of the call: once only, a certain revision, within a time, later.

use std::time::Duration;

use http::HeaderMap;
use http::header::{IF_MATCH, IF_NONE_MATCH};

use super::encoding::plain_tag;
use crate::capability::gate::Request as Call;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

const LONGEST_KEY: usize = 255;

/// The demands of a request.
pub(super) struct Demands {
    pub(super) respond_async: bool,
    idempotency_key: Option<String>,
    if_match: Option<i64>,
    time_limit: Option<Duration>,
}

impl Demands {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Fault> {
        let text = |name: &str| -> Result<Option<&str>, Fault> {
            let Some(value) = headers.get(name) else { return Ok(None) };
            value.to_str().map(|text| Some(text.trim())).map_err(|_| bad_header(name, "must be plain ASCII text"))
        };
        let idempotency_key = match text("idempotency-key")? {
            None => None,
            Some(key) => {
                let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
                let is_plain = key.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"');
                if key.is_empty() || key.len() > LONGEST_KEY || !is_plain {
                    let must = "must have 1 to 255 visible characters, without quotes but those around it";
                    return Err(bad_header("Idempotency-Key", must));
                }
                Some(key.to_owned())
            }
        };
        let time_limit = match text("request-timeout")? {
            None => None,
            Some(seconds) => {
                let seconds = seconds.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds <= 86_400.0);
                let seconds = seconds.ok_or_else(|| bad_header("Request-Timeout", "must be seconds above 0"))?;
                Some(Duration::from_secs_f64(seconds))
            }
        };
        let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        let respond_async = preferences.flat_map(|text| text.split(',')).any(|preference| {
            preference.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("respond-async")
        });
        Ok(Self { respond_async, idempotency_key, if_match: if_match(headers)?, time_limit })
    }

    pub(super) fn apply(&self, call: &mut Call) {
        call.idempotency_key.clone_from(&self.idempotency_key);
        call.if_match = self.if_match;
        call.time_limit = self.time_limit;
    }
}

/// The revision that `If-Match` names. A tag that this server never gives out matches nothing.
fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Fault> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    // What follows the revision tells answers apart, not documents.
    let revision = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|tag| {
        let (revision, _) = tag.split_once('.').unwrap_or((tag, ""));
        revision.parse().ok()
    });
    revision.map(Some).ok_or_else(|| {
        Fault::new(&codes::PRECONDITION_FAILED, "If-Match must name one ETag that this server gave, such as \"7\"")
    })
}

/// The tag that `If-None-Match` names, where it is this one or that of an encoded form of the same answer.
pub(super) fn named_tag(headers: &HeaderMap, tag: &str) -> Option<String> {
    let texts = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(|one| one.trim().trim_start_matches("W/")).find_map(|one| match one {
        "*" => Some(tag.to_owned()),
        one => (plain_tag(one) == tag).then(|| one.to_owned()),
    })
}

fn bad_header(name: &str, must: &str) -> Fault {
    Fault::bad_input("", format!("the header {name} {must}"))
}
