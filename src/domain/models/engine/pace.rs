//! The pace of a model: so many calls and so many tokens a minute. Whoever comes too early waits fairly (`turns`), or is told how
//! long it would take.
//!
//! A sixth of a minute's calls may come at once. A call takes the tokens that it probably has, and when it has ended what it really
//! had is counted; one that alone has more than there is room for goes when nothing else has used any, and is paid off afterwards.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::turns::Turns;
use crate::domain::models::catalogue::Limits;
use crate::kernel::id::TenantId;

/// Nobody is kept waiting for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What may come at once is what comes in so many seconds.
const AT_ONCE_SECONDS: f64 = 10.0;

/// The pace of one model.
pub(crate) struct Pace {
    pub(crate) limits: Limits,
    began: Instant,
    state: Mutex<State>,
}

struct State {
    calls: Option<Bucket>,
    tokens: Option<Bucket>,
    waiting: Turns<Waiting>,
    /// Whether somebody lets go those who wait.
    lets_go: bool,
}

struct Waiting {
    tokens: u64,
    go: oneshot::Sender<Paced>,
}

/// What a call took of a pace. It goes back when the call is never sent.
pub(crate) struct Paced {
    pace: Option<Arc<Pace>>,
    tokens: u64,
}

/// Room that comes back with time.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    a_second: f64,
    most: f64,
    /// Below nothing after a call that had more than there was.
    room: f64,
    seen: Duration,
}

impl Bucket {
    fn new(a_minute: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^52")]
        let a_second = a_minute as f64 / 60.0;
        let most = (a_second * AT_ONCE_SECONDS).max(1.0);
        Self { a_second, most, room: most, seen: Duration::ZERO }
    }

    /// How long until there is room for so much.
    fn wait(&mut self, amount: f64, now: Duration) -> Duration {
        self.room = (self.room + now.saturating_sub(self.seen).as_secs_f64() * self.a_second).min(self.most);
        self.seen = self.seen.max(now);
        let lacks = amount.min(self.most) - self.room;
        if lacks <= 0.0 {
            return Duration::ZERO;
        }
        // Rounded up, so that there is room then.
        Duration::from_secs_f64((lacks / self.a_second).min(86_400.0)) + Duration::from_micros(1)
    }
}

impl State {
    /// How long until a call of so many tokens may go; taken when it may go now.
    fn take(&mut self, tokens: u64, now: Duration) -> Duration {
        let wait = self.wait(1, tokens, now);
        if wait.is_zero() {
            self.change(-1.0, -amount(tokens));
        }
        wait
    }

    fn wait(&mut self, calls: u64, tokens: u64, now: Duration) -> Duration {
        let of_calls = self.calls.as_mut().map_or(Duration::ZERO, |bucket| bucket.wait(amount(calls), now));
        let of_tokens = self.tokens.as_mut().map_or(Duration::ZERO, |bucket| bucket.wait(amount(tokens), now));
        of_calls.max(of_tokens)
    }

    /// About how long until all who wait have gone, and one more.
    fn wait_behind(&mut self, tokens: u64, now: Duration) -> Duration {
        let ahead = self
            .waiting
            .iter()
            .fold((1.0, amount(tokens)), |(calls, tokens), waiting| (calls + 1.0, tokens + amount(waiting.tokens)));
        let of = |bucket: &mut Option<Bucket>, wanted: f64| {
            bucket.as_mut().map_or(0.0, |bucket| {
                let first = bucket.wait(wanted, now).as_secs_f64();
                first + (wanted - bucket.most).max(0.0) / bucket.a_second
            })
        };
        let seconds = of(&mut self.calls, ahead.0).max(of(&mut self.tokens, ahead.1));
        Duration::from_secs_f64(seconds.min(86_400.0))
    }

    fn change(&mut self, calls: f64, tokens: f64) {
        for (bucket, by) in [(&mut self.calls, calls), (&mut self.tokens, tokens)] {
            if let Some(bucket) = bucket {
                bucket.room = (bucket.room + by).min(bucket.most);
            }
        }
    }
}

fn amount(of: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "calls and tokens are far below 2^52")]
    let amount = of as f64;
    amount
}

impl Pace {
    /// A pace; nothing where there is no limit.
    pub(crate) fn new(limits: Limits) -> Option<Arc<Self>> {
        if limits == Limits::default() {
            return None;
        }
        let state = State {
            calls: limits.requests_per_minute.map(Bucket::new),
            tokens: limits.tokens_per_minute.map(Bucket::new),
            waiting: Turns::default(),
            lets_go: false,
        };
        Some(Arc::new(Self { limits, began: Instant::now(), state: Mutex::new(state) }))
    }

