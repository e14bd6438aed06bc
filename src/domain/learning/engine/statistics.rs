//! Tests of whether two samples come from the same distribution: Kolmogorov and Smirnov's for numbers, Pearson's chi-squared for
//! categories; and Holm's correction where several are made at once. Small and by the book: the tests hold them against `SciPy`.

use super::figures::number;

/// Up to so many pairs the distribution of Kolmogorov and Smirnov's statistic is counted out; beyond, its limit is near enough.
const MOST_PAIRS: usize = 1_000_000;
/// The categories of which fewer are expected are thrown together: below it the limit is not near enough.
const FEWEST_EXPECTED: f64 = 5.0;
/// Steps of the series and fractions: far more than they need.
const MOST_STEPS: u32 = 10_000;
/// What is smaller adds nothing to a double.
const NOTHING: f64 = 1e-16;

/// What a test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tested {
    /// The statistic.
    pub statistic: f64,
    /// How likely it is to be at least so large by chance, where nothing differs.
    pub p_value: f64,
}

/// Kolmogorov and Smirnov's test of two samples, two-sided. Where values occur more than once the true probability is
/// smaller than the one that is told. `None` where a sample is empty.
#[must_use]
pub fn kolmogorov_smirnov(one: &[f64], other: &[f64]) -> Option<Tested> {
    if one.is_empty() || other.is_empty() {
        return None;
    }
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (first, second) = (sorted(one), sorted(other));
    let (mut at_first, mut at_second) = (0, 0);
    let mut statistic: f64 = 0.0;
    while let (Some(left), Some(right)) = (first.get(at_first), second.get(at_second)) {
        // Equal values are passed together: between them there is no step.
        let value = left.min(*right);
        while first.get(at_first).is_some_and(|next| *next <= value) {
            at_first += 1;
        }
        while second.get(at_second).is_some_and(|next| *next <= value) {
            at_second += 1;
        }
        let apart = number(at_first) / number(first.len()) - number(at_second) / number(second.len());
        statistic = statistic.max(apart.abs());
    }
    let (shorter, longer) = (first.len().min(second.len()), first.len().max(second.len()));
    let p_value = if shorter.saturating_mul(longer) <= MOST_PAIRS {
        counted(statistic, shorter, longer)
    } else {
        let (shorter, longer) = (number(shorter), number(longer));
        kolmogorov((shorter * longer / (shorter + longer)).sqrt() * statistic)
    };
    Some(Tested { statistic, p_value })
}

/// The share of all orders of two samples in which the statistic is at least so large: paths through a grid that stay away from
/// its diagonal by less are counted out, as shares so that no number grows.
fn counted(statistic: f64, shorter: usize, longer: usize) -> f64 {
    let (short, long) = (number(shorter), number(longer));
    // Statistics are fractions of the product of both sizes: half a step below it is between two of them.
    let bound = (0.5 + (statistic * short * long - 1e-7).floor()) / (short * long);
    let mut row: Vec<f64> = (0..=longer).map(|at| if number(at) / long > bound { 0.0 } else { 1.0 }).collect();
    for up in 1..=shorter {
        let (share, height) = (number(up) / number(up + longer), number(up) / short);
        let mut before = 0.0;
        for (at, cell) in row.iter_mut().enumerate() {
            let is_far = (height - number(at) / long).abs() > bound;
            *cell = if is_far { 0.0 } else { share * *cell + before };
            before = *cell;
        }
    }
    (1.0 - row.last().copied().unwrap_or(0.0)).clamp(0.0, 1.0)
}

