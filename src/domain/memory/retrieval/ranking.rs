//! The order of what was found: the ranks in each list are fused, what is new and what matters comes first, and what says the same as
//! something before it steps back. Pure reckoning, the same whatever store or index found it.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::words::shared;
use crate::capability::platform::Platform;

/// How slowly a rank loses its worth: the usual constant of reciprocal rank fusion.
const DEPTH: f64 = 60.0;

/// What counts for how much.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By {
    /// The order by words, against that by meaning.
    pub(crate) words: f64,
    /// The order by meaning.
    pub(crate) meaning: f64,
    /// What is new.
    pub(crate) recency: f64,
    /// After how many days it is half as new.
    pub(crate) half_life_days: f64,
    /// What matters.
    pub(crate) importance: f64,
    /// How far what repeats something steps back.
    pub(crate) variety: f64,
    /// What of both orders is put together.
    pub(crate) fusing: Fusing,
}

/// What of two orders is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fusing {
    /// The places alone. What both orders have comes before what one of them has first, however little either says of it.
    Places,
    /// The figures: those by words are from 0 to 1 then, and those by meaning are held against the others. What one order has found without a
    /// doubt comes first, too.
    Figures,
}

impl By {
    /// As it is configured.
    pub(crate) fn of(platform: &Platform) -> Self {
        let config = &platform.config.retrieval;
        let number = |configured: u64| f64::from(u32::try_from(configured).unwrap_or(u32::MAX));
        Self {
            words: number(config.words_weight),
            meaning: number(config.meaning_weight),
            recency: number(config.recency_percent) / 100.0,
            half_life_days: number(config.half_life_days.max(1)),
            importance: number(config.importance_percent) / 100.0,
            variety: number(config.variety_percent) / 100.0,
            fusing: Fusing::Places,
        }
    }

    /// Where nothing was looked for by meaning, words count for all.
    fn of_what_was_found<T>(self, candidates: &[Candidate<T>]) -> Self {
        if candidates.iter().any(|one| one.meaning.is_some()) { self } else { Self { meaning: 0.0, ..self } }
    }
}

/// Something that was found, and how.
#[derive(Debug)]
pub(crate) struct Candidate<T> {
    /// What it is.
    pub(crate) item: T,
    /// Its place in the order by words, from 0, and the figure there.
    pub(crate) words: Option<(usize, f64)>,
    /// Its place in the order by meaning, from 0, and how near it is.
    pub(crate) meaning: Option<(usize, f64)>,
    /// How long ago it was said.
    pub(crate) age: Duration,
    /// How much it matters, from 0 to 1.
    pub(crate) importance: f64,
    /// The stems of its words.
    pub(crate) stems: BTreeSet<String>,
}

/// Why something stands where it does.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Why {
    /// Its place among those that share words with the question, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    words_rank: Option<usize>,
    /// How much its words say of the question; comparable within one answer only.
    #[serde(skip_serializing_if = "Option::is_none")]
    words_score: Option<f64>,
    /// Its place among those that mean alike, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning_rank: Option<usize>,
    /// How near its meaning is, up to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    likeness: Option<f64>,
    /// How much it bears on the question to the reranker that read both, from 0 to 1; absent where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    reranker: Option<f64>,
    /// How new it is, from 0 to 1.
    recency: f64,
    /// How much it matters, from 0 to 1.
    importance: f64,
    /// How much of it was said by something before it, from 0 to 1.
    repeats: f64,
}

impl Why {
    /// How near its meaning is, where it was looked for by that.
    pub(crate) const fn likeness(&self) -> Option<f64> {
        self.likeness
    }

    /// The same with what a reranker says, and that as its figure.
    pub(super) fn reranked(self, relevance: f64) -> (f64, Self) {
        let relevance = rounded(relevance.clamp(0.0, 1.0));
        (relevance, Self { reranker: Some(relevance), ..self })
    }

    /// The same with its places, from 0, where it was put in order by figures and not by these.
    pub(crate) fn placed(self, words: Option<usize>, meaning: Option<usize>) -> Self {
        Self { words_rank: words.map(|rank| rank + 1), meaning_rank: meaning.map(|rank| rank + 1), ..self }
    }
}

/// The best ones in order, each with its figure between 0 and 1 and why.
pub(crate) fn order<T>(candidates: Vec<Candidate<T>>, by: By, limit: usize) -> Vec<(T, f64, Why)> {
    let by = by.of_what_was_found(&candidates);
    let range = Range::of(&candidates);
    ordered(candidates.into_iter().map(|candidate| Waiting::of(candidate, by, range)).collect(), by, limit)
}

