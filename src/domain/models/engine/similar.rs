//! The semantic cache, off unless a route asks for it: the answer to a question that means the same. Questions are compared only where
//! all else is equal (tenant, model or route, rules, tools, parameters, what was said before), by the angle between their vectors, and
//! then by what vectors do not see: two texts that differ in a number, a name, a negation or a word of opposite meaning are two.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::cache::{Kept, Question};
use crate::capability::caches::{CacheBook, CountedCache};
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::models::{ChatRequest, Part, Role};

/// Groups of questions that may be compared, questions of one group, and numbers of a vector that are kept.
const MOST_GROUPS: u64 = 256;
const MOST_OF_GROUP: usize = 64;
const LONGEST_VECTOR: usize = 4_096;
/// Longer questions are not compared: too much of what they say is in none of the vector's numbers.
const LONGEST_TEXT: usize = 4_000;

/// What a question means, as far as it can be compared.
#[derive(Debug, Clone)]
pub(crate) struct Meaning {
    group: Question,
    /// Of length one.
    vector: Arc<[f32]>,
    marks: Arc<Marks>,
}

/// What of a question can be compared: its text, and what all else is told by.
pub(crate) struct Comparable {
    group: Question,
    pub(crate) text: String,
}

/// The words that make two texts two, however close their vectors are. Their order counts: from Oslo to Bergen is not from Bergen
/// to Oslo.
#[derive(Debug, Default, PartialEq, Eq)]
struct Marks {
    /// Numbers, names, symbols, what stands in quotes.
    said: Vec<String>,
    negations: usize,
    opposites: Vec<&'static str>,
}

struct Remembered {
    vector: Arc<[f32]>,
    marks: Arc<Marks>,
    kept: Kept,
}

type Group = Arc<Mutex<VecDeque<Remembered>>>;

/// The cache.
pub(crate) struct Similar {
    groups: Arc<CountedCache<Question, Group>>,
}

impl Default for Similar {
    fn default() -> Self {
        Self { groups: CountedCache::new(MOST_GROUPS) }
    }
}

impl Comparable {
    /// What of a question can be compared; nothing where it ends by more than words of the user.
    pub(crate) fn of(tenant: TenantId, to: &str, request: &ChatRequest) -> Result<Option<Self>, Fault> {
        let Some(last) = request.messages.last().filter(|last| last.role == Role::User) else { return Ok(None) };
        let [Part::Text { text }] = last.parts.as_slice() else { return Ok(None) };
        if text.len() > LONGEST_TEXT || text.trim().is_empty() || text.chars().any(is_of_another_script) {
            return Ok(None);
        }
        // Everything but the last words.
        let mut rest = request.clone();
        rest.messages.pop();
        Ok(Some(Self { group: Question::of(tenant, to, &rest)?, text: text.clone() }))
    }

    /// What it means, by its vector; nothing where the vector has no direction.
    pub(crate) fn meaning(&self, vector: &[f32]) -> Option<Meaning> {
        let length = vector.iter().map(|one| one * one).sum::<f32>().sqrt();
        if vector.len() > LONGEST_VECTOR || !length.is_normal() {
            return None;
        }
        let vector = vector.iter().map(|one| one / length).collect();
        Some(Meaning { group: self.group, vector, marks: Arc::new(Marks::of(&self.text)) })
    }
}

impl Similar {
    pub(crate) fn list_in(&self, book: &CacheBook) {
        book.list("similar questions", "answers of models by what was asked, where a route wants it", &self.groups);
    }

    /// The answer to the closest question that is close enough.
    pub(crate) fn find(&self, meaning: &Meaning, at_least_percent: u8, now: Duration) -> Option<Kept> {
        let group = self.groups.get(&meaning.group)?;
        let held = group.lock().unwrap_or_else(PoisonError::into_inner);
        let close = held.iter().filter(|one| one.kept.is_good(now) && one.marks == meaning.marks);
        let closest = close.map(|one| (cosine(&one.vector, &meaning.vector), one));
        let (near, found) = closest.max_by(|one, other| one.0.total_cmp(&other.0))?;
        (near * 100.0 >= f32::from(at_least_percent)).then(|| found.kept.clone())
    }

    /// Keeps an answer.
    pub(crate) fn keep(&self, meaning: &Meaning, kept: Kept, now: Duration) {
        let group = self.groups.get_with(meaning.group, Group::default);
        let mut held = group.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|one| one.kept.is_good(now));
        if held.len() >= MOST_OF_GROUP {
            held.pop_front();
        }
        held.push_back(Remembered { vector: meaning.vector.clone(), marks: meaning.marks.clone(), kept });
    }
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    // A model that says otherwise how long its vectors are is another one.
    if one.len() != other.len() {
        return -1.0;
    }
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// Words that turn what is said into its opposite, in some languages.
const NEGATIONS: &[&str] = &[
    "not", "no", "never", "none", "nobody", "nothing", "nowhere", "neither", "nor", "without", "cannot", "except",
    "unless", "non", "nicht", "kein", "keine", "keinen", "keiner", "nie", "niemals", "ohne", "weder", "pas", "sans",
    "jamais", "aucun", "aucune", "nunca", "sin", "ningún", "não", "sem", "senza", "mai",
];

/// Numbers in words.
const NUMBERS: &[&str] = &[
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "twenty", "thirty", "forty", "fifty", "hundred", "thousand", "million", "billion", "half", "twice", "double",
    "first", "second", "third", "last",
];

