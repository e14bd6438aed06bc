//! The monitor: a sample of the instance every minute, kept for a day in memory, and what of the last one is far from what is
//! usual here. Usual is the median of the samples before, far is measured by how much they scatter by themselves, so that a
//! busy night or a single peak in the past does not decide.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;

use super::process;
use crate::capability::cx::store_fault;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Samples that are kept: a day's.
const MOST: usize = 24 * 60;
/// With fewer samples before it nothing is said to be unusual.
const LEAST: usize = 15;
/// So many times the usual scatter away is far.
const FAR: f64 = 5.0;
/// What turns a median of distances into a standard deviation, for values that scatter normally.
const NORMAL: f64 = 1.4826;
/// A scatter below this share of the median is taken for chance.
const LEAST_SHARE: f64 = 0.1;
const SECONDS_A_MINUTE: f64 = 60.0;

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Watched {
    /// Calls a minute.
    Calls,
    /// Calls a minute that ended by a fault of the caller.
    CallerFaults,
    /// Calls a minute that ended by a fault of the server.
    ServerFaults,
    /// How long a call took on average, in microseconds.
    MeanMicros,
    /// Bytes of memory.
    MemoryBytes,
    /// How much of one processor was used.
    CpuShare,
    /// Open files and connections.
    OpenFiles,
    /// Commits that wait to be written.
    WaitingCommits,
}

impl Watched {
    const ALL: [Self; 8] = [
        Self::Calls,
        Self::CallerFaults,
        Self::ServerFaults,
        Self::MeanMicros,
        Self::MemoryBytes,
        Self::CpuShare,
        Self::OpenFiles,
        Self::WaitingCommits,
    ];

    /// A difference below this is nothing, however little the value scatters.
    const fn least(self) -> f64 {
        match self {
            Self::Calls => 2.0,
            Self::CallerFaults => 1.0,
            Self::ServerFaults => 0.2,
            Self::MeanMicros => 200.0,
            Self::MemoryBytes => 8_388_608.0,
            Self::CpuShare => 0.02,
            Self::OpenFiles | Self::WaitingCommits => 5.0,
        }
    }
}

/// The instance in one span of about a minute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sample {
    /// When it was taken: the end of the span.
    pub(crate) at: Timestamp,
    /// Calls a minute.
    pub(crate) calls: f64,
    /// Calls a minute that ended by a fault of the caller.
    pub(crate) caller_faults: f64,
    /// Calls a minute that ended by a fault of the server.
    pub(crate) server_faults: f64,
    /// How long a call took on average, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mean_micros: Option<f64>,
    /// Bytes of memory, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_bytes: Option<f64>,
    /// How much of one processor was used, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_share: Option<f64>,
    /// Open files and connections, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_files: Option<f64>,
    /// Commits that waited to be written.
    pub(crate) waiting_commits: f64,
}

impl Sample {
    fn of(&self, watched: Watched) -> Option<f64> {
        match watched {
            Watched::Calls => Some(self.calls),
            Watched::CallerFaults => Some(self.caller_faults),
            Watched::ServerFaults => Some(self.server_faults),
            Watched::MeanMicros => self.mean_micros,
            Watched::MemoryBytes => self.memory_bytes,
            Watched::CpuShare => self.cpu_share,
            Watched::OpenFiles => self.open_files,
            Watched::WaitingCommits => Some(self.waiting_commits),
        }
    }
}

/// Something that is far from usual.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Anomaly {
    /// What.
    pub(crate) what: Watched,
    /// How it is.
    pub(crate) value: f64,
    /// How it usually is: the median of the samples before.
    pub(crate) usual: f64,
    /// Whether it is above what is usual, rather than below.
    pub(crate) above: bool,
    /// How many times the usual scatter it is away from that.
    pub(crate) distance: f64,
}

/// Sums since the start, between which a sample lies.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    calls: u64,
    caller_faults: u64,
    server_faults: u64,
    micros: u64,
    cpu_seconds: Option<f64>,
}

/// Keeps samples.
#[derive(Default)]
pub struct Monitor(Mutex<Held>);

#[derive(Default)]
struct Held {
    last: Option<(Timestamp, Sums)>,
    samples: VecDeque<Sample>,
}

