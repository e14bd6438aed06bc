//! The words of a text that say something: what a question looks for, and by what two texts are held against each other.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use rust_stemmers::{Algorithm, Stemmer};

use crate::port::records::Word;

/// So many words of a question are looked for; a longer one is no question.
const MOST_WORDS: usize = 24;
/// So many letters a word must keep of itself, to be looked for by its beginning.
const LEAST_BEGINNING: usize = 3;

/// Words that nearly every text has and none is found by. They count where a question has no others.
const STOP_WORDS: &[&str] = &[
    // English
    "a", "about", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did", "do", "does",
    "for", "from", "had", "has", "have", "he", "her", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its",
    "like", "me", "much", "my", "of", "on", "or", "our", "she", "should", "so", "some", "than", "that", "the", "their",
    "them", "then", "there", "they", "this", "to", "us", "was", "we", "were", "what", "when", "where", "which", "who",
    "whom", "whose", "why", "will", "with", "would", "you", "your", // German
    "als", "am", "auch", "auf", "aus", "bei", "das", "dass", "dem", "den", "der", "des", "die", "ein", "eine", "einem",
    "einen", "einer", "er", "es", "für", "hat", "ich", "im", "ist", "mit", "nach", "sich", "sie", "sind", "und", "vom",
    "von", "wann", "war", "warum", "was", "wer", "wie", "wir", "wird", "wo", "zu", "zum", "zur",
    // French, Spanish
    "au", "aux", "avec", "ce", "ces", "dans", "de", "du", "elle", "en", "est", "et", "il", "je", "la", "le", "les",
    "leur", "mais", "ou", "par", "pas", "pour", "que", "qui", "sur", "un", "une", "con", "del", "el", "los", "las",
    "para", "por", "se", "su", "una", "y",
];

fn stop_words() -> &'static BTreeSet<&'static str> {
    static SET: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    SET.get_or_init(|| STOP_WORDS.iter().copied().collect())
}

/// The words of a text in small letters, stop words left out unless there are no others.
fn telling(text: &str) -> Vec<String> {
    let words = text.split(|each: char| !each.is_alphanumeric()).filter(|word| !word.is_empty());
    let (stop, telling): (Vec<String>, Vec<String>) =
        words.map(str::to_lowercase).partition(|word| stop_words().contains(word.as_str()));
    if telling.is_empty() { stop } else { telling }
}

/// What a question looks for: each word by its stem, so that "drinks" finds "drinking".
#[must_use]
pub(crate) fn sought(question: &str) -> Vec<Word> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut found: Vec<Word> = Vec::new();
    for word in telling(question) {
        let stem = stemmer.stem(&word);
        // A stem can end by other letters than its words: "happi" for "happy".
        let shared = word.chars().zip(stem.chars()).take_while(|(one, other)| one == other).count();
        let sought = if shared < LEAST_BEGINNING || word.chars().any(char::is_numeric) {
            Word { text: word, beginning: false }
        } else {
            Word { text: word.chars().take(shared).collect(), beginning: true }
        };
        if !found.contains(&sought) {
            found.push(sought);
            if found.len() == MOST_WORDS {
                break;
            }
        }
    }
    found
}

/// The stems of a text's words, by which it is held against another one.
#[must_use]
pub(crate) fn stems(text: &str) -> BTreeSet<String> {
    stems_in_order(text).into_iter().collect()
}

/// The same as they come, each where it comes first.
#[must_use]
pub(crate) fn stems_in_order(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut met = BTreeSet::new();
    let stems = telling(text).into_iter().map(|word| stemmer.stem(&word).into_owned());
    stems.filter(|stem| met.insert(stem.clone())).collect()
}

/// How much of two sets is in both: 1 where they are the same.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a text has few words")]
pub(crate) fn shared(one: &BTreeSet<String>, other: &BTreeSet<String>) -> f64 {
    let both = one.intersection(other).count();
    let either = one.len() + other.len() - both;
    if either == 0 { 0.0 } else { both as f64 / either as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_looks_for_stems_of_what_says_something() {
        let sought = sought("What does Anna like drinking in Room 12b?");
        let words: Vec<(&str, bool)> = sought.iter().map(|word| (word.text.as_str(), word.beginning)).collect();
        assert_eq!(words, [("anna", true), ("drink", true), ("room", true), ("12b", false)]);
        assert_eq!(super::sought("happy"), [Word { text: "happ".to_owned(), beginning: true }]);
        // Where nothing else was said, it counts.
        assert_eq!(super::sought("who are you").len(), 3);
        assert_eq!(super::sought(" ?! "), []);
        assert_eq!(
            super::sought(&(0..100).map(|at| format!("word{at}")).collect::<Vec<_>>().join(" ")).len(),
            MOST_WORDS
        );
    }

    #[test]
    fn texts_are_alike_by_the_words_that_both_have() {
        let alike = |one: &str, other: &str| shared(&stems(one), &stems(other));
        assert!((alike("Anna drinks tea", "tea is what Anna is drinking") - 1.0).abs() < 1e-9);
        assert!(alike("Anna drinks tea", "Bob rides a horse").abs() < 1e-9);
        assert!(alike("", "").abs() < 1e-9);
    }
}
