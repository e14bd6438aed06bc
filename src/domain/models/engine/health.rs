//! How a model is doing, as this instance sees it: its breaker, its places, how fast it answered lately.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dashmap::DashMap;

use super::breaker::Breaker;
use super::pace::Pace;
use super::places::Places;
use crate::domain::models::catalogue::Limits;
use crate::kernel::id::TenantId;

/// So many of the last answers are looked at.
const RECENT: usize = 128;
/// With fewer answers a percentile says nothing.
const FEWEST: usize = 16;
/// So much of the average is the last answer: an eighth.
const WEIGHT: u64 = 8;

/// How one model is doing.
pub(crate) struct Health {
    pub(crate) breaker: Arc<Breaker>,
    pub(crate) places: Arc<Places>,
    latency_micros: AtomicU64,
    output_tokens: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    micros: Vec<u64>,
    next: usize,
}

impl Health {
    fn new(most_at_once: usize) -> Arc<Self> {
        Arc::new(Self {
            breaker: Arc::default(),
            places: Places::new(most_at_once),
            latency_micros: AtomicU64::new(0),
            output_tokens: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            recent: Mutex::default(),
        })
    }

    /// It answered: after so long its answer was there, or the first piece of it.
    pub(crate) fn answered(&self, after: Duration) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(after.as_micros()).unwrap_or(u64::MAX).max(1);
        average(&self.latency_micros, micros);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let at = recent.next;
        recent.next = (at + 1) % RECENT;
        match recent.micros.get_mut(at) {
            Some(place) => *place = micros,
            None => recent.micros.push(micros),
        }
    }

    /// It failed.
    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// So many tokens an answer had.
    pub(crate) fn wrote(&self, tokens: u64) {
        average(&self.output_tokens, tokens.max(1));
    }

    /// How long an answer takes on average; `None` before the first one.
    pub(crate) fn latency(&self) -> Option<Duration> {
        Some(self.latency_micros.load(Ordering::Relaxed)).filter(|micros| *micros > 0).map(Duration::from_micros)
    }

    /// How many tokens an answer has on average; `None` before the first one.
    pub(crate) fn usual_output(&self) -> Option<u64> {
        Some(self.output_tokens.load(Ordering::Relaxed)).filter(|tokens| *tokens > 0)
    }

    /// After how long so many of a hundred of the last answers were there; `None` where there are too few to tell.
    pub(crate) fn percentile(&self, percent: u8) -> Option<Duration> {
        let mut micros = self.recent.lock().unwrap_or_else(PoisonError::into_inner).micros.clone();
        if micros.len() < FEWEST {
            return None;
        }
        micros.sort_unstable();
        let at = (micros.len() * usize::from(percent.min(100))).div_ceil(100).saturating_sub(1);
        micros.get(at).copied().map(Duration::from_micros)
    }

    /// Answers and failures since the start.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.answered.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

/// Moves an average towards a value. Two at the same moment may count as one, which an average bears.
fn average(held: &AtomicU64, value: u64) {
    let before = held.load(Ordering::Relaxed);
    let after = if before == 0 { value } else { before - before / WEIGHT + value / WEIGHT };
    held.store(after.max(1), Ordering::Relaxed);
}

/// Whose model it is, and which: `provider/model`, or the provider alone for models that its file does not list.
type Name = (Option<TenantId>, Arc<str>);

/// The health of every model.
pub(crate) struct Healths {
    all: DashMap<Name, Arc<Health>>,
    /// The paces of models, and of what routes say of them.
    paces: DashMap<Name, Arc<Pace>>,
    most_at_once: usize,
}

/// So much is remembered of each; beyond it all begin anew.
const MOST_REMEMBERED: usize = 10_000;

impl Healths {
    pub(crate) fn new(most_at_once: usize) -> Self {
        Self { all: DashMap::new(), paces: DashMap::new(), most_at_once }
    }

    /// The pace of a model, or of a route to it; nothing where there is no limit. One whose limits have changed begins anew.
    pub(crate) fn pace(&self, owner: Option<TenantId>, name: &Arc<str>, limits: Limits) -> Option<Arc<Pace>> {
        if limits == Limits::default() {
            return None;
        }
        let name = (owner, name.clone());
        if let Some(pace) = self.paces.get(&name).filter(|pace| pace.limits == limits) {
            return Some(pace.clone());
        }
        if self.paces.len() >= MOST_REMEMBERED {
            self.paces.clear();
        }
        let pace = Pace::new(limits)?;
        let mut held = self.paces.entry(name).or_insert_with(|| pace.clone());
        if held.limits != limits {
            *held = pace;
        }
        Some(held.clone())
    }

    pub(crate) fn of(&self, owner: Option<TenantId>, name: &Arc<str>) -> Arc<Health> {
        let name = (owner, name.clone());
        if let Some(health) = self.all.get(&name) {
            return health.clone();
        }
        // Who is being asked holds their own: places and breakers go on with it.
        if self.all.len() >= MOST_REMEMBERED {
            self.all.clear();
        }
        self.all.entry(name).or_insert_with(|| Health::new(self.most_at_once)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_of_the_last_answers() {
        let health = Health::new(0);
        assert_eq!((health.latency(), health.percentile(50)), (None, None));
        for millis in 1..=100 {
            health.answered(Duration::from_millis(millis));
        }
        assert_eq!(health.percentile(95), Some(Duration::from_millis(95)));
        for _ in 0..RECENT {
            health.answered(Duration::from_millis(7));
        }
        assert_eq!(health.percentile(99), Some(Duration::from_millis(7)));
        assert_eq!(health.counts().0, 228);
    }
}
