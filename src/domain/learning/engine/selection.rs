//! Choosing few examples out of many: those that together are most like all the others, each unlike those that are chosen already,
//! the good ones first. The choice is greedy (facility location), the same for the same rows and seed.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::figures::number;
use crate::domain::learning::model::dataset::Row;
use crate::kernel::seal::sha256_hex;

/// Rows that are compared with each other; of more a part is taken by the seed.
const MOST_COMPARED: usize = 1_500;
/// What the score of a row counts against what it covers.
const SCORE_COUNTS: f64 = 0.3;

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    /// Places of the rows, in the order in which they were chosen.
    pub places: Vec<usize>,
    /// How much the rows are like one that was chosen, at the mean: from 0 to 1.
    pub coverage: f64,
    /// How unlike those that were chosen are to each other, at the mean: from 0 to 1.
    pub diversity: f64,
}

/// A text as the weights of its words, which are numbered in the order of the alphabet.
type Words = Vec<(usize, f64)>;

/// How much each of so many texts is like each other one. It is the same both ways, so half of it is kept.
struct Likeness(Vec<f64>);

impl Likeness {
    fn of(vectors: &[Words]) -> Self {
        let rows = vectors.iter().enumerate();
        Self(rows.flat_map(|(at, one)| vectors.iter().take(at + 1).map(|other| alike(one, other))).collect())
    }

    fn between(&self, one: usize, other: usize) -> f64 {
        let (more, less) = (one.max(other), one.min(other));
        self.0.get(more * (more + 1) / 2 + less).copied().unwrap_or(0.0)
    }
}

/// The words of a text, in small letters.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Chooses so many of the rows.
#[must_use]
pub fn select(rows: &[Row], count: usize, seed: u64) -> Selected {
    let mut order: Vec<(String, usize)> = rows
        .iter()
        .enumerate()
        .map(|(place, row)| (sha256_hex(format!("{seed}:{}", row.id).as_bytes()), place))
        .collect();
    order.sort();
    order.truncate(MOST_COMPARED);
    let places: Vec<usize> = order.into_iter().map(|(_, place)| place).collect();
    let taken: Vec<&Row> = places.iter().filter_map(|place| rows.get(*place)).collect();
    let likeness = Likeness::of(&weighted(&taken));
    let mut covered = vec![0.0_f64; taken.len()];
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < count {
        let mut best: Option<(f64, usize)> = None;
        for (at, row) in taken.iter().enumerate().filter(|(at, _)| !chosen.contains(at)) {
            let gain: f64 = covered
                .iter()
                .enumerate()
                .map(|(other, covered)| (likeness.between(at, other) - covered).max(0.0))
                .sum();
            let worth = gain / number(taken.len()) + SCORE_COUNTS * row.score / number(count);
            // The order is the seed's: of two that are worth the same the first stays.
            if best.is_none_or(|(most, _)| worth > most + 1e-12) {
                best = Some((worth, at));
            }
        }
        let Some((_, at)) = best else { break };
        for (other, covered) in covered.iter_mut().enumerate() {
            *covered = covered.max(likeness.between(at, other));
        }
        chosen.push(at);
    }
    let mut apart = Vec::new();
    for (at, one) in chosen.iter().enumerate() {
        apart.extend(chosen.iter().skip(at + 1).map(|other| 1.0 - likeness.between(*one, *other)));
    }
    Selected {
        coverage: super::figures::mean(&covered).unwrap_or(0.0),
        diversity: super::figures::mean(&apart).unwrap_or(0.0),
        places: chosen.into_iter().filter_map(|at| places.get(at).copied()).collect(),
    }
}

