//! Breakers: a model that fails several times one after the other is left alone for a while, then tried by one call. A model
//! that says "too many calls" is left alone for as long as it says; that is no failure.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// So many failures one after the other open it.
const MOST_FAILURES: u32 = 5;
/// So long it is open the first time; twice as long each time that the try fails.
const ALONE: Duration = Duration::from_secs(10);
/// The longest that it is open.
const LONGEST: Duration = Duration::from_mins(2);

/// The breaker of one model.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// Failures one after the other.
    failures: u32,
    /// How often it opened since the last success.
    opened: u32,
    open_until: Option<Duration>,
    /// Whether one call tries the model just now.
    trying: bool,
    /// Until when the vendor wants to hear nothing.
    cooling_until: Option<Duration>,
}

/// How a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Circuit {
    /// Calls go through.
    Closed,
    /// The model keeps failing and is left alone.
    Open,
    /// Its time alone is over: one call tries it.
    HalfOpen,
    /// The vendor said that there are too many calls.
    Cooling,
}

/// That a call may go to the model. Whoever drops it without saying how it went leaves the model as it was.
#[derive(Debug)]
pub(crate) struct Pass {
    breaker: Arc<Breaker>,
    tries: bool,
    told: bool,
}

impl Breaker {
    /// A pass to the model, or until when it is left alone.
    pub(crate) fn admit(self: &Arc<Self>, now: Duration) -> Result<Pass, Duration> {
        let mut state = self.state();
        if let Some(until) = state.cooling_until.filter(|until| now < *until) {
            return Err(until);
        }
        let mut tries = false;
        match state.open_until {
            None => {}
            Some(until) if now < until => return Err(until),
            Some(_) if state.trying => return Err(now + Duration::from_secs(1)),
            Some(_) => {
                state.trying = true;
                tries = true;
            }
        }
        Ok(Pass { breaker: self.clone(), tries, told: false })
    }

    /// How it stands.
    pub(crate) fn circuit(&self, now: Duration) -> Circuit {
        let state = self.state();
        match state.open_until {
            Some(until) if now < until => Circuit::Open,
            Some(_) => Circuit::HalfOpen,
            None if state.cooling_until.is_some_and(|until| now < until) => Circuit::Cooling,
            None => Circuit::Closed,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// The model answered.
    pub(crate) fn succeeded(mut self) {
        self.told = true;
        let mut state = self.breaker.state();
        // What was let through before it opened says nothing of how the model is now.
        if self.tries || state.open_until.is_none() {
            *state = State { cooling_until: state.cooling_until, ..State::default() };
        }
    }

    /// It failed in a way that speaks against it.
    pub(crate) fn failed(mut self, now: Duration) {
        self.told = true;
        let mut state = self.breaker.state();
        state.failures = state.failures.saturating_add(1);
        if self.tries || (state.open_until.is_none() && state.failures >= MOST_FAILURES) {
            let alone = ALONE.saturating_mul(1 << state.opened.min(8)).min(LONGEST);
            state.open_until = Some(now + alone);
            state.opened = state.opened.saturating_add(1);
        }
        if self.tries {
            state.trying = false;
        }
    }

    /// The vendor said that there are too many calls, and until when.
    pub(crate) fn cooled(self, until: Duration) {
        let mut state = self.breaker.state();
        state.cooling_until = Some(state.cooling_until.map_or(until, |known| known.max(until)));
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.tries && !self.told {
            self.breaker.state().trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn opens_after_failures_lets_one_try_and_closes() {
        let breaker = Arc::new(Breaker::default());
        for _ in 0..MOST_FAILURES {
            breaker.admit(at(0)).unwrap().failed(at(0));
        }
        assert_eq!(breaker.admit(at(5)).unwrap_err(), at(10));
        assert_eq!(breaker.circuit(at(5)), Circuit::Open);
        let one = breaker.admit(at(10)).unwrap();
        assert_eq!(breaker.circuit(at(10)), Circuit::HalfOpen);
        assert!(breaker.admit(at(10)).is_err(), "one tries, the others wait for how it goes");
        one.failed(at(11));
        assert_eq!(breaker.admit(at(30)).unwrap_err(), at(31), "twice as long");
        drop(breaker.admit(at(31)).unwrap());
        breaker.admit(at(31)).unwrap().succeeded();
        assert!(breaker.admit(at(31)).is_ok() && breaker.admit(at(31)).is_ok());
        assert_eq!(breaker.circuit(at(31)), Circuit::Closed);
    }

    #[test]
    fn only_failures_one_after_the_other_count() {
        let breaker = Arc::new(Breaker::default());
        for _ in 0..10 {
            for _ in 1..MOST_FAILURES {
                breaker.admit(at(0)).unwrap().failed(at(0));
            }
            breaker.admit(at(0)).unwrap().succeeded();
        }
        assert!(breaker.admit(at(0)).is_ok());
    }

    /// Calls that were on their way when it opened neither close it nor keep it open for longer.
    #[test]
    fn calls_of_before_do_not_decide() {
        let breaker = Arc::new(Breaker::default());
        let (early, late) = (breaker.admit(at(0)).unwrap(), breaker.admit(at(0)).unwrap());
        for _ in 0..MOST_FAILURES {
            breaker.admit(at(0)).unwrap().failed(at(0));
        }
        early.succeeded();
        late.failed(at(9));
        assert_eq!(breaker.admit(at(9)).unwrap_err(), at(10));
    }

    #[test]
    fn a_vendor_that_wants_rest_has_it() {
        let breaker = Arc::new(Breaker::default());
        breaker.admit(at(0)).unwrap().cooled(at(7));
        breaker.admit(at(8)).unwrap().cooled(at(20));
        assert_eq!(breaker.admit(at(19)).unwrap_err(), at(20));
        assert_eq!(breaker.circuit(at(19)), Circuit::Cooling);
        assert!(breaker.admit(at(20)).is_ok());
    }
}