impl Monitor {
    /// Takes a sample; the runtime asks for it every minute.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn take(&self, platform: &Platform) -> Result<(), Fault> {
        let waiting = platform.store.health().await.map_err(store_fault)?.waiting;
        let (now, figures) = (platform.clock.now(), process::read());
        let sums = sums(platform, figures.cpu_seconds);
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, before) = held.last.unwrap_or_else(|| (platform.started_at, Sums::default()));
        let seconds = now.since(since).as_secs_f64();
        if seconds <= 0.0 {
            return Ok(());
        }
        let per_minute = |now: u64, before: u64| float(now.saturating_sub(before)) / seconds * SECONDS_A_MINUTE;
        let calls = sums.calls.saturating_sub(before.calls);
        let sample = Sample {
            at: now,
            calls: per_minute(sums.calls, before.calls),
            caller_faults: per_minute(sums.caller_faults, before.caller_faults),
            server_faults: per_minute(sums.server_faults, before.server_faults),
            mean_micros: (calls > 0).then(|| float(sums.micros.saturating_sub(before.micros)) / float(calls)),
            memory_bytes: figures.memory_bytes.map(float),
            cpu_share: sums.cpu_seconds.map(|used| (used - before.cpu_seconds.unwrap_or(0.0)).max(0.0) / seconds),
            open_files: figures.open_files.map(float),
            waiting_commits: float(waiting as u64),
        };
        held.last = Some((now, sums));
        if held.samples.len() >= MOST {
            held.samples.pop_front();
        }
        held.samples.push_back(sample);
        Ok(())
    }

    /// The samples, oldest first.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).samples.iter().copied().collect()
    }
}

/// What of the last sample is far from those before it, the farthest first.
pub(crate) fn anomalies(samples: &[Sample]) -> Vec<Anomaly> {
    let Some((last, before)) = samples.split_last() else { return Vec::new() };
    let mut found: Vec<Anomaly> = Watched::ALL
        .into_iter()
        .filter_map(|what| {
            let value = last.of(what)?;
            let past: Vec<f64> = before.iter().filter_map(|sample| sample.of(what)).collect();
            judge(what, value, &past)
        })
        .collect();
    found.sort_by(|one, other| other.distance.total_cmp(&one.distance));
    found
}

fn judge(what: Watched, value: f64, past: &[f64]) -> Option<Anomaly> {
    if past.len() < LEAST {
        return None;
    }
    let usual = median(past.to_vec())?;
    let scatter = NORMAL * median(past.iter().map(|one| (one - usual).abs()).collect())?;
    let scatter = scatter.max(LEAST_SHARE * usual.abs()).max(what.least());
    let distance = (value - usual).abs() / scatter;
    (distance > FAR).then_some(Anomaly { what, value, usual, above: value > usual, distance })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(*values.get(middle - 1)?, upper)) }
}

fn sums(platform: &Platform, cpu_seconds: Option<f64>) -> Sums {
    let mut sums = Sums { cpu_seconds, ..Sums::default() };
    for tool in platform.registry.present().all() {
        let reading = tool.meter.read();
        sums.calls += reading.calls();
        sums.caller_faults += reading.caller_faults;
        sums.server_faults += reading.server_faults;
        sums.micros += reading.micros;
    }
    sums
}

#[expect(clippy::cast_precision_loss, reason = "figures for people, far below 2^52")]
const fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(calls: f64, server_faults: f64) -> Sample {
        Sample {
            at: Timestamp::from_millis(0),
            calls,
            caller_faults: 0.0,
            server_faults,
            mean_micros: None,
            memory_bytes: Some(1e8),
            cpu_share: None,
            open_files: None,
            waiting_commits: 0.0,
        }
    }

    #[test]
    fn only_what_is_far_from_its_own_history_is_told() {
        let mut samples: Vec<Sample> = (0..60).map(|minute| sample(100.0 + f64::from(minute % 7), 0.0)).collect();
        assert_eq!(anomalies(&samples), []);
        samples.push(sample(110.0, 0.0));
        assert_eq!(anomalies(&samples), [], "within what is usual");
        samples.push(sample(400.0, 3.0));
        let found = anomalies(&samples);
        assert_eq!(found.iter().map(|one| one.what).collect::<Vec<_>>(), [Watched::Calls, Watched::ServerFaults]);
        assert!(found[0].above && (found[0].usual - 103.0).abs() < 1.0, "{found:?}");
        // One peak in the past changes nothing for the next.
        samples.push(sample(103.0, 0.0));
        assert_eq!(anomalies(&samples), []);
        samples.push(sample(0.0, 0.0));
        assert!(!anomalies(&samples)[0].above);
    }

    #[test]
    fn with_little_history_nothing_is_unusual() {
        let mut samples = vec![sample(100.0, 0.0); LEAST - 1];
        samples.push(sample(10_000.0, 50.0));
        assert_eq!(anomalies(&samples), []);
        assert_eq!(anomalies(&[]), []);
    }
}