/// The limit of Kolmogorov's distribution: how likely the scaled statistic is to be larger.
#[must_use]
pub fn kolmogorov(scaled: f64) -> f64 {
    use std::f64::consts::PI;
    if scaled <= 0.0 {
        return 1.0;
    }
    // For small ones this form needs few terms, for large ones the other.
    if scaled < 1.0 {
        let base = -PI * PI / (8.0 * scaled * scaled);
        let sum: f64 = (0..20).map(|step| f64::from(2 * step + 1).powi(2)).map(|odd| (base * odd).exp()).sum();
        return (1.0 - (2.0 * PI).sqrt() / scaled * sum).clamp(0.0, 1.0);
    }
    let term = |step: u32| {
        let value = (-2.0 * f64::from(step * step) * scaled * scaled).exp();
        if step.is_multiple_of(2) { -value } else { value }
    };
    (2.0 * (1..50).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

/// Pearson's test of whether counts of the same categories have the same shares. Rare categories are thrown together. `None`
/// where fewer than two categories are left, or one side is empty.
#[must_use]
pub fn chi_squared(one: &[usize], other: &[usize]) -> Option<Tested> {
    let sum = |counts: &[usize]| number(counts.iter().sum());
    let (first, second) = (sum(one), sum(other));
    let whole = first + second;
    if first < 1.0 || second < 1.0 {
        return None;
    }
    let is_common = |(left, right): &(f64, f64)| (left + right) * first.min(second) / whole >= FEWEST_EXPECTED;
    let pairs = one.iter().zip(other).map(|(left, right)| (number(*left), number(*right)));
    let (mut kept, rare): (Vec<_>, Vec<_>) = pairs.partition(is_common);
    let rest = rare.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    if is_common(&rest) {
        kept.push(rest);
    } else if rest.0 + rest.1 > 0.0 {
        // Too few even together: they count with the rarest of the others.
        let total = |pair: &(f64, f64)| pair.0 + pair.1;
        if let Some(least) = kept.iter_mut().min_by(|left, right| total(left).total_cmp(&total(right))) {
            *least = (least.0 + rest.0, least.1 + rest.1);
        }
    }
    if kept.len() < 2 {
        return None;
    }
    let apart = |found: f64, expected: f64| (found - expected).powi(2) / expected;
    let part = |(left, right): &(f64, f64)| {
        let all = left + right;
        apart(*left, all * first / whole) + apart(*right, all * second / whole)
    };
    let statistic: f64 = kept.iter().map(part).sum();
    let freedom = number(kept.len() - 1);
    Some(Tested { statistic, p_value: upper_gamma(freedom / 2.0, statistic / 2.0) })
}

/// The share of the gamma function above a value: what a chi-squared distribution has above twice of it.
fn upper_gamma(shape: f64, value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let front = (shape * value.ln() - value - ln_gamma(shape)).exp();
    if value < shape + 1.0 {
        // The series of the lower share.
        let (mut term, mut sum) = (1.0 / shape, 1.0 / shape);
        for step in 1..MOST_STEPS {
            term *= value / (shape + f64::from(step));
            sum += term;
            if term < sum * NOTHING {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    // The continued fraction of the upper share, from the front (Lentz).
    let tiny = f64::MIN_POSITIVE / NOTHING;
    let mut below = value + 1.0 - shape;
    let mut above = 1.0 / tiny;
    let mut inverse = 1.0 / below;
    let mut fraction = inverse;
    for step in 1..MOST_STEPS {
        let step = f64::from(step);
        let factor = -step * (step - shape);
        below += 2.0;
        inverse = 1.0 / away_from_nothing(factor * inverse + below, tiny);
        above = away_from_nothing(below + factor / above, tiny);
        let change = inverse * above;
        fraction *= change;
        if (change - 1.0).abs() < NOTHING {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

fn away_from_nothing(value: f64, tiny: f64) -> f64 {
    if value.abs() < tiny { tiny } else { value }
}

/// The logarithm of the gamma function (Lanczos, seven and nine).
fn ln_gamma(value: f64) -> f64 {
    const FIRST: f64 = 0.999_999_999_999_809_9;
    const REST: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if value < 0.5 {
        let sine = (std::f64::consts::PI * value).sin().abs();
        return (std::f64::consts::PI / sine).ln() - ln_gamma(1.0 - value);
    }
    let shifted = value - 1.0;
    let sum = REST.iter().zip(1_u32..).fold(FIRST, |sum, (part, at)| sum + part / (shifted + f64::from(at)));
    let base = shifted + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (shifted + 0.5) * base.ln() - base + sum.ln()
}

/// What the probabilities of several tests are worth together: Holm's correction, in the order that they were given in.
#[must_use]
pub fn corrected(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|one, other| p_values[*one].total_cmp(&p_values[*other]));
    let mut corrected = vec![1.0; p_values.len()];
    let mut least: f64 = 0.0;
    for (rank, at) in order.into_iter().enumerate() {
        least = least.max((number(p_values.len() - rank) * p_values[at]).min(1.0));
        corrected[at] = least;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures that these are held against were computed with `SciPy` 1.17.
    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-6), "{found} is not {expected}");
    }

    #[test]
    fn kolmogorov_and_smirnov_s_test_finds_what_scipy_finds() {
        let one = [0.1, 0.4, 0.7, 1.1, 1.3, 1.9, 2.4, 3.0];
        let other = [0.9, 1.5, 2.2, 2.6, 2.8, 3.3, 3.9, 4.1, 4.4, 5.0];
        // ks_2samp(one, other, method='exact'), whichever comes first and in whatever order.
        for (one, other) in [(&one[..], &other[..]), (&other[..], &one[..])] {
            let mut turned = one.to_vec();
            turned.reverse();
            let tested = kolmogorov_smirnov(&turned, other).unwrap();
            near(tested.statistic, 0.575);
            near(tested.p_value, 0.070_432_835_138_717_51);
        }
        let ratings = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 5.0, 5.0];
        let better = [3.0, 3.0, 4.0, 4.0, 4.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 4.0];
        let tested = kolmogorov_smirnov(&ratings, &better).unwrap();
        near(tested.statistic, 0.433_333_333_333_333_35);
        near(tested.p_value, 0.186_296_675_460_762_12);
        let same = kolmogorov_smirnov(&ratings, &ratings).unwrap();
        assert_eq!((same.statistic, same.p_value), (0.0, 1.0));
        let apart = kolmogorov_smirnov(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).unwrap();
        // Of 20 orders two have all of one side first.
        near(apart.p_value, 0.1);
        assert_eq!(kolmogorov_smirnov(&[], &ratings), None);
    }

    /// 1500 and 1400 values: beyond what is counted out.
    #[test]
    fn large_samples_go_by_the_limit() {
        let one: Vec<f64> = (0..1500_u32).map(|at| f64::from(at * 37 % 1009) / 1009.0).collect();
        let other: Vec<f64> = (0..1400_u32).map(|at| (f64::from(at * 53 % 997) / 997.0).powf(1.1)).collect();
        let tested = kolmogorov_smirnov(&one, &other).unwrap();
        near(tested.statistic, 0.039_380_952_380_952_38);
        // special.kolmogorov; the exact value is 0.2045.
        near(tested.p_value, 0.211_377_316_279_579_67);
        near(counted(tested.statistic, 1400, 1500), 0.204_543_833_454_155_58);
    }

    #[test]
    fn the_limit_is_kolmogorov_s() {
        for (scaled, expected) in [
            (0.0, 1.0),
            (0.2, 0.999_999_999_999_495),
            (0.5, 0.963_945_243_664_875_1),
            (0.828, 0.499_329_621_193_798_3),
            (1.0, 0.269_999_671_677_354_56),
            (1.36, 0.049_485_876_755_377_876),
            (2.0, 0.000_670_925_255_779_695_3),
            (4.0, 2.532_833_109_818_835e-14),
        ] {
            near(kolmogorov(scaled), expected);
        }
    }

    #[test]
    fn pearson_s_test_finds_what_scipy_finds() {
        // chi2_contingency([one, other], correction=False)
        for (one, other, statistic, p_value) in [
            (vec![30, 14, 34], vec![12, 25, 40], 11.297_354_923_728_548, 0.003_522_171_902_603_430_5),
            (vec![90, 60, 104, 95], vec![30, 50, 51, 20], 23.170_168_115_752_993, 3.721_555_949_741_595e-5),
            (vec![10, 20], vec![30, 40], 0.793_650_793_650_793_6, 0.372_998_483_613_486_86),
        ] {
            let tested = chi_squared(&one, &other).unwrap();
            near(tested.statistic, statistic);
            near(tested.p_value, p_value);
        }
        // Rare ones are thrown together, or go to the rarest of the others.
        let common = chi_squared(&[30, 14, 34], &[12, 25, 40]).unwrap();
        assert_eq!(
            chi_squared(&[30, 14, 28, 3, 3], &[12, 25, 34, 3, 3]),
            chi_squared(&[30, 14, 28, 6], &[12, 25, 34, 6])
        );
        assert_eq!(chi_squared(&[30, 13, 34, 1], &[12, 25, 40, 0]), Some(common));
        assert_eq!((chi_squared(&[5, 0], &[0, 0]), chi_squared(&[100], &[90])), (None, None));
        assert_eq!(chi_squared(&[100, 1], &[90, 1]), None, "one category is none to compare");
    }

    #[test]
    fn the_gamma_function_s_upper_share_is_what_scipy_finds() {
        // chi2.sf(value, freedom)
        for (value, freedom, expected) in [
            (0.0, 1.0, 1.0),
            (3.841, 1.0, 0.050_013_683_763_956_804),
            (10.0, 4.0, 0.040_427_681_994_512_79),
            (0.5, 6.0, 0.997_838_503_310_237_5),
            (120.0, 30.0, 1.020_275_854_147_000_7e-12),
            (700.0, 600.0, 0.002_895_772_531_822_277_6),
        ] {
            near(upper_gamma(freedom / 2.0, value / 2.0), expected);
        }
        for (value, expected) in
            [(0.5, 0.572_364_942_924_700_1), (2.5, 0.284_682_870_472_919_2), (10.0, 12.801_827_480_081_469)]
        {
            near(ln_gamma(value), expected);
        }
    }

    #[test]
    fn several_tests_at_once_are_worth_less() {
        assert_eq!(corrected(&[0.01, 0.04, 0.03, 0.5]), [0.04, 0.09, 0.09, 0.5]);
        assert_eq!(corrected(&[0.9, 0.8]), [1.0, 1.0]);
        assert_eq!(corrected(&[]), Vec::<f64>::new());
    }
}
