//! How good an answer is, held against the one that was expected.

use std::collections::BTreeMap;

use super::figures::number;
use super::selection::words;

/// Whether both say the same, blanks and capitals aside: 1 or 0.
#[must_use]
pub fn exact(answer: &str, expected: &str) -> f64 {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    f64::from(u8::from(plain(answer) == plain(expected)))
}

/// How many words both have, against all that they have: 1 for the same words in whatever order (the F1 of words).
#[must_use]
pub fn overlap(answer: &str, expected: &str) -> f64 {
    let counted = |text: &str| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        words(text).for_each(|word| *counts.entry(word).or_default() += 1);
        counts
    };
    let (found, wanted) = (counted(answer), counted(expected));
    let both: usize = found.iter().map(|(word, count)| *count.min(wanted.get(word).unwrap_or(&0))).sum();
    let all = found.values().sum::<usize>() + wanted.values().sum::<usize>();
    if all == 0 { exact(answer, expected) } else { 2.0 * number(both) / number(all) }
}

/// The mark that a judge gave, from 0 to 10, as 0 to 1: the first number in what it says.
#[must_use]
pub fn mark(said: &str) -> Option<f64> {
    let start = said.find(|one: char| one.is_ascii_digit())?;
    let number: String = said[start..].chars().take_while(|one| one.is_ascii_digit() || *one == '.').collect();
    let mark: f64 = number.trim_end_matches('.').parse().ok()?;
    (0.0..=10.0).contains(&mark).then_some(mark / 10.0)
}

/// How likely it is that so many of all are better or worse by chance, where each is as likely: the sign test, two-sided.
#[must_use]
pub fn sign_test(better: usize, worse: usize) -> f64 {
    let all = better + worse;
    let few = better.min(worse);
    let mut term = 0.5_f64.powi(i32::try_from(all).unwrap_or(i32::MAX));
    let mut sum = 0.0;
    for at in 0..=few {
        sum += term;
        term *= number(all - at) / number(at + 1);
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_held_against_the_expected_ones() {
        assert_eq!((exact(" Yes,\n sir", "yes, sir"), exact("yes", "no")), (1.0, 0.0));
        assert_eq!((overlap("the cat sat", "sat the cat"), overlap("a b", "c d")), (1.0, 0.0));
        assert!((overlap("the cat", "the cat sat down") - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!((overlap("", ""), overlap("", "x")), (1.0, 0.0));
    }

    #[test]
    fn a_mark_is_the_first_number() {
        assert_eq!((mark("7"), mark("Score: 8.5/10"), mark("10.")), (Some(0.7), Some(0.85), Some(1.0)));
        assert_eq!((mark("good"), mark("42"), mark("")), (None, None, None));
    }

    /// `scipy.stats.binomtest(better, better + worse).pvalue`
    #[test]
    fn the_sign_test_is_the_binomial_one() {
        for (better, worse, expected) in
            [(8, 2, 0.109_375), (5, 0, 0.0625), (3, 3, 1.0), (0, 0, 1.0), (15, 5, 0.041_389_465_332_031_25)]
        {
            assert!((sign_test(better, worse) - expected).abs() < 1e-12, "{better} {worse}");
        }
    }
}
