//! Asking models in order until one answers: the next one when one fails, all of them again after a wait when what failed may
//! pass, a second one beside the first when that one is slow.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};

use super::Router;
use super::attempt::{Ask, Started, Stopped};
use super::course::{Course, Target};
use crate::domain::models::engine::failure::Failed;
use crate::domain::models::faults;
use crate::kernel::fault::Fault;

/// The first wait between two rounds is about so long, each further one twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Nobody is kept waiting for longer, whatever a vendor says.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Router {
    /// Asks until one answers.
    pub(super) async fn run(self: &Arc<Self>, course: &Arc<Course>, ask: &Ask) -> Result<Started, Fault> {
        let mut failed: Vec<Failed> = Vec::new();
        let mut unpriced = None;
        let mut slept = Duration::ZERO;
        let mut standing: Vec<&Target> = course.targets.iter().collect();
        for round in 0..=course.route.retries {
            let mut of_round: Vec<Failed> = Vec::new();
            let mut next = 0;
            while let Some(target) = standing.get(next) {
                let second = standing.get(next + 1).copied();
                let wait = Waits { slept, may_wait: round > 0 || second.is_none() };
                let tried = Box::pin(self.try_one(course, target, second, ask, wait)).await;
                next += 1 + usize::from(tried.took_second);
                of_round.extend(tried.failed);
                match tried.ended {
                    Some(Ok(started)) => return Ok(started),
                    // Another model may have a price.
                    Some(Err(fault)) if fault.is(&faults::PRICE_UNKNOWN) => unpriced = Some(fault),
                    Some(Err(fault)) => return Err(fault),
                    None => {}
                }
                if let Some(last) = of_round.last().filter(|last| !last.another_may_do()) {
                    failed.extend(of_round.clone());
                    return Err(last.fault(&failed));
                }
            }
            standing.retain(|target| of_round.iter().any(|one| one.model == *target.name && one.may_pass()));
            let wait = self.wait_after(round, &of_round);
            failed.extend(of_round);
            if standing.is_empty() || round == course.route.retries || wait > LONGEST_WAIT {
                break;
            }
            tokio::time::sleep(wait).await;
            slept += wait;
        }
        Err(match (failed.last(), unpriced) {
            (Some(last), _) => last.fault(&failed),
            (None, Some(fault)) => fault,
            (None, None) => Fault::internal("a route without candidates was asked"),
        })
    }

    /// How long to wait before the next round: by chance up to a bound that doubles, so that many callers do not come back at
    /// the same moment; and never before the first model may be asked again.
    fn wait_after(&self, round: u32, failed: &[Failed]) -> Duration {
        let most = FIRST_WAIT.saturating_mul(1 << round.min(10));
        let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        let by_chance = Duration::from_micros(micros / 2 + self.dice.below(micros / 2));
        // As long as one of them need not be waited for, the others are waited for in vain.
        let waits = failed.iter().filter(|one| one.may_pass()).map(|one| one.wait().unwrap_or(Duration::ZERO));
        by_chance.max(waits.min().unwrap_or(Duration::ZERO))
    }

    async fn try_one(
        self: &Arc<Self>,
        course: &Arc<Course>,
        first: &Target,
        second: Option<&Target>,
        ask: &Ask,
        waits: Waits,
    ) -> Tried {
        let hedge = course.route.hedge.zip(second).and_then(|(hedge, second)| {
            let slow = first.health.percentile(hedge.percentile)?;
            Some((slow.max(Duration::from_millis(hedge.at_least_millis.into())), second))
        });
        let attempt = Box::pin(self.attempt(course, first, ask, waits));
        let Some((slow, second)) = hedge else { return Tried::of(attempt.await) };
        let attempt = match select(attempt, Box::pin(tokio::time::sleep(slow))).await {
            Either::Left((ended, _)) => return Tried::of(ended),
            Either::Right(((), attempt)) => attempt,
        };
        let beside = Box::pin(self.attempt(course, second, ask, Waits { may_wait: false, ..waits }));
        // Whoever is dropped closes the connection, and what it may have cost is written down.
        let (ended, rest) = match select(attempt, beside).await {
            Either::Left((ended, rest)) => (ended, Either::Right(rest)),
            Either::Right((ended, rest)) => (ended, Either::Left(rest)),
        };
        let one = Tried::of(ended);
        if one.ended.is_some() {
            return Tried { took_second: true, ..one };
        }
        let other = Tried::of(rest.await);
        let failed = one.failed.into_iter().chain(other.failed).collect();
        Tried { failed, ended: other.ended, took_second: true }
    }
}

/// How a call has waited, and whether it may wait now.
#[derive(Clone, Copy)]
pub(super) struct Waits {
    /// For so long it has waited for models: one that was waited for is asked.
    pub(super) slept: Duration,
    /// Whether it may wait for its turn at a model that is asked as often as it may be: not while others can be asked instead.
    pub(super) may_wait: bool,
}

/// How one or two models did.
struct Tried {
    failed: Vec<Failed>,
    ended: Option<Result<Started, Fault>>,
    took_second: bool,
}

impl Tried {
    fn of(ended: Result<Started, Stopped>) -> Self {
        let (failed, ended) = match ended {
            Ok(started) => (Vec::new(), Some(Ok(started))),
            Err(Stopped::Failed(failed)) => (vec![failed], None),
            Err(Stopped::Fault(fault)) => (Vec::new(), Some(Err(fault))),
        };
        Self { failed, ended, took_second: false }
    }
}
