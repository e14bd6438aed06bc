//! Memories, passages and facts in one order: by how much each tells of the words of the question, by how near its meaning is, by how new it is and
//! how much it matters. The figures of one list are not those of another, so that all are held against the question alike.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::domain::memory::retrieval::ranking::{By, Candidate, Why, order};
use crate::domain::memory::retrieval::words::stems;

/// Something that was found.
pub(crate) struct Found<T> {
    pub(crate) item: T,
    /// What it says.
    pub(crate) text: String,
    /// How near its meaning is, where that is known.
    pub(crate) likeness: Option<f64>,
    pub(crate) age: Duration,
    /// How much it matters, from 0 to 1.
    pub(crate) importance: f64,
}

/// What tells nothing has fallen so many places behind what tells most.
const FURTHEST: f64 = 60.0;

/// The best ones in order. What shares no word with the question and lies near it by nothing else is not among them.
pub(crate) fn fused<T>(question: &str, found: Vec<Found<T>>, by: By, limit: usize) -> Vec<(T, f64, Why)> {
    let asked = stems(question);
    let said: Vec<BTreeSet<String>> = found.iter().map(|one| stems(&one.text)).collect();
    let weights = weights(&asked, &said);
    let told: Vec<f64> = said.iter().map(|said| share(&weights, said)).collect();
    let near: Vec<f64> = found.iter().map(|one| one.likeness.unwrap_or(0.0)).collect();
    let (words, meaning) = (ranks(&told), ranks(&near));
    let candidates = found.into_iter().zip(said).enumerate().filter_map(|(at, (one, stems))| {
        let place = |ranks: &HashMap<usize, usize>, figures: &[f64]| {
            ranks.contains_key(&at).then(|| (behind(figures[at], figures), figures[at]))
        };
        let (by_words, by_meaning) = (place(&words, &told), place(&meaning, &near));
        if by_words.is_none() && by_meaning.is_none() {
            return None;
        }
        let Found { item, age, importance, .. } = one;
        Some(Candidate { item: (at, item), words: by_words, meaning: by_meaning, age, importance, stems })
    });
    let ordered = order(candidates.collect(), by, limit);
    let placed = ordered.into_iter().map(|((at, item), score, why)| {
        let why = why.placed(words.get(&at).copied(), meaning.get(&at).copied());
        (item, score, why)
    });
    placed.collect()
}

/// How many places a figure is behind the largest: as far as it is smaller, since among things of different kinds the next one may be much worse.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the furthest")]
fn behind(figure: f64, figures: &[f64]) -> usize {
    let most = figures.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    ((1.0 - figure / most) * FURTHEST).round() as usize
}

/// How much each word of the question says: the rarer it is among what was found, the more.
#[expect(clippy::cast_precision_loss, reason = "some hundred at most")]
fn weights<'q>(asked: &'q BTreeSet<String>, said: &[BTreeSet<String>]) -> HashMap<&'q str, f64> {
    let weight = |word: &String| {
        let have = said.iter().filter(|said| said.contains(word)).count();
        (1.0 + said.len() as f64 / (1.0 + have as f64)).ln()
    };
    asked.iter().map(|word| (word.as_str(), weight(word))).collect()
}

/// How much of the question something tells, from 0 to 1.
fn share(weights: &HashMap<&str, f64>, said: &BTreeSet<String>) -> f64 {
    let all: f64 = weights.values().sum();
    let has: f64 = weights.iter().filter(|(word, _)| said.contains(**word)).map(|(_, weight)| weight).sum();
    if all > 0.0 { has / all } else { 0.0 }
}

/// The places in the order of figures, the largest first; equal figures have the same place, and none has none.
fn ranks(figures: &[f64]) -> HashMap<usize, usize> {
    let mut order: Vec<usize> = (0..figures.len()).filter(|at| figures[*at] > 0.0).collect();
    order.sort_by(|one, other| figures[*other].total_cmp(&figures[*one]).then(one.cmp(other)));
    let mut ranks = HashMap::new();
    let mut before: Option<(usize, f64)> = None;
    for (rank, at) in order.into_iter().enumerate() {
        let figure = figures[at];
        let rank = before.filter(|(_, other)| (other - figure).abs() < 1e-9).map_or(rank, |(rank, _)| rank);
        before = Some((rank, figure));
        ranks.insert(at, rank);
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::memory::retrieval::ranking::Fusing;

    const BY: By = By {
        words: 6.0,
        meaning: 4.0,
        recency: 0.1,
        half_life_days: 30.0,
        importance: 0.2,
        variety: 0.25,
        fusing: Fusing::Places,
    };

    fn found(text: &'static str, likeness: Option<f64>, days: u64) -> Found<&'static str> {
        let age = Duration::from_secs(days * 86_400);
        Found { item: text, text: text.to_owned(), likeness, age, importance: 0.5 }
    }

    fn names(question: &str, all: Vec<Found<&'static str>>) -> Vec<&'static str> {
        fused(question, all, BY, 9).into_iter().map(|(item, ..)| item).collect()
    }

    #[test]
    fn what_tells_more_of_the_question_comes_first_and_what_tells_nothing_is_not_told() {
        let all = vec![
            found("The office has a kitchen", None, 0),
            found("The notice period of the lease is three months", None, 0),
            found("The lease began in May", None, 0),
            found("Birds fly", None, 0),
        ];
        let expected = ["The notice period of the lease is three months", "The lease began in May"];
        assert_eq!(names("What is the notice period of the lease?", all), expected);
        assert!(names("zebra", vec![found("Birds fly", None, 0)]).is_empty());
    }

    #[test]
    fn of_equal_ones_the_new_comes_first_and_what_means_alike_is_found_without_words() {
        let all = vec![found("lease ends in May", None, 900), found("lease ends in June", None, 1)];
        assert_eq!(names("when does the lease end", all), ["lease ends in June", "lease ends in May"]);
        let all = vec![found("Mietvertrag", Some(0.8), 0), found("something else", None, 0)];
        assert_eq!(names("lease", all), ["Mietvertrag"]);
        // What repeats something steps back, and not behind what hardly fits.
        let all = vec![
            found("the lease of Alder ends in June", None, 0),
            found("the lease of Alder ends in May", None, 400),
            found("Invoice to Alder", None, 0),
        ];
        let expected = ["the lease of Alder ends in June", "the lease of Alder ends in May", "Invoice to Alder"];
        assert_eq!(names("when does the lease of Alder end", all), expected);
    }
}
