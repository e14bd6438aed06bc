//! What each route has done since the start, and how much of its rate is left: a bucket that fills evenly.

use std::time::Duration;

use dashmap::DashMap;
use uuid::Uuid;

use crate::domain::system::model::route::{GatewayRoute, Rate};
use crate::kernel::id::TenantId;

/// Figures and buckets of routes.
#[derive(Default)]
pub(crate) struct Tallies {
    figures: DashMap<Uuid, RouteFigures>,
    buckets: DashMap<(TenantId, String), Bucket>,
}

/// What a route has done since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RouteFigures {
    /// Requests that it took.
    pub(crate) requests: u64,
    /// Of these, the ones that got no answer, or a fault of the service.
    pub(crate) failed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    rate: Rate,
    /// Nanoseconds of the span that are there to be spent.
    held: u128,
    at: Duration,
}

impl Tallies {
    /// What a route has done.
    pub(crate) fn of(&self, route: Uuid) -> RouteFigures {
        self.figures.get(&route).map(|figures| *figures).unwrap_or_default()
    }

    pub(super) fn count(&self, route: Uuid, failed: bool) {
        let mut figures = self.figures.entry(route).or_default();
        figures.requests += 1;
        figures.failed += u64::from(failed);
    }

    /// Takes one of what the rate allows; the wait where there is none left.
    pub(super) fn take(&self, tenant: TenantId, route: &GatewayRoute, now: Duration) -> Option<Duration> {
        let rate = route.rate_limit.as_deref().and_then(Rate::parse)?;
        let whole = rate.span.as_nanos();
        let one = whole / u128::from(rate.many.get()).max(1);
        let full = Bucket { rate, held: whole, at: now };
        let mut bucket = self.buckets.entry((tenant, route.route_id.clone())).or_insert(full);
        if bucket.rate != rate {
            *bucket = full;
        }
        let come = now.saturating_sub(bucket.at).as_nanos();
        bucket.held = whole.min(bucket.held + come);
        bucket.at = now;
        if bucket.held >= one {
            bucket.held -= one;
            return None;
        }
        let missing = u64::try_from(one - bucket.held).unwrap_or(u64::MAX);
        Some(Duration::from_nanos(missing))
    }
}
