//! The semantic cache, off unless a route asks for it: the answer to a question that means the same. Questions are compared only where
//! all else is equal (tenant, model or route, rules, tools, parameters) and nothing was said before, by the angle between their vectors, and
//! then by what vectors do not see: two texts that differ in a number, a name, a negation or a word of opposite meaning are two.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::cache::{Kept, Question};
use super::marks::Marks;
use crate::capability::caches::{CacheBook, CountedCache};
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::models::{ChatRequest, Part, Role};

/// Groups of questions that may be compared, questions of one group, numbers of a vector, and bytes of an answer that are kept: a
/// hundred mebibytes at the very most.
const MOST_GROUPS: u64 = 128;
const MOST_OF_GROUP: usize = 32;
const LONGEST_VECTOR: usize = 4_096;
pub(crate) const LONGEST_ANSWER: usize = 8 << 10;
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
    text: String,
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
    /// What of a question can be compared; nothing where it ends by more than words of the user. `to` is who is asked, and by
    /// whose vectors it is compared.
    pub(crate) fn of(tenant: TenantId, to: &str, request: &ChatRequest) -> Result<Option<Self>, Fault> {
        let Some(last) = request.messages.last().filter(|last| last.role == Role::User) else { return Ok(None) };
        let [Part::Text { text }] = last.parts.as_slice() else { return Ok(None) };
        if text.len() > LONGEST_TEXT || text.trim().is_empty() || text.chars().any(is_of_another_script) {
            return Ok(None);
        }
        // What is said in the course of a conversation hangs on what was said before, and would crowd out the first questions.
        if request.messages.iter().rev().skip(1).any(|message| message.role != Role::System) {
            return Ok(None);
        }
        // Everything but the last words.
        let mut rest = request.clone();
        rest.messages.pop();
        Ok(Some(Self { group: Question::of(tenant, to, &rest)?, text: text.clone() }))
    }

    /// Its words.
    pub(crate) fn text(&self) -> &str {
        &self.text
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

/// Whether a character is a letter of a script whose words for "not" are not among the negations, or that does not divide words.
fn is_of_another_script(one: char) -> bool {
    one.is_alphabetic() && !matches!(one, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_compared_by_their_direction() {
        assert!((cosine(&[0.6, 0.8], &[0.6, 0.8]) - 1.0).abs() < 1e-6);
        assert!(cosine(&[1.0, 0.0], &[0.0, 1.0]).abs() < 1e-6);
        assert!(cosine(&[1.0], &[1.0, 0.0]) < 0.0);
    }
}
