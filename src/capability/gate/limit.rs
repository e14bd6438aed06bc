//! The rate limit: calls a minute for each caller, reads and writes apart; for callers without a credential, by address.
//! And the usage limit of a key: how often it may be used in all.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use dashmap::DashMap;
use governor::clock::Clock as _;
use governor::middleware::{NoOpMiddleware, StateInformationMiddleware};
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::sync::Mutex;

use super::sharing::{Bucket, Shared};
use crate::capability::caller::{Caller, Principal};
use crate::capability::spec::Effect;
use crate::config::limits::Limits;
use crate::kernel::clock::Clock;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{KeyId, TenantId, UserId};
use crate::port::store::{Batch, Conflict, Step, Store, StoreFault};

/// The counter of a key's calls.
pub const KEY_CALLS: &str = "key_calls";
/// So many calls of a limited key are reserved in the store at a time, so that not every call waits for the disk.
const BLOCK: i64 = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Owner(UserId),
    Key(KeyId),
    Address(Option<IpAddr>),
}

#[derive(Clone)]
pub(super) struct Ticks(Arc<dyn Clock>);

impl governor::clock::Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.elapsed())
    }
}

pub(super) type Buckets = RateLimiter<Who, DashMapStateStore<Who>, Ticks, StateInformationMiddleware>;

/// What is left to a caller after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Calls a minute.
    pub limit: u32,
    /// Calls left at once.
    pub remaining: u32,
    /// Seconds until the allowance is whole again.
    pub reset_seconds: u64,
}

/// What is left to a caller, told as soon as a call is counted, whatever becomes of the call. Copies share it: a door keeps
/// one of the call that it hands over.
#[derive(Debug, Clone, Default)]
pub struct Left(Arc<ArcSwapOption<Allowance>>);

impl Left {
    /// What is left, where the call was counted.
    #[must_use]
    pub fn get(&self) -> Option<Allowance> {
        self.0.load().as_deref().copied()
    }

    fn tell(&self, allowance: Allowance) {
        self.0.store(Some(Arc::new(allowance)));
    }
}

/// Counts calls.
pub struct Limiter {
    clock: Ticks,
    pub(super) reads: Buckets,
    pub(super) writes: Buckets,
    pub(super) refused: Buckets,
    /// What other instances are to be told of.
    pub(super) shared: Shared,
    limits: Limits,
    purses: DashMap<KeyId, Arc<Purse>>,
}

/// The calls of a limited key that are reserved in the store and not made yet.
struct Purse {
    tenant: TenantId,
    left: AtomicI64,
    filling: Mutex<()>,
}

impl Purse {
    fn take_one(&self) -> bool {
        let fewer = |left: i64| (left > 0).then(|| left - 1);
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer).is_ok()
    }
}

impl Limiter {
    /// A limiter by these limits.
    #[must_use]
    pub fn new(limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let clock = Ticks(clock);
        let buckets = |per_minute: u32| {
            let quota = Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
            RateLimiter::<_, _, _, NoOpMiddleware<Nanos>>::new(quota, DashMapStateStore::default(), clock.clone())
                .with_middleware::<StateInformationMiddleware>()
        };
        Self {
            reads: buckets(limits.reads_per_minute),
            writes: buckets(limits.writes_per_minute),
            refused: buckets(limits.anonymous_per_minute),
            shared: Shared::default(),
            limits,
            purses: DashMap::new(),
            clock,
        }
    }

    /// Counts a call of a caller.
    ///
    /// # Errors
    /// `rate_limited` with the wait.
    pub fn check(&self, caller: &Caller, address: Option<IpAddr>, effect: Effect) -> Result<Allowance, Fault> {
        self.tally(caller, address, effect, &Left::default())
    }

    /// The same, and tells what is left, also where nothing is.
    ///
    /// # Errors
    /// `rate_limited` with the wait.
    pub fn tally(
        &self,
        caller: &Caller,
        address: Option<IpAddr>,
        effect: Effect,
        left: &Left,
    ) -> Result<Allowance, Fault> {
        let who = match caller.principal {
            Principal::Anonymous => Who::Address(address.map(network)),
            Principal::LocalOwner | Principal::Link => Who::Owner(caller.user),
            Principal::Key(key) => Who::Key(key),
        };
        let (bucket, limit) = match (caller.principal, effect) {
            (Principal::Anonymous, _) => (Bucket::Refused, self.limits.anonymous_per_minute),
            (_, Effect::Read) => (Bucket::Reads, self.limits.reads_per_minute),
            (_, Effect::Create | Effect::Change | Effect::Remove) => (Bucket::Writes, self.limits.writes_per_minute),
        };
        let counted = self.count(bucket, &who, limit);
        left.tell(
            counted.as_ref().map_or(Allowance { limit, remaining: 0, reset_seconds: 60 }, |allowance| *allowance),
        );
        counted
    }