    /// Takes a call of so many tokens, now or, where the caller may wait, when it is its turn.
    ///
    /// # Errors
    /// How long it would take.
    pub(crate) async fn take(
        self: &Arc<Self>,
        tenant: TenantId,
        tokens: u64,
        may_wait: bool,
    ) -> Result<Paced, Duration> {
        let gone = {
            let mut state = self.lock();
            let now = self.began.elapsed();
            let wait = if state.waiting.first().is_none() {
                state.take(tokens, now)
            } else {
                state.wait_behind(tokens, now).max(Duration::from_millis(1))
            };
            if wait.is_zero() {
                return Ok(Paced { pace: Some(self.clone()), tokens });
            }
            if !may_wait || wait > LONGEST_WAIT {
                return Err(wait);
            }
            let (go, gone) = oneshot::channel();
            state.waiting.add(tenant, Waiting { tokens, go });
            if !std::mem::replace(&mut state.lets_go, true) {
                tokio::spawn(self.clone().let_go());
            }
            gone
        };
        gone.await.map_err(|_| LONGEST_WAIT)
    }

    /// Lets those who wait go, each when there is room, until nobody waits.
    async fn let_go(self: Arc<Self>) {
        loop {
            let wait = {
                let mut state = self.lock();
                let Some(first) = state.waiting.first() else {
                    state.lets_go = false;
                    return;
                };
                let (tokens, left) = (first.tokens, first.go.is_closed());
                let wait = if left { Duration::ZERO } else { state.take(tokens, self.began.elapsed()) };
                if wait.is_zero()
                    && let Some(next) = state.waiting.next()
                    && !left
                {
                    // Whoever has gone meanwhile gives back what it took: below, where nobody holds the state.
                    drop(state);
                    drop(next.go.send(Paced { pace: Some(self.clone()), tokens }));
                }
                wait
            };
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
        }
    }

    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.lock().waiting.iter().count()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Paced {
    /// The call has ended: it had so many tokens.
    pub(crate) fn used(mut self, tokens: u64) {
        if let Some(pace) = self.pace.take() {
            pace.lock().change(0.0, amount(self.tokens) - amount(tokens));
        }
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        if let Some(pace) = self.pace.take() {
            pace.lock().change(1.0, amount(self.tokens));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const SECOND: Duration = Duration::from_secs(1);

    fn tenant(number: u128) -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(number))
    }

    fn pace(requests: Option<u64>, tokens: Option<u64>) -> Arc<Pace> {
        Pace::new(Limits { requests_per_minute: requests, tokens_per_minute: tokens }).unwrap()
    }

    #[test]
    fn a_sixth_of_a_minute_may_come_at_once_and_then_each_in_its_time() {
        let mut state = State { calls: Some(Bucket::new(60)), tokens: None, waiting: Turns::default(), lets_go: false };
        for number in 0..10 {
            assert_eq!(state.take(5, SECOND), Duration::ZERO, "{number}");
        }
        let wait = state.take(5, SECOND);
        assert!(wait > Duration::from_millis(999) && wait < Duration::from_millis(1_001), "{wait:?}");
        assert_eq!(state.take(5, SECOND * 2 + Duration::from_micros(1)), Duration::ZERO);
    }

    #[test]
    fn a_call_with_more_tokens_than_there_is_room_for_goes_alone_and_is_paid_off() {
        let mut bucket = Bucket::new(600);
        assert_eq!(bucket.wait(5_000.0, Duration::ZERO), Duration::ZERO);
        bucket.room -= 5_000.0;
        let wait = bucket.wait(1.0, SECOND);
        assert!(wait > SECOND * 480 && wait < SECOND * 500, "{wait:?}");
    }

    #[tokio::test]
    async fn what_was_taken_and_not_used_comes_back() {
        let pace = pace(Some(6), Some(600));
        let first = pace.take(tenant(1), 90, false).await.unwrap();
        assert!(pace.take(tenant(1), 1, false).await.is_err(), "one may come at once");
        drop(first);
        let first = pace.take(tenant(1), 90, false).await.unwrap();
        first.used(10);
        let room = |pace: &Pace| pace.lock().tokens.unwrap().room;
        assert!((89.0..=100.0).contains(&room(&pace)), "{}", room(&pace));
    }

    #[tokio::test]
    async fn all_who_wait_go_in_time_and_whoever_leaves_holds_up_nobody() {
        // A call every five milliseconds.
        let pace = pace(Some(12_000), None);
        while pace.take(tenant(9), 0, false).await.map(|paced| paced.used(0)).is_ok() {}
        let mut waiting: Vec<_> = (0..6).map(|of| Box::pin(pace.take(tenant(of % 2), 0, true))).collect();
        for one in &mut waiting {
            let _ = futures::poll!(one.as_mut());
        }
        // One that has its turn already gives it back; the others are passed over.
        drop(waiting.drain(1..3));
        for one in waiting {
            one.await.unwrap().used(0);
        }
        assert_eq!(pace.waiting(), 0);
    }

    #[tokio::test]
    async fn who_would_wait_for_too_long_is_told_at_once() {
        let pace = pace(Some(1), None);
        pace.take(tenant(1), 0, true).await.unwrap().used(0);
        let wait = pace.take(tenant(1), 0, true).await.err().unwrap();
        assert!(wait > LONGEST_WAIT && wait <= SECOND * 61, "{wait:?}");
    }
}