/// The same of candidates that have no stems yet: only of those that can be among the best they are made. However much of the best ones repeats
/// something, what is left out is worth less than one of them.
pub(crate) fn order_stemming<T>(
    candidates: Vec<Candidate<T>>,
    by: By,
    limit: usize,
    stems: impl Fn(&T) -> BTreeSet<String>,
) -> Vec<(T, f64, Why)> {
    let by = by.of_what_was_found(&candidates);
    let range = Range::of(&candidates);
    let mut waiting: Vec<Waiting<T>> =
        candidates.into_iter().map(|candidate| Waiting::of(candidate, by, range)).collect();
    let mut best: Vec<f64> = waiting.iter().map(|one| one.score).collect();
    best.sort_by(|one, other| other.total_cmp(one));
    let least = limit.checked_sub(1).and_then(|last| best.get(last)).map_or(0.0, |last| last * (1.0 - by.variety));
    waiting.retain(|one| one.score >= least);
    for one in &mut waiting {
        one.candidate.stems = stems(&one.candidate.item);
    }
    ordered(waiting, by, limit)
}

fn ordered<T>(mut waiting: Vec<Waiting<T>>, by: By, limit: usize) -> Vec<(T, f64, Why)> {
    let mut ordered = Vec::new();
    while ordered.len() < limit && !waiting.is_empty() {
        let worth = |one: &Waiting<T>| one.score * (1.0 - by.variety * one.repeats);
        // Of equal ones the first stays first.
        let best = (0..waiting.len()).reduce(|best, at| {
            if worth(&waiting[at]).total_cmp(&worth(&waiting[best])) == Ordering::Greater { at } else { best }
        });
        let Some(best) = best else { break };
        let taken = waiting.remove(best);
        for one in &mut waiting {
            one.repeats = one.repeats.max(shared(&one.candidate.stems, &taken.candidate.stems));
        }
        let score = worth(&taken);
        ordered.push(taken.told(score));
    }
    ordered
}

struct Waiting<T> {
    candidate: Candidate<T>,
    recency: f64,
    score: f64,
    repeats: f64,
}

impl<T> Waiting<T> {
    fn of(candidate: Candidate<T>, by: By, range: Range) -> Self {
        Self { recency: recency(&candidate, by), score: worth(&candidate, by, range), candidate, repeats: 0.0 }
    }

    fn told(self, score: f64) -> (T, f64, Why) {
        let Candidate { item, words, meaning, importance, .. } = self.candidate;
        let why = Why {
            words_rank: words.map(|(rank, _)| rank + 1),
            words_score: words.map(|(_, score)| rounded(score)),
            meaning_rank: meaning.map(|(rank, _)| rank + 1),
            likeness: meaning.map(|(_, likeness)| rounded(likeness)),
            reranker: None,
            recency: rounded(self.recency),
            importance: rounded(importance),
            repeats: rounded(self.repeats),
        };
        (item, rounded(score), why)
    }
}

fn recency<T>(candidate: &Candidate<T>, by: By) -> f64 {
    0.5_f64.powf(candidate.age.as_secs_f64() / 86_400.0 / by.half_life_days)
}

/// What something is worth before it is held against others.
fn worth<T>(candidate: &Candidate<T>, by: By, range: Range) -> f64 {
    let bonus = by.recency * recency(candidate, by) + by.importance * candidate.importance;
    let fused = match by.fusing {
        Fusing::Places => fused(candidate, by),
        Fusing::Figures => figures(candidate, by, range),
    };
    fused * (1.0 + bonus) / (1.0 + by.recency + by.importance)
}

/// The lowest and the highest likeness: what counts as alike is another figure for each model.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    fn of<T>(candidates: &[Candidate<T>]) -> Self {
        let all = candidates.iter().filter_map(|one| one.meaning).map(|(_, likeness)| likeness);
        let (low, high) = all.fold((f64::MAX, f64::MIN), |(low, high), one| (low.min(one), high.max(one)));
        Self { low, high }
    }
}

/// The figures of both orders as one: 1 for the best of both. What an order does not have is as good as its last one there. Figures fall faster than
/// places do, for which `variety` is made: their root falls about as places.
fn figures<T>(candidate: &Candidate<T>, by: By, range: Range) -> f64 {
    let words = candidate.words.map_or(0.0, |(_, figure)| figure);
    let Range { low, high } = range;
    if high < low {
        return words.sqrt();
    }
    let meaning =
        candidate.meaning.map_or(0.0, |(_, likeness)| if high > low { (likeness - low) / (high - low) } else { 1.0 });
    ((by.words * words + by.meaning * meaning) / (by.words + by.meaning)).sqrt()
}

/// The ranks in both orders as one figure: 1 for the first of both, or of the only one that there is.
#[expect(clippy::cast_precision_loss, reason = "ranks are small")]
fn fused<T>(candidate: &Candidate<T>, by: By) -> f64 {
    if candidate.words.is_none() && candidate.meaning.is_none() {
        return 1.0;
    }
    let worth =
        |found: Option<(usize, f64)>| found.map_or(0.0, |(rank, _)| (DEPTH + 1.0) / (DEPTH + 1.0 + rank as f64));
    (by.words * worth(candidate.words) + by.meaning * worth(candidate.meaning)) / (by.words + by.meaning)
}

