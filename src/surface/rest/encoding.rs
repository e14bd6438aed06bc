//! Which encodings of an answer a client takes, and the tags of encoded answers: other bytes have another tag.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG};
use http::{HeaderMap, HeaderValue, Request, Response};

/// What this server can answer in.
const OFFERED: [&str; 3] = ["identity", "gzip", "br"];

/// Whether `Accept-Encoding` leaves any of them.
fn takes_any(headers: &HeaderMap) -> bool {
    let texts = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<(&str, bool)> = texts.flat_map(|text| text.split(',')).map(named).collect();
    let of = |name: &str| named.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, taken)| *taken);
    OFFERED.iter().any(|encoding| match of(encoding).or_else(|| of("*")) {
        Some(taken) => taken,
        None => *encoding == "identity",
    })
}

/// A client that takes no encoding at all, not even none, gets its answer plainly: the call is made, and an answer that hides
/// what it did helps nobody.
pub(super) fn taking_something<B>(mut request: Request<B>) -> Request<B> {
    if !takes_any(request.headers()) {
        request.headers_mut().remove(ACCEPT_ENCODING);
    }
    request
}

/// Gives an encoded answer a tag of its own.
pub(super) fn tagged<B>(mut response: Response<B>) -> Response<B> {
    let headers = response.headers();
    let tag = headers.get(CONTENT_ENCODING).zip(headers.get(ETAG)).and_then(|(encoding, tag)| {
        let tag = tag.to_str().ok()?.strip_suffix('"')?;
        HeaderValue::from_str(&format!("{tag}-{}\"", encoding.to_str().ok()?)).ok()
    });
    if let Some(tag) = tag {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The tag of the same answer without an encoding.
pub(super) fn plain_tag(tag: &str) -> String {
    let bare = tag.strip_suffix('"').unwrap_or(tag);
    let bare = OFFERED.iter().find_map(|encoding| bare.strip_suffix(encoding)?.strip_suffix('-')).unwrap_or(bare);
    format!("{bare}\"")
}

fn named(part: &str) -> (&str, bool) {
    let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
    let weight = parameters.split(';').find_map(|one| one.trim().strip_prefix("q="));
    (name.trim(), weight.and_then(|weight| weight.parse::<f32>().ok()).is_none_or(|weight| weight > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_only_where_plain_answers_are_refused_too() {
        let takes = |text: &str| takes_any(&HeaderMap::from_iter([(ACCEPT_ENCODING, text.parse().unwrap())]));
        assert!(takes_any(&HeaderMap::new()));
        for text in ["", "br", "zstd", "identity;q=0, br", "*", "*;q=0, gzip", "*;q=0, identity", "gzip;q=0"] {
            assert!(takes(text), "{text}");
        }
        for text in ["identity;q=0", "*;q=0", "identity;q=0.0, zstd", "*;q=0, gzip;q=0, br; q=0"] {
            assert!(!takes(text), "{text}");
        }
    }

    #[test]
    fn encoded_answers_have_tags_of_their_own() {
        let answer = |encoding: &str| {
            let answer = Response::builder().header(ETAG, "\"7.abc\"");
            tagged(answer.header(CONTENT_ENCODING, encoding).body(()).unwrap()).headers()[ETAG].clone()
        };
        assert_eq!(answer("br"), "\"7.abc-br\"");
        for tag in ["\"7.abc\"", "\"7.abc-br\"", "\"7.abc-gzip\""] {
            assert_eq!(plain_tag(tag), "\"7.abc\"");
        }
    }
}
