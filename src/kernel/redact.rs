//! Takes secrets out of text that people and logs get to see. What looks like a key, a token or a password is masked; when in
//! doubt too much is.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What stands where a secret was.
pub const MASK: &str = "***";

/// Names whose values are secrets: of settings, headers, form fields, properties.
const NAMES: &str = "password|passwd|passphrase|secret|token|credential|authorization|cookie\
    |api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|encryption[_-]?key|signing[_-]?key";

static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pem = "-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|$)";
    let address = r#"(?<address>://[^/\s:@"']*:)[^@/\s"']+@"#;
    let value = r#"\\"[^"\\]*\\"|"(?:[^"\\]|\\.)*"|'[^']*'|(?:bearer\s+|basic\s+|digest\s+)?[^\s,;&}\])"'\\]+"#;
    let named = format!(r#"(?<name>(?:{NAMES})(?:\\?["'])?\s*[=:]\s*(?:Some\()?)(?<value>{value})"#);
    // Word boundaries of ASCII: with those of Unicode a text beyond ASCII is searched in a way that is twenty times slower.
    let bearer = r"(?<scheme>(?-u:\b)bearer\s+)[A-Za-z0-9._~+/=-]+";
    let prefixed = r"(?-u:\b)(?<prefix>cvk_|sk-|gh[pousr]_|xox[abprs]-)[A-Za-z0-9_-]{4,}";
    let signed = r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*";
    Regex::new(&format!("(?i:{pem}|{address}|{named}|{bearer}|{prefixed}|{signed})")).ok()
});

static SECRET_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&format!("(?i:(?:{NAMES})s?$)")).ok());

/// The text with every secret masked.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let Some(secrets) = SECRETS.as_ref() else { return Cow::Borrowed(MASK) };
    secrets.replace_all(text, |found: &Captures<'_>| {
        let kept = |name| found.name(name).map(|part| part.as_str());
        let before = ["name", "scheme", "prefix"].into_iter().find_map(kept);
        match (kept("address"), before) {
            (Some(address), _) => format!("{address}{MASK}@"),
            (None, Some(before)) => {
                let quote = quote_of(kept("value").unwrap_or_default());
                format!("{before}{quote}{MASK}{quote}")
            }
            (None, None) => MASK.to_owned(),
        }
    })
}

/// The quotes around a value: they stay, so that what was JSON still is.
fn quote_of(value: &str) -> &'static str {
    ["\\\"", "\"", "'"].into_iter().find(|quote| value.starts_with(quote)).unwrap_or_default()
}

/// Whether the value of a setting or property of this name is a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    SECRET_NAME.as_ref().is_none_or(|names| names.is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_what_looks_like_a_secret() {
        for (text, wanted) in [
            ("key cvk_abcd1234EFGH-_x done", "key cvk_*** done"),
            ("Authorization: Bearer abc.def-ghi rest", "Authorization: *** rest"),
            ("sent Bearer abc.def-ghi rest", "sent Bearer *** rest"),
            ("password=hunter2&user=ann", "password=***&user=ann"),
            (r#"{"password":"two words","user":"ann"}"#, r#"{"password":"***","user":"ann"}"#),
            (r#"{\"clientSecret\":\"s3\",\"user\":\"ann\"}"#, r#"{\"clientSecret\":\"***\",\"user\":\"ann\"}"#),
            (r#"Config { api_key: Some("abc def"), port: 1 }"#, r#"Config { api_key: Some("***"), port: 1 }"#),
            ("used sk-proj-1234567890abcdef now", "used sk-*** now"),
            ("postgres://ann:s3cret@db:5432/x", "postgres://ann:***@db:5432/x"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.abc_-1 end", "jwt *** end"),
            ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY----- after", "*** after"),
        ] {
            assert_eq!(redact(text), wanted, "{text}");
        }
    }

    #[test]
    fn leaves_the_rest_alone() {
        for text in [
            "the task-12345678 took 1500 tokens",
            "GET http://127.0.0.1:7437/health",
            "19 tokens: fine",
            "tool=user_create request_id=0199",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn knows_names_of_secrets() {
        assert!(is_secret_name("smtp_password") && is_secret_name("apiKey") && is_secret_name("providers.tokens"));
        assert!(!is_secret_name("tls_key") && !is_secret_name("listen") && !is_secret_name("max_tokens_a_call"));
    }
}