/// Words of which one has another in its place.
const OPPOSITES: &[&str] = &[
    "more",
    "less",
    "most",
    "least",
    "before",
    "after",
    "above",
    "below",
    "over",
    "under",
    "increase",
    "decrease",
    "higher",
    "lower",
    "high",
    "low",
    "start",
    "stop",
    "begin",
    "end",
    "open",
    "close",
    "enable",
    "disable",
    "on",
    "off",
    "add",
    "remove",
    "allow",
    "deny",
    "include",
    "exclude",
    "encode",
    "decode",
    "encrypt",
    "decrypt",
    "buy",
    "sell",
    "import",
    "export",
    "up",
    "down",
    "left",
    "right",
    "and",
    "or",
    "all",
    "any",
    "some",
    "always",
    "sometimes",
    "true",
    "false",
    "with",
    "minimum",
    "maximum",
    "min",
    "max",
    "best",
    "worst",
    "oldest",
    "newest",
    "from",
    "to",
    "yes",
];

/// Words that begin sentences and are no names for it.
const BEGINNINGS: &[&str] = &[
    "a",
    "an",
    "the",
    "what",
    "which",
    "who",
    "whom",
    "whose",
    "when",
    "where",
    "why",
    "how",
    "is",
    "are",
    "was",
    "were",
    "do",
    "does",
    "did",
    "can",
    "could",
    "will",
    "would",
    "should",
    "shall",
    "may",
    "might",
    "must",
    "please",
    "tell",
    "give",
    "show",
    "list",
    "explain",
    "describe",
    "write",
    "summarise",
    "summarize",
    "translate",
    "name",
    "find",
    "in",
    "on",
    "at",
    "for",
    "of",
    "to",
    "from",
    "with",
    "if",
    "i",
    "i'm",
    "my",
    "we",
    "our",
    "you",
    "your",
    "it",
    "its",
    "this",
    "that",
    "these",
    "those",
    "there",
    "and",
    "or",
    "but",
    "so",
    "hi",
    "hello",
    "hey",
    "let",
    "help",
    "make",
    "create",
];

/// Whether a character is a letter of a script whose words for "not" are not among the negations, or that does not divide words.
fn is_of_another_script(one: char) -> bool {
    one.is_alphabetic() && !matches!(one, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// What stands around words and says nothing of its own.
const PUNCTUATION: &[char] = &[
    '.', ',', ';', ':', '!', '?', '(', ')', '[', ']', '"', '\'', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}',
    '\u{2013}', '\u{2014}', '\u{2026}', '`',
];

impl Marks {
    fn of(text: &str) -> Self {
        let mut marks = Self::default();
        let mut begins = true;
        for raw in text.split_whitespace() {
            let word = raw.trim_matches(PUNCTUATION);
            let ends = raw.ends_with(['.', '!', '?', ':']);
            if word.is_empty() {
                begins |= ends;
                continue;
            }
            let small = word.to_lowercase();
            let begun = std::mem::replace(&mut begins, ends);
            let plain = small.replace('\u{2019}', "'");
            marks.negations += usize::from(NEGATIONS.contains(&plain.as_str()) || plain.ends_with("n't"));
            marks.opposites.extend(OPPOSITES.iter().find(|one| **one == small));
            let is_number = word.contains(char::is_numeric) || NUMBERS.contains(&small.as_str());
            // A sign before or behind it (C++, -5, 5 %), a path, an address, a name of a program.
            let is_code = word.contains(|one: char| !one.is_alphanumeric() && !matches!(one, '\'' | '\u{2019}'));
            let is_capital = word.contains(char::is_uppercase);
            let is_name = is_capital && !(begun && BEGINNINGS.contains(&plain.as_str())) && plain != "i";
            if is_number || is_code || is_name {
                marks.said.push(small);
            }
        }
        // What stands in quotes is meant to the letter.
        for quote in ['"', '\u{201c}', '`'] {
            let close = if quote == '\u{201c}' { '\u{201d}' } else { quote };
            let mut rest = text;
            while let Some((_, after)) = rest.split_once(quote)
                && let Some((inside, after)) = after.split_once(close)
            {
                marks.said.push(inside.to_owned());
                rest = after;
            }
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vectors_do_not_see_makes_two_questions_two() {
        let same = |one: &str, other: &str| Marks::of(one) == Marks::of(other);
        for (one, other) in [
            ("What is the capital of France?", "Which city is the capital of France?"),
            ("How do I reset my password?", "how can i reset the password"),
            ("Explain photosynthesis.", "Please explain photosynthesis"),
        ] {
            assert!(same(one, other), "{one} / {other}");
        }
        for (one, other) in [
            ("What is the capital of France?", "What is the capital of Spain?"),
            ("Is it safe to take 5 pills?", "Is it safe to take 50 pills?"),
            ("Is it safe?", "Is it not safe?"),
            ("Can I do it?", "Why can't I do it?"),
            ("Paris is large", "London is large"),
            ("How do I enable it?", "How do I disable it?"),
            ("Translate \"cat\"", "Translate \"dog\""),
            ("What happened in two years?", "What happened in three years?"),
            ("What does std::mem::swap do?", "What does std::mem::take do?"),
            ("open file_a", "open file_b"),
            ("from oslo to bergen", "to bergen"),
            ("How long is the train from Oslo to Bergen?", "How long is the train from Bergen to Oslo?"),
            ("Is it C?", "Is it C++?"),
            ("What is -5 squared?", "What is 5 squared?"),
            ("Is x < y?", "Is x > y?"),
            ("Is it 5 %?", "Is it $5?"),
        ] {
            assert!(!same(one, other), "{one} / {other}");
        }
    }

    #[test]
    fn vectors_are_compared_by_their_direction() {
        assert!((cosine(&[0.6, 0.8], &[0.6, 0.8]) - 1.0).abs() < 1e-6);
        assert!(cosine(&[1.0, 0.0], &[0.0, 1.0]).abs() < 1e-6);
        assert!(cosine(&[1.0], &[1.0, 0.0]) < 0.0);
    }
}
