//! The rows of a training set: each question once, with the best answer that there is, always on the same side of the split.

use std::collections::HashMap;

use super::personal::without;
use crate::domain::learning::model::dataset::{LeftOut, Row, Side};
use crate::kernel::seal::{sha256, sha256_hex};
use serde_json::{Value, json};

/// The bytes of a value that is no text.
const WORD: usize = 8;
/// Digits of a digest that name a question.
const DIGITS: usize = 24;

/// A question as equal ones are told by: blanks do not count.
#[must_use]
pub fn question_id(question: &str) -> String {
    let words: Vec<&str> = question.split_whitespace().collect();
    let mut digest = sha256_hex(words.join(" ").as_bytes());
    digest.truncate(DIGITS);
    digest
}

/// On which side of the split a question is: it depends on nothing but the question, the seed and the share, so that a set
/// that is made again with more rows tests with no row that was trained with.
#[must_use]
pub fn side(id: &str, seed: u64, test_share: f64) -> Side {
    let mut first = [0; 4];
    first.copy_from_slice(&sha256(format!("{seed}:{id}").as_bytes())[..4]);
    if f64::from(u32::from_be_bytes(first)) / (f64::from(u32::MAX) + 1.0) < test_share {
        Side::Test
    } else {
        Side::Train
    }
}

/// How large a training set may be.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most rows, the best ones.
    pub rows: usize,
    /// The most bytes of these.
    pub bytes: usize,
}

/// The best rows, as many as there may be, have more bytes than there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// So many they have, or more.
    pub bytes: usize,
}

/// Collects rows.
pub struct Collecting {
    bounds: Bounds,
    bytes: usize,
    seed: u64,
    test_share: f64,
    redacts: bool,
    rows: Vec<Row>,
    places: HashMap<String, usize>,
    /// What was left out so far.
    pub left_out: LeftOut,
    /// Rows in which something looks like personal data.
    pub personal: usize,
}

/// The rows as they are written.
pub struct Written {
    /// All of them.
    pub rows: Vec<Row>,
    /// What was left out.
    pub left_out: LeftOut,
    /// Rows in which something looks like personal data.
    pub personal: usize,
}

impl Collecting {
    /// Nothing yet.
    #[must_use]
    pub fn new(seed: u64, test_share: f64, redacts: bool, bounds: Bounds) -> Self {
        Self {
            bounds,
            bytes: 0,
            seed,
            test_share,
            redacts,
            rows: Vec::new(),
            places: HashMap::new(),
            left_out: LeftOut::default(),
            personal: 0,
        }
    }

    /// Takes a row, whose id and side are made here. Of the same question the better answer stays, of equally good ones the first.
    /// No more than twice the bytes that there may be are ever held.
    ///
    /// # Errors
    /// Where the best rows so far are too large.
    pub fn take(&mut self, mut row: Row) -> Result<(), TooLarge> {
        row.id = question_id(&row.question);
        row.side = side(&row.id, self.seed, self.test_share);
        if let Some(place) = self.places.get(&row.id) {
            self.left_out.duplicates += 1;
            if let Some(there) = self.rows.get_mut(*place)
                && row.score > there.score
            {
                self.bytes += size(&row);
                self.bytes -= size(there);
                *there = row;
            }
        } else {
            self.bytes += size(&row);
            self.places.insert(row.id.clone(), self.rows.len());
            self.rows.push(row);
        }
        if self.bytes > 2 * self.bounds.bytes {
            self.keep_the_best();
            if self.bytes > self.bounds.bytes {
                return Err(TooLarge { bytes: self.bytes });
            }
        }
        Ok(())
    }

    /// Lets go of all rows but the best: however good those are that come, these are never among the best again.
    fn keep_the_best(&mut self) {
        self.rows.sort_by(|one, other| other.score.total_cmp(&one.score).then_with(|| one.id.cmp(&other.id)));
        self.left_out.too_many += self.rows.len().saturating_sub(self.bounds.rows);
        self.rows.truncate(self.bounds.rows);
        self.bytes = self.rows.iter().map(size).sum();
        self.places = self.rows.iter().zip(0..).map(|(row, place)| (row.id.clone(), place)).collect();
    }

    /// The best rows, in an order that does not depend on when they came.
    #[must_use]
    pub fn finish(mut self) -> Written {
        self.keep_the_best();
        self.rows.sort_by(|one, other| one.id.cmp(&other.id));
        for row in &mut self.rows {
            let (question, answer) = (without(&row.question), without(&row.answer));
            let variables = row.variables.as_ref().map(|variables| Value::Object(variables.clone()));
            let hidden = variables.as_ref().and_then(masked);
            if question.is_none() && answer.is_none() && hidden.is_none() {
                continue;
            }
            self.personal += 1;
            if self.redacts {
                row.question = question.unwrap_or_else(|| row.question.clone());
                row.answer = answer.unwrap_or_else(|| row.answer.clone());
                if let Some(Value::Object(hidden)) = hidden {
                    row.variables = Some(hidden);
                }
            }
        }
        Written { rows: self.rows, left_out: self.left_out, personal: self.personal }
    }
}

/// How much memory a row takes, about.
fn size(row: &Row) -> usize {
    fn of(value: &Value) -> usize {
        match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(of).sum::<usize>() + WORD,
            Value::Object(properties) => properties.iter().map(|(name, value)| name.len() + of(value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) => WORD,
        }
    }
    let variables = row.variables.iter().flatten().map(|(name, value)| name.len() + of(value)).sum::<usize>();
    row.question.len() + row.answer.len() + variables
}

