//! The one source of time. Everything asks a `Clock`, so that tests move time instead of waiting for it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::time::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Time that only goes forward, from some beginning: for measuring how long ago something was, whatever is done to the
    /// machine's clock meanwhile.
    fn elapsed(&self) -> Duration;

    /// Whether it is a machine's own, which somebody may set, and not one that a test moves.
    fn is_machine(&self) -> bool {
        false
    }
}

/// The machine's own clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine for the time")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGAN.elapsed()
    }

    fn is_machine(&self) -> bool {
        true
    }
}

/// A clock that goes by another one which several machines share, such as a database's. To what this machine's own clock is
/// set does not matter to it: between two looks at the other it goes on by time that only goes forward.
pub struct SharedClock {
    own: Arc<dyn Clock>,
    /// The shared time at which the time that only goes forward began, in milliseconds.
    began: AtomicI64,
}

impl SharedClock {
    /// A clock that was looked at when so much time had elapsed on the own one.
    #[must_use]
    pub fn new(own: Arc<dyn Clock>, shared: Timestamp, elapsed: Duration) -> Self {
        let clock = Self { own, began: AtomicI64::new(0) };
        clock.set(shared, elapsed);
        clock
    }

    /// It was looked at again.
    pub fn set(&self, shared: Timestamp, elapsed: Duration) {
        self.began.store(shared.as_millis() - millis(elapsed), Ordering::SeqCst);
    }

    /// How far this machine's clock is from it, in milliseconds: positive where it is ahead.
    #[must_use]
    pub fn ahead(&self) -> i64 {
        self.own.now().as_millis() - self.now().as_millis()
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.began.load(Ordering::SeqCst) + millis(self.own.elapsed()))
    }

    fn elapsed(&self) -> Duration {
        self.own.elapsed()
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `moment`.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(AtomicI64::new(moment.as_millis()))
    }

    /// Moves it forward.
    pub fn advance(&self, span: Duration) {
        self.0.fetch_add(millis(span), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine's clock that somebody sets.
    struct Stepped {
        now: AtomicI64,
        elapsed: AtomicI64,
    }

    impl Clock for Stepped {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.now.load(Ordering::SeqCst))
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.elapsed.load(Ordering::SeqCst).unsigned_abs())
        }
    }

    #[test]
    fn a_shared_clock_goes_on_whatever_the_machine_s_is_set_to() {
        let own = Arc::new(Stepped { now: AtomicI64::new(5_000_000), elapsed: AtomicI64::new(700) });
        let shared = SharedClock::new(own.clone(), Timestamp::from_millis(1_000_000), Duration::from_millis(600));
        assert_eq!(shared.now().as_millis(), 1_000_100);
        own.now.store(0, Ordering::SeqCst);
        own.elapsed.store(1_700, Ordering::SeqCst);
        assert_eq!((shared.now().as_millis(), shared.ahead()), (1_001_100, -1_001_100));
        shared.set(Timestamp::from_millis(2_000_000), Duration::from_millis(1_700));
        assert_eq!(shared.now().as_millis(), 2_000_000);
        assert!(!shared.is_machine() && SystemClock.is_machine());
    }
}
