//! Small figures that several answers have alike.

use schemars::JsonSchema;
use serde::Serialize;

/// How long something took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// Half of them took at most this.
    pub p50: u64,
    /// 95 of a hundred took at most this.
    pub p95: u64,
    /// 99 of a hundred took at most this.
    pub p99: u64,
}

impl Spread {
    /// Of these, in microseconds; none of nothing.
    #[must_use]
    pub fn of(mut micros: Vec<u64>) -> Option<Self> {
        micros.sort_unstable();
        let at = |percent: usize| {
            let place = (micros.len() * percent).div_ceil(100).checked_sub(1)?;
            micros.get(place).map(|micros| micros / 1000)
        };
        Some(Self { p50: at(50)?, p95: at(95)?, p99: at(99)? })
    }
}

/// A share from 0 to 1, in ten-thousandths; none of nothing.
#[must_use]
pub fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    (whole > 0).then(|| (part as f64 / whole as f64 * 10_000.0).round() / 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_by_the_nearest_rank_and_a_share_of_nothing_is_none() {
        let micros = (1..=100).rev().map(|number| number * 1000).collect();
        assert_eq!(Spread::of(micros), Some(Spread { p50: 50, p95: 95, p99: 99 }));
        assert_eq!(Spread::of(vec![7_900]), Some(Spread { p50: 7, p95: 7, p99: 7 }));
        assert_eq!((Spread::of(Vec::new()), share(1, 0), share(1, 3)), (None, None, Some(0.3333)));
    }
}