    /// Counts a refused credential of an address, so that guessing is slow. Good credentials from the same address are not
    /// held up by it.
    ///
    /// # Errors
    /// `rate_limited` with the wait.
    pub fn refused(&self, address: Option<IpAddr>) -> Result<(), Fault> {
        self.count(Bucket::Refused, &Who::Address(address.map(network)), self.limits.anonymous_per_minute).map(|_| ())
    }

    fn count(&self, bucket: Bucket, who: &Who, limit: u32) -> Result<Allowance, Fault> {
        match self.buckets(bucket).check_key(who) {
            Ok(state) => {
                self.shared.add(bucket, *who);
                let remaining = state.remaining_burst_capacity();
                let missing = limit.saturating_sub(remaining);
                let reset_seconds = u64::from(missing) * 60 / u64::from(limit.max(1));
                Ok(Allowance { limit, remaining, reset_seconds })
            }
            Err(not_until) => Err(limited(not_until.wait_time_from(self.clock.now()))),
        }
    }

    /// Takes one call from a key that may be used only so often.
    ///
    /// # Errors
    /// `key_refused` when the key is used up.
    pub async fn take(&self, caller: &Caller, store: &dyn Store) -> Result<(), Fault> {
        let (Principal::Key(key), Some(limit)) = (caller.principal, caller.usage_limit) else { return Ok(()) };
        let purse = || Arc::new(Purse { tenant: caller.tenant, left: AtomicI64::new(0), filling: Mutex::new(()) });
        let purse = self.purses.entry(key).or_insert_with(purse).clone();
        if purse.take_one() {
            return Ok(());
        }
        // One fills at a time: who is refused below was the last to look, so that no call is left in the purse.
        let _filling = purse.filling.lock().await;
        if purse.take_one() {
            return Ok(());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        for block in [BLOCK.min((limit / 10).max(1)), 1] {
            match store.commit(vec![self.reservation(caller.tenant, key, block, Some(limit))]).await {
                Ok(_) => {
                    purse.left.fetch_add(block - 1, Ordering::AcqRel);
                    return Ok(());
                }
                Err(StoreFault::Conflict(Conflict::Bound { .. })) => {}
                Err(fault) => return Err(crate::capability::cx::store_fault(fault)),
            }
        }
        Err(Fault::new(&codes::KEY_REFUSED, "the key has been used as often as it may"))
    }

    /// Gives back what was reserved and not used; for the end of the program.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn give_back(&self, store: &dyn Store) -> Result<(), Fault> {
        let unused = |purse: dashmap::mapref::multiple::RefMulti<'_, KeyId, Arc<Purse>>| {
            let left = purse.left.swap(0, Ordering::AcqRel);
            (left > 0).then(|| self.reservation(purse.tenant, *purse.key(), -left, None))
        };
        let batches: Vec<Batch> = self.purses.iter().filter_map(unused).collect();
        if batches.is_empty() {
            return Ok(());
        }
        store.commit(batches).await.map(drop).map_err(crate::capability::cx::store_fault)
    }

    fn reservation(&self, tenant: TenantId, key: KeyId, by: i64, at_most: Option<i64>) -> Batch {
        let step = Step::Count { name: KEY_CALLS, key: key.to_string(), by, at_most };
        Batch { tenant, at: self.clock.0.now(), steps: vec![step] }
    }

    /// Forgets callers that have not called for so long that their allowance is whole.
    pub fn tidy(&self) {
        for buckets in [&self.reads, &self.writes, &self.refused] {
            buckets.retain_recent();
        }
    }
}

/// An IPv6 customer has a whole /64: each of its addresses counts as the same.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => IpAddr::V4(four),
            None => IpAddr::V6((six.to_bits() >> 64 << 64).into()),
        },
    }
}

fn limited(wait: Duration) -> Fault {
    // Whole seconds: Retry-After has no finer unit, and a caller who comes back too early is refused again.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Fault::new(&codes::RATE_LIMITED, format!("too many calls; wait {seconds} s"))
        .with_retry_after(Duration::from_secs(seconds.max(1)))
}
