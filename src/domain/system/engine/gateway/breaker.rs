//! Breakers: an instance that fails several times one after the other is left alone for a while, then tried by one request.

use std::time::Duration;

use dashmap::DashMap;
use uuid::Uuid;

/// The breakers of instances, by their ids. Those of instances that never fail are not here.
#[derive(Default)]
pub(super) struct Breakers(DashMap<Uuid, Breaker>);

#[derive(Debug, Clone, Copy, Default)]
struct Breaker {
    /// Failures one after the other.
    failures: u32,
    /// Until when it is left alone.
    open_until: Option<Duration>,
    /// Whether one request tries it just now.
    trying: bool,
}

impl Breakers {
    /// Whether an instance is left alone.
    pub(super) fn is_open(&self, instance: Uuid, now: Duration) -> bool {
        self.0.get(&instance).is_some_and(|breaker| breaker.open_until.is_some_and(|until| now < until))
    }

    /// Whether a request may ask the instance now. After its time alone, one may, and the others when that went well.
    pub(super) fn admits(&self, instance: Uuid, now: Duration) -> bool {
        let Some(mut breaker) = self.0.get_mut(&instance) else { return true };
        match breaker.open_until {
            None => true,
            Some(until) if now < until || breaker.trying => false,
            Some(_) => {
                breaker.trying = true;
                true
            }
        }
    }

    /// It answered.
    pub(super) fn succeeded(&self, instance: Uuid) {
        self.0.remove(&instance);
    }

    /// It failed.
    pub(super) fn failed(&self, instance: Uuid, now: Duration, most: u32, alone: Duration) {
        let mut breaker = self.0.entry(instance).or_default();
        breaker.failures = breaker.failures.saturating_add(1);
        if breaker.trying || breaker.failures >= most {
            breaker.open_until = Some(now + alone);
        }
        breaker.trying = false;
    }

    /// The request that tried it ended without telling how the instance is.
    pub(super) fn unsettled(&self, instance: Uuid) {
        if let Some(mut breaker) = self.0.get_mut(&instance) {
            breaker.trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_tries_once_and_closes() {
        let (breakers, one) = (Breakers::default(), Uuid::from_u128(1));
        let at = Duration::from_secs;
        let fail = |now| breakers.failed(one, now, 3, at(10));
        fail(at(0));
        fail(at(0));
        assert!(breakers.admits(one, at(0)));
        fail(at(1));
        assert!(breakers.is_open(one, at(1)) && !breakers.admits(one, at(10)));
        assert!(breakers.admits(one, at(11)) && !breakers.admits(one, at(11)), "one tries");
        fail(at(12));
        assert!(!breakers.admits(one, at(21)), "it is alone again");
        assert!(breakers.admits(one, at(22)));
        breakers.unsettled(one);
        assert!(breakers.admits(one, at(22)));
        breakers.succeeded(one);
        assert!(breakers.admits(one, at(22)) && breakers.admits(one, at(22)));
        fail(at(23));
        breakers.succeeded(one);
        fail(at(24));
        fail(at(25));
        assert!(breakers.admits(one, at(25)), "only failures one after the other count");
    }
}
