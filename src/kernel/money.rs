//! Money: exact integers of a thousand-millionth of a dollar. A price per million tokens is then a whole number per token in
//! nearly every price list, and sums never drift.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Nano-dollars in a dollar.
const DOLLAR: u64 = 1_000_000_000;

/// An amount of money in nano-dollars: 1,000,000,000 are one US dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct NanoDollars(pub u64);

impl NanoDollars {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum; the most there is where it would pass that.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left; nothing where there is not so much.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl std::iter::Sum for NanoDollars {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for NanoDollars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / DOLLAR, self.0 % DOLLAR);
        let digits = format!("{rest:09}");
        let digits = digits.trim_end_matches('0');
        // Cents are shown even where there are none.
        write!(formatter, "${whole}.{digits:0<2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_as_people_write_it() {
        for (nanos, text) in [(0, "$0.00"), (1, "$0.000000001"), (2_500_000_000, "$2.50"), (1_230_000, "$0.00123")] {
            assert_eq!(NanoDollars(nanos).to_string(), text);
        }
    }

    #[test]
    fn sums_end_at_the_most_there_is() {
        let sum: NanoDollars = [NanoDollars(u64::MAX), NanoDollars(7)].into_iter().sum();
        assert_eq!(sum, NanoDollars(u64::MAX));
        assert_eq!(NanoDollars(3).minus(NanoDollars(5)), NanoDollars::ZERO);
    }
}
