//! How what is stored is written as text, the same in every store: documents, visibilities, words, beginnings.

use serde_json::Value;

use crate::port::records::{Kind, Visibility, Word};
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

/// Each word as a group of its own: a text that has one of them has a group.
pub(in crate::adapter) fn any_of(words: Vec<&Word>) -> Vec<Vec<&Word>> {
    words.into_iter().map(|word| vec![word]).collect()
}

/// Groups of words of which a text that has at least so many of the words has one whole: it lacks too few for one of each. The words that come
/// first stand alone, where some do.
pub(in crate::adapter) fn spread<'a>(words: &[&'a Word], least: usize) -> Vec<Vec<&'a Word>> {
    let lacks = words.len().saturating_sub(least.max(1));
    let many = (lacks + 1).min(words.len());
    let mut groups: Vec<Vec<&Word>> = words.iter().take(many).map(|word| vec![*word]).collect();
    for (at, word) in words.iter().skip(many).enumerate() {
        groups[many - 1 - at % many].push(*word);
    }
    groups
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
    fn whoever_has_enough_of_the_words_has_a_whole_group() {
        let texts = ["a", "b", "c", "d", "e", "f", "g"];
        let all: Vec<Word> = texts.iter().map(|text| Word { text: (*text).to_owned(), beginning: false }).collect();
        for many in 0..=all.len() {
            let words: Vec<&Word> = all[..many].iter().collect();
            for least in 1..=many {
                let groups = spread(&words, least);
                assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), many);
                for had in 0_u32..1 << many {
                    let has = |word: &&Word| (0..many).any(|at| had & (1 << at) != 0 && all[at] == **word);
                    let enough = had.count_ones() as usize >= least;
                    assert!(!enough || groups.iter().any(|group| group.iter().all(has)), "{many} {least} {had:b}");
                }
            }
        }
        let words: Vec<&Word> = all.iter().collect();
        let sizes: Vec<usize> = spread(&words, 4).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 2, 2, 2], "the first words stand alone");
        assert_eq!(spread(&[], 3), Vec::<Vec<&Word>>::new());
    }

    #[test]
    fn the_end_of_a_prefix_is_the_next_text_that_does_not_begin_with_it() {
        assert_eq!(after_prefix("ab").as_deref(), Some("ac"));
        assert_eq!(after_prefix("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(after_prefix("\u{D7FF}").as_deref(), Some("\u{E000}"));
        assert_eq!(after_prefix("\u{10FFFF}"), None);
        assert_eq!(after_prefix(""), None);
    }
}