/// A value with everything taken out that looks like personal data; `None` where there is none.
fn masked(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => without(text).map(Value::String),
        Value::Array(items) => {
            let clean: Vec<Option<Value>> = items.iter().map(masked).collect();
            let any = clean.iter().any(Option::is_some);
            let both = clean.into_iter().zip(items).map(|(clean, item)| clean.unwrap_or_else(|| item.clone()));
            any.then(|| Value::Array(both.collect()))
        }
        Value::Object(properties) => {
            let clean: Vec<(&String, Option<Value>)> =
                properties.iter().map(|(name, value)| (name, masked(value))).collect();
            let any = clean.iter().any(|(_, value)| value.is_some());
            let both = clean.into_iter().zip(properties.values());
            let both = both.map(|((name, clean), value)| (name.clone(), clean.unwrap_or_else(|| value.clone())));
            any.then(|| Value::Object(both.collect()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// A row as a conversation, the form in which vendors take examples.
#[must_use]
pub fn conversation(row: &Row, system: Option<&str>) -> Value {
    let message = |role: &str, content: &str| json!({ "role": role, "content": content });
    let mut messages: Vec<Value> = system.map(|system| message("system", system)).into_iter().collect();
    messages.extend([message("user", &row.question), message("assistant", &row.answer)]);
    json!({ "messages": messages })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::learning::model::dataset::From;

    fn row(question: &str, answer: &str, score: f64) -> Row {
        let (question, answer) = (question.to_owned(), answer.to_owned());
        let (id, side) = (String::new(), Side::Train);
        Row { id, side, from: From::Feedback, prompt_version: None, variables: None, question, answer, score }
    }

    const WIDE: Bounds = Bounds { rows: 10_000, bytes: 1 << 20 };

    #[test]
    fn of_one_question_the_best_answer_stays() {
        let mut rows = Collecting::new(0, 0.2, false, WIDE);
        rows.take(row("What  is it?\n", "first", 0.8)).unwrap();
        rows.take(row("What is it?", "as good", 0.8)).unwrap();
        rows.take(row(" What is it?", "better", 1.0)).unwrap();
        rows.take(row("what is it?", "another question", 0.8)).unwrap();
        let written = rows.finish();
        let mut answers: Vec<&str> = written.rows.iter().map(|row| row.answer.as_str()).collect();
        answers.sort_unstable();
        assert_eq!((answers, written.left_out.duplicates), (vec!["another question", "better"], 2));
    }

    #[test]
    fn a_question_stays_on_its_side_whatever_else_comes() {
        let made = |count: usize, seed| {
            let mut rows = Collecting::new(seed, 0.25, false, WIDE);
            (0..count).rev().for_each(|at| rows.take(row(&format!("question {at}"), "a", 1.0)).unwrap());
            let of = |row: Row| (row.question, row.side);
            rows.finish().rows.into_iter().map(of).collect::<HashMap<_, _>>()
        };
        let (few, many) = (made(1000, 7), made(4000, 7));
        assert!(few.iter().all(|(question, side)| many[question] == *side));
        let tested = many.values().filter(|side| **side == Side::Test).count();
        assert!((900..1100).contains(&tested), "{tested}");
        let other = made(1000, 8);
        assert!(few.iter().any(|(question, side)| other[question] != *side), "another seed is another split");
        assert!(
            (0..100)
                .all(|at| side(&at.to_string(), 1, 0.0) == Side::Train && side(&at.to_string(), 1, 1.0) == Side::Test)
        );
    }

    #[test]
    fn the_best_rows_stay_and_personal_data_is_counted_or_taken_out() {
        for redacts in [false, true] {
            let mut rows = Collecting::new(0, 0.0, redacts, Bounds { rows: 2, ..WIDE });
            rows.take(row("bad", "x", 0.1)).unwrap();
            rows.take(row("mail", "to ada@example.org", 0.9)).unwrap();
            let mut with = row("variables", "x", 0.8);
            with.variables = json!({ "to": ["bo@example.org"], "count": 3 }).as_object().cloned();
            rows.take(with).unwrap();
            let written = rows.finish();
            assert_eq!((written.personal, written.left_out.too_many, written.rows.len()), (2, 1, 2));
            let told = serde_json::to_string(&written.rows).unwrap();
            assert_eq!(told.contains("example.org"), !redacts, "{told}");
            assert_eq!(told.contains("[email]"), redacts);
        }
    }

    #[test]
    fn no_more_is_held_than_twice_what_there_may_be() {
        let long = "x".repeat(100);
        let bounds = Bounds { rows: 5, bytes: 1_000 };
        let mut rows = Collecting::new(0, 0.2, false, bounds);
        for number in 0..200 {
            rows.take(row(&format!("question {number:03}"), &long, f64::from(number) / 200.0)).unwrap();
            assert!(rows.bytes <= 2 * bounds.bytes, "{}", rows.bytes);
            assert_eq!(rows.bytes, rows.rows.iter().map(size).sum::<usize>());
        }
        // One that went comes again with a better answer.
        rows.take(row("question 000", &long, 1.0)).unwrap();
        let written = rows.finish();
        let mut kept: Vec<&str> = written.rows.iter().map(|row| &row.question[9..]).collect();
        kept.sort_unstable();
        assert_eq!((kept, written.left_out.too_many), (vec!["000", "196", "197", "198", "199"], 196));
        let mut rows = Collecting::new(0, 0.2, false, Bounds { rows: 5, bytes: 400 });
        let refused = (0..9).find_map(|number| rows.take(row(&format!("question {number}"), &long, 1.0)).err());
        assert_eq!(refused, Some(TooLarge { bytes: 550 }));
    }
}
