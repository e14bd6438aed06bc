//! Chance for choosing among models and for spreading retries: fast, shared, and of no use for secrets.

use std::sync::atomic::{AtomicU64, Ordering};

/// Throws numbers.
pub(crate) struct Dice(AtomicU64);

impl Default for Dice {
    fn default() -> Self {
        // Without randomness all instances choose alike, which is worse than nothing else.
        Self::from_seed(getrandom::u64().unwrap_or(0x9e37_79b9_7f4a_7c15))
    }
}

impl Dice {
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Any number.
    pub(crate) fn throw(&self) -> u64 {
        mixed(self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed))
    }

    /// A number below a bound; 0 where the bound is.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        // The error of this is far below what anybody could see in the choice of a model.
        if bound == 0 { 0 } else { self.throw() % bound }
    }
}

/// Splitmix64: each bit of the number moves about half of the bits of the answer.
pub(crate) const fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
