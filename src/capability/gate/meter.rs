//! Counts of a tool's calls on this instance: how many, how they ended, how long they took. Plain atomics, no locks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Upper bounds of the duration buckets, in microseconds.
pub const BOUNDS_MICROS: [u64; 14] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Well.
    Well,
    /// By a fault of the caller.
    CallerFault,
    /// By a fault of the program or its surroundings.
    ServerFault,
}

/// A tool's counts.
#[derive(Debug, Default)]
pub struct Meter {
    well: AtomicU64,
    caller_faults: AtomicU64,
    server_faults: AtomicU64,
    micros: AtomicU64,
    buckets: [AtomicU64; BOUNDS_MICROS.len() + 1],
}

/// The counts at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// Calls that ended well.
    pub well: u64,
    /// Calls that ended by a fault of the caller.
    pub caller_faults: u64,
    /// Calls that ended by a fault of the program.
    pub server_faults: u64,
    /// Microseconds of all calls together.
    pub micros: u64,
    /// Calls by duration: one count for each bound, and one for those above the last.
    pub buckets: Vec<u64>,
}

impl Meter {
    /// Counts a call.
    pub fn count(&self, ended: Ended, took: Duration) {
        match ended {
            Ended::Well => &self.well,
            Ended::CallerFault => &self.caller_faults,
            Ended::ServerFault => &self.server_faults,
        }
        .fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        let bucket = BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counts now.
    #[must_use]
    pub fn read(&self) -> Reading {
        Reading {
            well: self.well.load(Ordering::Relaxed),
            caller_faults: self.caller_faults.load(Ordering::Relaxed),
            server_faults: self.server_faults.load(Ordering::Relaxed),
            micros: self.micros.load(Ordering::Relaxed),
            buckets: self.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
        }
    }
}

impl Reading {
    /// Counts another one's calls, too: of the same tool on another instance.
    pub fn add(&mut self, other: &Self) {
        self.well += other.well;
        self.caller_faults += other.caller_faults;
        self.server_faults += other.server_faults;
        self.micros += other.micros;
        self.buckets.resize(self.buckets.len().max(other.buckets.len()), 0);
        for (count, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *count += more;
        }
    }

    /// All calls.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.well + self.caller_faults + self.server_faults
    }

    /// An upper bound, in microseconds, for the given share of calls; `None` without calls.
    #[must_use]
    pub fn percentile_micros(&self, share: f64) -> Option<u64> {
        let all: u64 = self.buckets.iter().sum();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts far below 2^52"
        )]
        let wanted = (all as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (count, bound) in self.buckets.iter().zip(BOUNDS_MICROS.iter().copied().chain([u64::MAX])) {
            seen += count;
            if *count > 0 && seen >= wanted {
                return Some(bound);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_end_and_duration() {
        let meter = Meter::default();
        for _ in 0..9 {
            meter.count(Ended::Well, Duration::from_micros(40));
        }
        meter.count(Ended::ServerFault, Duration::from_secs(60));
        let reading = meter.read();
        assert_eq!((reading.well, reading.server_faults, reading.calls()), (9, 1, 10));
        assert_eq!(reading.percentile_micros(0.5), Some(50));
        assert_eq!(reading.percentile_micros(0.99), Some(u64::MAX));
        assert_eq!(Meter::default().read().percentile_micros(0.5), None);
        let other = Meter::default();
        other.count(Ended::CallerFault, Duration::from_micros(200));
        let mut both = reading.clone();
        both.add(&other.read());
        assert_eq!((both.calls(), both.caller_faults, both.buckets[0], both.buckets[2]), (11, 1, 9, 1));
        assert_eq!(both.micros, reading.micros + 200);
    }
}
