//! Small figures that several answers have alike.

/// A number as it is told: with four decimals at most.
#[must_use]
pub fn told(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

/// A count as a number to reckon with.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn number(count: usize) -> f64 {
    count as f64
}

/// The mean; nothing of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / number(values.len()))
}

/// The value below which a share of sorted values lies: the nearest rank.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of values")]
    let rank = (share * number(sorted.len())).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).or_else(|| sorted.last()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_what_they_are_called() {
        assert_eq!((mean(&[]), mean(&[1.0, 2.0, 6.0])), (None, Some(3.0)));
        let sorted: Vec<f64> = (1..=20).map(f64::from).collect();
        let of = |share| quantile(&sorted, share).unwrap();
        assert_eq!((of(0.0), of(0.5), of(0.95), of(1.0)), (1.0, 10.0, 19.0, 20.0));
        assert_eq!((quantile(&[], 0.5), told(0.123_456)), (None, 0.1235));
    }
}
