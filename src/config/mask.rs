//! The configuration as people may see it: every key with its source, secrets masked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Config;
use super::origins::ConfigOrigins;
use crate::kernel::redact::{MASK, is_secret_name, redact};

/// A key as it may be shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// The key, as `section.key`.
    pub key: String,
    /// Its value; `***` for a secret.
    pub value: Value,
    /// Where the value comes from.
    pub source: String,
}

/// Every key with its value and source, in the order of the file of defaults.
#[must_use]
pub fn shown(config: &Config, origins: &ConfigOrigins) -> Vec<Shown> {
    let Ok(Value::Object(sections)) = serde_json::to_value(config) else { return Vec::new() };
    let mut all = Vec::new();
    for (section, values) in sections {
        let Value::Object(values) = values else { continue };
        for (name, value) in values {
            let key = format!("{section}.{name}");
            let source = origins.of(&key).to_owned();
            all.push(Shown { value: masked(&key, value), key, source });
        }
    }
    all
}

/// The value as it may be shown: a secret by its key's name, or by its look.
#[must_use]
pub fn masked(key: &str, value: Value) -> Value {
    match value {
        Value::String(text) if is_secret_name(key) && !text.is_empty() => Value::String(MASK.to_owned()),
        Value::String(text) => Value::String(redact(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(|item| masked(key, item)).collect()),
        Value::Object(members) => {
            members.into_iter().map(|(name, value)| (name.clone(), masked(&name, value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_by_name_and_in_urls() {
        let masked = |key, text: &str| masked(key, Value::String(text.to_owned()));
        assert_eq!(masked("mail.password", "hunter2"), "***");
        assert_eq!(masked("mail.password", ""), "");
        assert_eq!(masked("store.url", "postgres://a:b@c/d"), "postgres://a:***@c/d");
        assert_eq!(masked("server.tls_key", "/etc/key.pem"), "/etc/key.pem");
    }
}
