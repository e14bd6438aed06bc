//! Vendors' refusals as the port's faults. A status says little: what the body says decides where the dialect knows it.

use std::time::Duration;

use http::HeaderMap;
use jiff::fmt::rfc2822::DateTimeParser;
use serde_json::Value;

use crate::kernel::redact::{MASK, redact};
use crate::kernel::secret::Secret;
use crate::port::models::{ModelFault, ModelFaultKind};

/// So much of a vendor's words is told.
const LONGEST: usize = 500;
/// A vendor that wants to be asked again so much later is told to be gone rather than waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// What a vendor's body says of a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The kind, where the body tells more than the status.
    pub(super) kind: Option<ModelFaultKind>,
    /// The vendor's words.
    pub(super) say: Option<String>,
    /// When to ask again, where the body says it.
    pub(super) retry_after: Option<Duration>,
}

/// The kind that a status alone says.
pub(super) fn kind_of(status: u16, is_vendors: bool) -> ModelFaultKind {
    match status {
        401 | 403 => ModelFaultKind::Credential,
        // A page that some other server answers with says nothing of a model.
        404 if is_vendors => ModelFaultKind::UnknownModel,
        413 => ModelFaultKind::TooLong,
        // An account without money is one that is used up.
        402 | 429 => ModelFaultKind::RateLimited,
        408 | 409 | 425 => ModelFaultKind::Unavailable,
        // Who is sent elsewhere has the wrong address.
        300..=499 => ModelFaultKind::BadRequest,
        _ => ModelFaultKind::Unavailable,
    }
}

/// The kind that a vendor's words say, for those that many vendors share.
pub(super) fn kind_by_words(say: &str) -> Option<ModelFaultKind> {
    let say = say.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|one| say.contains(one));
    if has(&[
        "context length",
        "context window",
        "context_length",
        "prompt is too long",
        "too many tokens",
        "maximum number of tokens allowed",
        "input is too long",
        "exceeds the model's maximum",
        "exceed context limit",
        "too large for model",
    ]) {
        return Some(ModelFaultKind::TooLong);
    }
    if has(&["content management policy", "content_filter", "content policy", "flagged by"]) {
        return Some(ModelFaultKind::Refused);
    }
    if has(&["invalid model", "not a valid model", "model not found", "no such model", "model_not_found"]) {
        return Some(ModelFaultKind::UnknownModel);
    }
    if has(&["api key not valid", "invalid api key", "incorrect api key", "invalid x-api-key", "invalid api token"]) {
        return Some(ModelFaultKind::Credential);
    }
    None
}

/// The fault of a status with its head and body.
pub(super) fn of_status(status: u16, headers: &HeaderMap, body: &[u8], refusal: Refusal) -> ModelFault {
    let is_vendors = serde_json::from_slice::<Value>(body).is_ok_and(|body| body.is_object());
    let say = refusal.say.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let kind = refusal.kind.unwrap_or_else(|| {
        // Words of a server that failed or was asked too often decide nothing.
        let by_words = if matches!(status, 400 | 404 | 413 | 422) { kind_by_words(&say) } else { None };
        by_words.unwrap_or_else(|| kind_of(status, is_vendors))
    });
    let say = if say.trim().is_empty() { format!("answered {status} without a word") } else { say };
    let retry_after = retry_after(headers).or(refusal.retry_after).filter(|wait| *wait <= LONGEST_WAIT);
    ModelFault { kind, say, status: Some(status), retry_after }
}

/// When the vendor wants to be asked again: in milliseconds, in seconds, or at a time, which is held against the vendor's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds = |text: &str| text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    if let Some(wait) = text("retry-after-ms").and_then(seconds) {
        return Some(wait / 1000);
    }
    let told = text("retry-after")?;
    if let Some(wait) = seconds(told) {
        return Some(wait);
    }
    let time = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let (then, now) = (time(told)?, time(text("date")?)?);
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// The fault as it may be told: shortened, without the key and whatever else looks like one.
pub(super) fn told(mut fault: ModelFault, key: Option<&Secret>) -> ModelFault {
    let mut say = fault.say;
    if let Some(key) = key.map(Secret::reveal).filter(|key| !key.is_empty()) {
        say = say.replace(key, MASK);
    }
    let plain: String = redact(&say).chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    fault.say =
        if plain.chars().count() > LONGEST { plain.chars().take(LONGEST).chain(['…']).collect() } else { plain };
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_wait_is_read_however_it_is_written() {
        for (pairs, wait) in [
            (&[("retry-after", "3")][..], Some(3_000)),
            (&[("retry-after", "0.25")], Some(250)),
            (&[("retry-after-ms", "1500"), ("retry-after", "2")], Some(1_500)),
            (
                &[("retry-after", "Thu, 26 Nov 2026 03:00:10 GMT"), ("date", "Thu, 26 Nov 2026 03:00:00 GMT")],
                Some(10_000),
            ),
            (&[("retry-after", "Thu, 26 Nov 2026 03:00:00 GMT"), ("date", "Thu, 26 Nov 2026 03:00:10 GMT")], Some(0)),
            (&[("retry-after", "Thu, 26 Nov 2026 03:00:10 GMT")], None),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "1e300")], None),
            (&[], None),
        ] {
            assert_eq!(retry_after(&headers(pairs)), wait.map(Duration::from_millis), "{pairs:?}");
        }
    }

    #[test]
    fn what_is_told_is_short_and_holds_no_key() {
        let key = Secret::new("abcdef-secret".to_owned());
        let say = format!("the key abcdef-secret is bad,\n\tand so is sk-live12345678 {}", "x".repeat(900));
        let told = told(ModelFault::new(ModelFaultKind::Credential, say), Some(&key));
        assert!(told.say.starts_with("the key *** is bad, and so is sk-*** x"), "{}", told.say);
        assert_eq!(told.say.chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_page_of_another_server_says_nothing_of_a_model() {
        let fault = |status, body: &str| of_status(status, &HeaderMap::new(), body.as_bytes(), Refusal::default()).kind;
        assert_eq!(fault(404, "<html>not found</html>"), ModelFaultKind::BadRequest);
        assert_eq!(fault(404, r#"{"error":"x"}"#), ModelFaultKind::UnknownModel);
        assert_eq!(fault(400, "the maximum context length is 10"), ModelFaultKind::TooLong);
        assert_eq!(fault(500, "the maximum context length is 10"), ModelFaultKind::Unavailable);
        assert_eq!(fault(529, ""), ModelFaultKind::Unavailable);
    }
}