/// The questions as vectors of length one; a word that few have weighs more.
fn weighted(rows: &[&Row]) -> Vec<Words> {
    let mut having: BTreeMap<String, usize> = BTreeMap::new();
    let counted: Vec<BTreeMap<String, usize>> = rows
        .iter()
        .map(|row| {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            words(&row.question).for_each(|word| *counts.entry(word).or_default() += 1);
            for word in counts.keys() {
                *having.entry(word.clone()).or_default() += 1;
            }
            counts
        })
        .collect();
    // What many have weighs something, too, or a large group would be less alike than a small one.
    let rarity = |having: usize| 1.0 + (number(rows.len() + 1) / number(having + 1)).ln();
    let known: BTreeMap<String, (usize, f64)> =
        having.into_iter().enumerate().map(|(at, (word, having))| (word, (at, rarity(having)))).collect();
    let vector = |counts: BTreeMap<String, usize>| {
        let weigh = |(word, count): (String, usize)| {
            known.get(&word).map(|(at, rarity)| (*at, (1.0 + number(count).ln()) * rarity))
        };
        let mut words: Words = counts.into_iter().filter_map(weigh).collect();
        let length = words.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
        if length > 0.0 {
            for (_, weight) in &mut words {
                *weight /= length;
            }
        }
        words
    };
    counted.into_iter().map(vector).collect()
}

/// Both are in the order of their words.
fn alike(one: &Words, other: &Words) -> f64 {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut sum = 0.0;
    while let (Some((word, weight)), Some((beside, against))) = (one.peek(), other.peek()) {
        match word.cmp(beside) {
            Ordering::Less => drop(one.next()),
            Ordering::Greater => drop(other.next()),
            Ordering::Equal => {
                sum += weight * against;
                one.next();
                other.next();
            }
        }
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::learning::model::dataset::{From, Side};

    fn row(question: &str, score: f64) -> Row {
        Row {
            id: question.to_owned(),
            side: Side::Train,
            from: From::Feedback,
            prompt_version: None,
            variables: None,
            question: question.to_owned(),
            answer: "a".to_owned(),
            score,
        }
    }

    fn rows() -> Vec<Row> {
        let mut rows: Vec<Row> = (0..10).map(|at| row(&format!("reset the password of account {at}"), 0.9)).collect();
        rows.extend((0..6).map(|at| row(&format!("refund the invoice from month {at}"), 0.9)));
        rows.push(row("where is the office", 0.9));
        rows
    }

    #[test]
    fn what_is_chosen_covers_the_rest_and_is_not_alike() {
        let rows = rows();
        let chosen = select(&rows, 3, 1);
        let questions: Vec<&str> = chosen.places.iter().map(|place| rows[*place].question.as_str()).collect();
        for word in ["password", "invoice", "office"] {
            assert_eq!(questions.iter().filter(|question| question.contains(word)).count(), 1, "{questions:?}");
        }
        assert!(questions[0].contains("password"), "the largest group comes first: {questions:?}");
        assert!(chosen.coverage > 0.6 && chosen.diversity > 0.9, "{chosen:?}");
    }

    #[test]
    fn the_same_seed_chooses_the_same_and_the_better_example_goes_first() {
        let rows = rows();
        assert_eq!(select(&rows, 3, 1), select(&rows, 3, 1));
        let mut turned = rows.clone();
        turned.reverse();
        let of = |rows: &[Row], seed| {
            let chosen = select(rows, 3, seed);
            chosen.places.iter().map(|place| rows[*place].id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(of(&rows, 1), of(&turned, 1), "the order of the rows decides nothing");
        assert!((2..20).any(|seed| of(&rows, seed) != of(&rows, 1)), "another seed may choose others");
        let mut better = rows;
        better[4].score = 1.0;
        for seed in 0..5 {
            assert!(of(&better, seed).contains(&better[4].id), "seed {seed}");
        }
    }

    #[test]
    fn there_may_be_fewer_than_are_wanted() {
        let rows = rows();
        assert_eq!(select(&rows[16..17], 3, 1).places, [0]);
        assert_eq!(select(&[], 3, 1).places, Vec::<usize>::new());
    }
}
