//! Whether what is measured now is as it was: the population stability index says how far two distributions are apart, a
//! test how likely that is by chance. Both are needed: with much data a test finds what matters to nobody, with little an index
//! finds what is nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::figures::{mean, number, quantile, told};
use super::statistics::{Tested, chi_squared, kolmogorov_smirnov};

/// Fewer values on one side say nothing.
pub const NEEDED: usize = 50;
/// The bins of numbers.
const BINS: usize = 10;
/// From this index on something has moved.
const MODERATE: f64 = 0.1;
/// From this one on it has moved far.
const LARGE: f64 = 0.25;
/// Categories beyond this many are thrown together.
const MOST_CATEGORIES: usize = 30;

/// What was measured over two periods.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// Numbers.
    Numbers {
        /// Before.
        baseline: Vec<f64>,
        /// Now.
        window: Vec<f64>,
    },
    /// How often each category occurred.
    Categories {
        /// Before.
        baseline: BTreeMap<String, usize>,
        /// Now.
        window: BTreeMap<String, usize>,
    },
}

/// How far two distributions are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Apart {
    /// The index is below 0.1.
    Stable,
    /// The index is from 0.1 on.
    Moderate,
    /// The index is from 0.25 on.
    Large,
}

/// Numbers of one period in short.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// How many values there are.
    pub count: usize,
    /// Their mean, of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// The value in the middle, of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median: Option<f64>,
    /// The value that 95 of 100 do not pass, of numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95: Option<f64>,
}

/// A bin of a distribution.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bin {
    /// What falls into it: `up to 120`, `above 300`, or the category.
    pub bin: String,
    /// Its share before, from 0 to 1.
    pub baseline: f64,
    /// Its share now.
    pub window: f64,
}

/// What was found of two distributions.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The population stability index.
    pub index: f64,
    /// The bins that it was made over.
    pub bins: Vec<Bin>,
    /// What the test found; nothing where there is only one category.
    pub tested: Option<Tested>,
}

impl Apart {
    /// What an index means.
    #[must_use]
    pub fn of(index: f64) -> Self {
        match index {
            index if index >= LARGE => Self::Large,
            index if index >= MODERATE => Self::Moderate,
            _ => Self::Stable,
        }
    }
}

impl Side {
    fn of_numbers(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |share| quantile(&sorted, share).map(told);
        Self { count: values.len(), mean: mean(values).map(told), median: at(0.5), p95: at(0.95) }
    }
}

impl Measured {
    /// Both periods in short: before and now.
    #[must_use]
    pub fn sides(&self) -> (Side, Side) {
        match self {
            Self::Numbers { baseline, window } => (Side::of_numbers(baseline), Side::of_numbers(window)),
            Self::Categories { baseline, window } => {
                let side = |counts: &BTreeMap<String, usize>| Side { count: counts.values().sum(), ..Side::default() };
                (side(baseline), side(window))
            }
        }
    }

    /// The name of the test.
    #[must_use]
    pub const fn test(&self) -> &'static str {
        match self {
            Self::Numbers { .. } => "kolmogorov_smirnov",
            Self::Categories { .. } => "chi_squared",
        }
    }

    /// Both distributions compared. `None` where there is too little of one.
    #[must_use]
    pub fn compared(&self) -> Option<Compared> {
        let (before, now) = self.sides();
        if before.count < NEEDED || now.count < NEEDED {
            return None;
        }
        let (names, old, new, tested) = match self {
            Self::Numbers { baseline, window } => {
                let edges = edges(baseline, window);
                let names = named(&edges);
                (names, binned(&edges, baseline), binned(&edges, window), kolmogorov_smirnov(baseline, window))
            }
            Self::Categories { baseline, window } => {
                let (names, old, new) = categories(baseline, window);
                let tested = chi_squared(&old, &new);
                (names, old, new, tested)
            }
        };
        let share = |count: usize, all: usize| told(number(count) / number(all));
        let bins = names.into_iter().zip(old.iter().zip(&new)).map(|(bin, (old, new))| Bin {
            bin,
            baseline: share(*old, before.count),
            window: share(*new, now.count),
        });
        Some(Compared { bins: bins.collect(), index: stability(&old, &new), tested })
    }
}