/// Four places are enough to compare by.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::memory::retrieval::words::stems;

    const BY: By = By {
        words: 6.0,
        meaning: 4.0,
        recency: 0.1,
        half_life_days: 30.0,
        importance: 0.2,
        variety: 0.25,
        fusing: Fusing::Places,
    };

    fn found(item: &'static str, words: Option<usize>, meaning: Option<usize>) -> Candidate<&'static str> {
        let with = |rank: Option<usize>| rank.map(|rank| (rank, 0.5));
        let (age, importance) = (Duration::ZERO, 0.5);
        Candidate { item, words: with(words), meaning: with(meaning), age, importance, stems: stems(item) }
    }

    fn names(candidates: Vec<Candidate<&'static str>>, limit: usize) -> Vec<&'static str> {
        order(candidates, BY, limit).into_iter().map(|(item, ..)| item).collect()
    }

    #[test]
    fn what_both_orders_know_comes_before_what_one_knows_and_words_count_for_more() {
        let all =
            || vec![found("meaning", None, Some(0)), found("words", Some(0), None), found("both", Some(3), Some(3))];
        assert_eq!(names(all(), 9), ["both", "words", "meaning"]);
        assert_eq!(names(all(), 1), ["both"]);
        let (_, score, why) = order(vec![found("first", Some(0), Some(0))], BY, 1).remove(0);
        assert!(score > 0.9 && score <= 1.0, "{score}");
        assert_eq!((why.words_rank, why.meaning_rank), (Some(1), Some(1)));
    }

    #[test]
    fn what_is_new_and_matters_comes_first_among_equals() {
        let old = Candidate { age: Duration::from_secs(86_400 * 300), ..found("old", Some(0), None) };
        assert_eq!(names(vec![old, found("new", Some(0), None)], 2), ["new", "old"]);
        let small = Candidate { importance: 0.1, ..found("small", Some(0), None) };
        assert_eq!(names(vec![small, found("large", Some(0), None)], 2), ["large", "small"]);
        // But not before what fits far better.
        let fits = Candidate { importance: 0.0, ..found("fits", Some(0), Some(0)) };
        let matters = Candidate { importance: 1.0, ..found("matters", Some(40), None) };
        assert_eq!(names(vec![matters, fits], 2), ["fits", "matters"]);
    }

    #[test]
    fn by_figures_comes_first_what_one_order_has_found_without_a_doubt() {
        let with = |item, words: Option<f64>, meaning: Option<f64>| Candidate {
            words: words.map(|figure| (0, figure)),
            meaning: meaning.map(|figure| (0, figure)),
            ..found(item, None, None)
        };
        let all = || {
            vec![
                with("little of both", Some(0.1), Some(0.25)),
                with("its meaning", None, Some(0.75)),
                with("its words", Some(0.9), None),
                with("far off", None, Some(0.2)),
            ]
        };
        let by = By { fusing: Fusing::Figures, ..BY };
        let told: Vec<&str> = order(all(), by, 9).into_iter().map(|(item, ..)| item).collect();
        assert_eq!(told, ["its words", "its meaning", "little of both", "far off"]);
        // Where there is one order alone, it is the order.
        let one = order(vec![with("a", Some(0.1), None), with("b", Some(0.2), None)], by, 9);
        assert_eq!(one.iter().map(|(item, ..)| *item).collect::<Vec<_>>(), ["b", "a"]);
        let one = order(vec![with("a", None, Some(0.5)), with("b", None, Some(0.5))], by, 9);
        assert_eq!(one.iter().map(|(item, ..)| *item).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn stems_are_made_of_those_alone_that_can_be_among_the_best() {
        let all = || -> Vec<Candidate<&'static str>> {
            (0..40)
                .flat_map(|rank| {
                    let item = ["green tea", "black tea", "red wine", "a long walk"][rank % 4];
                    let far = Candidate { meaning: Some((rank + 40, 0.1)), ..found(item, None, None) };
                    [found(item, Some(rank), Some(39 - rank)), far]
                })
                .collect()
        };
        for by in [BY, By { fusing: Fusing::Figures, ..BY }] {
            let made = std::cell::Cell::new(0);
            let bare = all().into_iter().map(|one| Candidate { stems: BTreeSet::new(), ..one }).collect();
            let told = order_stemming(bare, by, 5, |item| {
                made.set(made.get() + 1);
                stems(item)
            });
            let plain = |all: Vec<(&'static str, f64, Why)>| {
                all.into_iter().map(|(item, score, _)| (item, score)).collect::<Vec<_>>()
            };
            assert_eq!(plain(told), plain(order(all(), by, 5)));
            assert!(made.get() < 80, "{}", made.get());
        }
    }

    #[test]
    fn what_says_the_same_steps_back() {
        let all = vec![
            found("anna drinks green tea", Some(0), None),
            found("anna drinks green tea often", Some(1), None),
            found("tea comes from china", Some(2), None),
        ];
        assert_eq!(names(all, 3), ["anna drinks green tea", "tea comes from china", "anna drinks green tea often"]);
    }
}
