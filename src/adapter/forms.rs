//! How what is stored is written as text, the same in every store: documents, visibilities, words, beginnings.

use serde_json::Value;

use crate::port::records::{Kind, Visibility};
use crate::port::store::StoreFault;

/// A fault of the program that calls the store.
pub(in crate::adapter) fn misuse(text: impl Into<String>) -> StoreFault {
    StoreFault::Broken(text.into())
}

/// The answer to whoever comes after the end.
pub(in crate::adapter) fn closing() -> StoreFault {
    StoreFault::Unavailable("the store is closing".to_owned())
}

/// A visibility as its column holds it.
pub(in crate::adapter) fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Private => "private",
        Visibility::Workspace => "workspace",
        Visibility::Tenant => "tenant",
    }
}

/// The visibility of a column's text.
pub(in crate::adapter) fn visibility_of(text: &str) -> Result<Visibility, StoreFault> {
    match text {
        "private" => Ok(Visibility::Private),
        "workspace" => Ok(Visibility::Workspace),
        "tenant" => Ok(Visibility::Tenant),
        other => Err(misuse(format!("a row has the unknown visibility '{other}'"))),
    }
}

/// A document's text, lifted from the version that it was written in to the kind's present one.
pub(in crate::adapter) fn lifted(kind: &Kind, version: u32, document: &str) -> Result<Value, StoreFault> {
    let body = parsed(kind.name, document)?;
    Ok((version..kind.version).fold(body, |body, from| (kind.upcast)(from, body)))
}

/// A stored JSON text.
pub(in crate::adapter) fn parsed(table: &str, text: &str) -> Result<Value, StoreFault> {
    serde_json::from_str(text).map_err(|error| misuse(format!("a row of {table} does not hold JSON: {error}")))
}

/// The JSON text of a value.
pub(in crate::adapter) fn written(value: &Value) -> Result<String, StoreFault> {
    serde_json::to_string(value).map_err(|error| misuse(format!("a value cannot be written as JSON: {error}")))
}

/// The words of a text, as full text knows them.
pub(in crate::adapter) fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|each: char| !is_of_word(each)).filter(|word| !word.is_empty())
}

/// Letters, digits and the combining marks that stand on them.
fn is_of_word(each: char) -> bool {
    each.is_alphanumeric() || matches!(each, '\u{300}'..='\u{36F}')
}

/// The first text after all that begin with a prefix; `None` when there is none.
pub(in crate::adapter) fn after_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            '\u{10FFFF}' => None,
            '\u{D7FF}' => Some('\u{E000}'),
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_text_that_does_not_begin_with_it() {
        assert_eq!(after_prefix("ab").as_deref(), Some("ac"));
        assert_eq!(after_prefix("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(after_prefix("\u{D7FF}").as_deref(), Some("\u{E000}"));
        assert_eq!(after_prefix("\u{10FFFF}"), None);
        assert_eq!(after_prefix(""), None);
    }
}