/// The edges of bins over both samples: of few distinct values each has its own, of many each bin holds about a tenth of both, which
/// weigh the same however long they are. Bins of one sample alone would put what only the other has together with something else.
fn edges(baseline: &[f64], window: &[f64]) -> Vec<f64> {
    let mut weighted: Vec<(f64, usize)> = Vec::with_capacity(baseline.len() + window.len());
    weighted.extend(baseline.iter().map(|value| (*value, window.len())));
    weighted.extend(window.iter().map(|value| (*value, baseline.len())));
    weighted.sort_by(|one, other| one.0.total_cmp(&other.0));
    weighted.dedup_by(|next, first| {
        let same = next.0.total_cmp(&first.0).is_eq();
        first.1 += if same { next.1 } else { 0 };
        same
    });
    let all = 2 * baseline.len() * window.len();
    let few = weighted.len() <= BINS;
    let (mut edges, mut below, mut reached, mut last) = (Vec::new(), 0, 0, None);
    for (value, weight) in weighted {
        // What is a tenth by itself is not thrown together with what little lies below it.
        let alone = few || weight * BINS >= all;
        edges.extend(last.filter(|_| alone));
        below += weight;
        let tenths = below * BINS / all.max(1);
        if alone || tenths > reached {
            edges.push(value);
        }
        (reached, last) = (tenths, Some(value));
    }
    edges.dedup();
    // Nothing is above the largest: an edge there would make an empty bin.
    edges.pop();
    edges
}

fn named(edges: &[f64]) -> Vec<String> {
    let mut names: Vec<String> = edges.iter().map(|edge| format!("up to {}", told(*edge))).collect();
    names.push(edges.last().map_or_else(|| "all".to_owned(), |edge| format!("above {}", told(*edge))));
    names
}

fn binned(edges: &[f64], values: &[f64]) -> Vec<usize> {
    let mut counts = vec![0; edges.len() + 1];
    for value in values {
        let bin = edges.partition_point(|edge| edge < value);
        if let Some(count) = counts.get_mut(bin) {
            *count += 1;
        }
    }
    counts
}

/// The categories of both, the most frequent first, the rest thrown together.
fn categories(
    baseline: &BTreeMap<String, usize>,
    window: &BTreeMap<String, usize>,
) -> (Vec<String>, Vec<usize>, Vec<usize>) {
    let of = |counts: &BTreeMap<String, usize>, name: &str| counts.get(name).copied().unwrap_or(0);
    let mut names: Vec<&String> =
        baseline.keys().chain(window.keys().filter(|name| !baseline.contains_key(*name))).collect();
    names.sort_by_key(|name| (std::cmp::Reverse(of(baseline, name) + of(window, name)), name.as_str()));
    let rest = names.split_off(names.len().min(MOST_CATEGORIES));
    let counts = |side: &BTreeMap<String, usize>| {
        let mut counts: Vec<usize> = names.iter().map(|name| of(side, name)).collect();
        if !rest.is_empty() {
            counts.push(rest.iter().map(|name| of(side, name)).sum());
        }
        counts
    };
    let (old, new) = (counts(baseline), counts(window));
    let mut names: Vec<String> = names.into_iter().cloned().collect();
    if !rest.is_empty() {
        names.push("others".to_owned());
    }
    (names, old, new)
}

/// The population stability index: the sum over all bins of the difference of the shares times the logarithm of their ratio. Half
/// a value is added to each bin, so that an empty one is rare and not impossible.
#[must_use]
pub fn stability(baseline: &[usize], window: &[usize]) -> f64 {
    let smoothed = |counts: &[usize]| {
        let whole = number(counts.iter().sum()) + 0.5 * number(counts.len());
        counts.iter().map(|count| (number(*count) + 0.5) / whole).collect::<Vec<f64>>()
    };
    let pairs = smoothed(baseline).into_iter().zip(smoothed(window));
    pairs.map(|(before, now)| (now - before) * (now / before).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(baseline: impl IntoIterator<Item = f64>, window: impl IntoIterator<Item = f64>) -> Measured {
        Measured::Numbers { baseline: baseline.into_iter().collect(), window: window.into_iter().collect() }
    }

    /// Computed with `NumPy`.
    #[test]
    fn the_index_is_the_one_by_the_book() {
        let index = stability(&[100, 200, 300, 400], &[50, 250, 250, 450]);
        assert!((index - 0.060_402_305_837_646_35).abs() < 1e-12, "{index}");
        assert!(stability(&[10, 0], &[0, 10]).is_finite());
        assert!((stability(&[10, 20], &[100, 200])).abs() < 1e-3);
    }

    #[test]
    fn what_stays_is_stable_and_what_moves_is_found() {
        let usual = || (0..200).map(|at| f64::from(at * 37 % 200));
        let same = numbers(usual(), usual().rev()).compared().unwrap();
        assert_eq!((Apart::of(same.index), same.tested.unwrap().p_value), (Apart::Stable, 1.0));
        assert_eq!(same.bins.len(), 10);
        assert!(same.bins.iter().all(|bin| (bin.baseline - 0.1).abs() < 1e-9), "{:?}", same.bins);
        let slower = numbers(usual(), usual().map(|value| value + 60.0)).compared().unwrap();
        assert_eq!(Apart::of(slower.index), Apart::Large);
        assert!(slower.tested.unwrap().p_value < 1e-6);
    }

    #[test]
    fn few_distinct_values_make_few_bins() {
        let ratings = |shift: usize| (0..100).map(move |at| if at % 10 < shift { 5.0 } else { 4.0 });
        let compared = numbers(ratings(3), ratings(8)).compared().unwrap();
        let names: Vec<&str> = compared.bins.iter().map(|bin| bin.bin.as_str()).collect();
        assert_eq!(names, ["up to 4", "above 4"]);
        assert_eq!((compared.bins[1].baseline, compared.bins[1].window), (0.3, 0.8));
        let one = numbers(vec![1.0; 60], vec![1.0; 70]).compared().unwrap();
        assert_eq!((Apart::of(one.index), one.tested.unwrap().p_value), (Apart::Stable, 1.0));
        let moved = numbers(vec![1.0; 60], vec![2.0; 70]).compared().unwrap();
        assert_eq!(Apart::of(moved.index), Apart::Large);
    }

    /// Ratings sit on few values, mostly on the best one: a fall from there is what there is to find.
    #[test]
    fn a_fall_from_the_best_value_is_found_whichever_values_the_baseline_has() {
        let of = |values: &[f64], count: usize| (0..count).map(|at| values[at * values.len() / count]).collect();
        let share = |ones: usize, count: usize| {
            let one = |at: usize| if at < ones { 1.0 } else { f64::from(u32::try_from(at).unwrap()) / 1e4 };
            (0..count).map(one).collect::<Vec<f64>>()
        };
        let two = |ones: usize| (0..100).map(|at| f64::from(u8::from(at < ones))).collect::<Vec<f64>>();
        for (why, baseline, window) in [
            ("92 of 100 ones, then 50", two(92), two(50)),
            ("the same with many other values", share(92, 100), share(50, 100)),
            ("nothing but ones, then 20 of 100 others, of many", share(5_000, 5_000), share(80, 100)),
            ("all 5, then all 1", of(&[5.0], 60), of(&[1.0], 60)),
            ("all 1, then all 5", of(&[1.0], 60), of(&[5.0], 60)),
            ("half 4 and half 5, then half 1 and half 5", of(&[4.0, 5.0], 80), of(&[1.0, 5.0], 80)),
        ] {
            let compared = numbers(baseline, window).compared().unwrap();
            assert!(Apart::of(compared.index) != Apart::Stable, "{why}: {} {:?}", compared.index, compared.bins);
            assert!(compared.tested.unwrap().p_value < 0.01, "{why}");
        }
    }

    #[test]
    fn categories_are_compared_by_their_shares() {
        let of = |counts: &[(&str, usize)]| counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let measured = Measured::Categories {
            baseline: of(&[("end", 30), ("length", 14), ("tool_calls", 34)]),
            window: of(&[("end", 12), ("length", 25), ("tool_calls", 40)]),
        };
        let compared = measured.compared().unwrap();
        assert!((compared.tested.unwrap().p_value - 0.003_522_171_902_603_430_5).abs() < 1e-12);
        let names: Vec<&str> = compared.bins.iter().map(|bin| bin.bin.as_str()).collect();
        assert_eq!(names, ["tool_calls", "end", "length"]);
        let new = Measured::Categories { baseline: of(&[("a", 60)]), window: of(&[("b", 60)]) };
        assert_eq!(Apart::of(new.compared().unwrap().index), Apart::Large);
        let many: Vec<(String, usize)> = (0..40).map(|at| (format!("m{at:02}"), 2)).collect();
        let many: BTreeMap<String, usize> = many.into_iter().collect();
        let wide = Measured::Categories { baseline: many.clone(), window: many }.compared().unwrap();
        assert_eq!((wide.bins.len(), wide.bins[30].bin.as_str()), (31, "others"));
    }

    #[test]
    fn too_little_says_nothing() {
        let some = |count: u32| (0..count).map(f64::from);
        assert!(numbers(some(49), some(500)).compared().is_none());
        assert!(numbers(some(50), some(49)).compared().is_none());
        assert!(numbers(some(50), some(50)).compared().is_some());
        assert_eq!(
            numbers(some(3), some(0)).sides().0,
            Side { count: 3, mean: Some(1.0), median: Some(1.0), p95: Some(2.0) }
        );
    }
}
