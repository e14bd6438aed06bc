//! Due times become runs. A schedule that waits has one job in the queue, due when it is; who leases it writes the runs, how far the schedule is
//! and the next job in one commit with the end of the lease. So there is one run for each due time, on however many instances.

use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use super::model::run::{Cause, RUN, Run, Status};
use super::model::schedule::{Missed, SCHEDULE, Schedule, State};
use super::model::standing::{STANDING, Standing, Waiting};
use super::planning::when;
use super::starting::{IN_LINE, Slot, Starts, TIMERS, begin, jitter, run_job, timer_job};
use super::topics::{COMPLETED, FIRED, MISSED, OfMissed, OfRun, OfSchedule, SUSPENDED};
use crate::capability::cx::store_fault;
use crate::capability::events::Event;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::{ScheduleId, ScheduleRunId, TenantId};
use crate::kernel::time::Timestamp;
use crate::port::queue::Lease;
use crate::port::records::{Document, Filter, Query, Scalar, Scope};
use crate::port::store::{Batch, Expect, Put, Step, StoreFault};

/// So often in a row something is written anew where somebody else was faster.
pub(super) const TRIES: u32 = 6;
/// Due times within the time in which they are not missed that are begun at once; those before them are missed.
const MOST_FRESH: usize = 64;
/// Runs of a removed schedule that are removed at once.
const PAGE: u32 = 200;

/// A schedule and how far it is.
pub(super) struct Read {
    pub(super) tenant: TenantId,
    pub(super) schedule: Stored<Schedule>,
    pub(super) standing: Stored<Standing>,
}

/// What one commit holds.
#[derive(Default)]
pub(super) struct Writing {
    pub(super) steps: Vec<Step>,
    pub(super) events: Vec<Event>,
}

/// Reads both; `None` when the schedule is no more.
pub(super) async fn read(platform: &Platform, tenant: TenantId, id: Uuid) -> Result<Option<Read>, Fault> {
    let scope = Scope::Tenant(tenant);
    let schedule = platform.store.get(scope, &SCHEDULE, id).await.map_err(store_fault)?;
    let standing = platform.store.get(scope, &STANDING, id).await.map_err(store_fault)?;
    let (Some(schedule), Some(standing)) = (schedule, standing) else { return Ok(None) };
    Ok(Some(Read { tenant, schedule: Stored::read(schedule)?, standing: Stored::read(standing)? }))
}

/// A stored document with another value.
pub(super) fn put<T: Document>(stored: &Stored<T>, value: &T) -> Result<Step, Fault> {
    Ok(Step::Put(Put {
        kind: T::KIND,
        id: stored.id,
        expect: Expect::Revision(stored.revision),
        owner: stored.owner,
        workspace: stored.workspace,
        visibility: stored.visibility,
        body: serde_json::to_value(value).map_err(Fault::internal)?,
    }))
}

impl Writing {
    pub(super) fn tell(
        &mut self,
        read: &Read,
        topic: &str,
        data: &impl serde::Serialize,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let data = serde_json::to_value(data).map_err(Fault::internal)?;
        let event = Event::by_itself(read.tenant, now, topic, read.schedule.id.to_string(), data);
        self.steps.push(event.step()?);
        self.events.push(event);
        Ok(())
    }

    /// What begins: the runs, and the jobs of those that go to a runner.
    pub(super) async fn start(
        &mut self,
        platform: &Platform,
        read: &Read,
        starts: Starts,
        now: Timestamp,
    ) -> Result<(), Fault> {
        for (run_id, run) in &starts.runs {
            self.steps.push(Step::Put(Put {
                kind: &RUN,
                id: *run_id,
                expect: Expect::Absent,
                owner: read.schedule.owner,
                workspace: read.schedule.workspace,
                visibility: read.schedule.visibility,
                body: serde_json::to_value(run).map_err(Fault::internal)?,
            }));
        }
        let mut in_line = if starts.go.is_empty() {
            0
        } else {
            platform.store.counter(Scope::Tenant(read.tenant), IN_LINE, "").await.map_err(store_fault)?
        };
        for run in &starts.go {
            self.steps.push(Step::Enqueue(run_job(*run, read.schedule.id, in_line, now)));
            self.steps.push(Step::Count { name: IN_LINE, key: String::new(), by: 1, at_most: None });
            in_line += 1;
        }
        for (run_id, run) in starts.runs.iter().filter(|(run_id, _)| starts.go.contains(run_id)) {
            self.tell(read, FIRED, &told(read, *run_id, run), now)?;
        }
        Ok(())
    }

    /// Writes all of it; false where something of it is not as it was read.
    pub(super) async fn commit(self, platform: &Platform, tenant: TenantId, now: Timestamp) -> Result<bool, Fault> {
        match platform.store.commit(vec![Batch { tenant, at: now, steps: self.steps }]).await {
            Ok(_) => {
                for event in self.events {
                    platform.tell(Arc::new(event));
                }
                Ok(true)
            }
            Err(StoreFault::Conflict(_)) => Ok(false),
            Err(fault) => Err(store_fault(fault)),
        }
    }
}

/// What is told of a run.
pub(super) fn told(read: &Read, run_id: Uuid, run: &Run) -> OfRun {
    OfRun {
        schedule_id: ScheduleId::from_uuid(read.schedule.id),
        name: read.schedule.value.name.clone(),
        run_id: ScheduleRunId::from_uuid(run_id),
        due_at: run.due_at,
        status: run.status,
        code: run.code.clone(),
        reason: run.reason.clone(),
        duration_ms: run
            .began_at
            .zip(run.ended_at)
            .map(|(began, ended)| u64::try_from(ended.since(began).as_millis()).unwrap_or(u64::MAX)),
    }
}

/// What is told of a run that waited and begins.
pub(super) fn told_next(read: &Read, next: &Waiting) -> OfRun {
    OfRun {
        schedule_id: ScheduleId::from_uuid(read.schedule.id),
        name: read.schedule.value.name.clone(),
        run_id: ScheduleRunId::from_uuid(next.run),
        due_at: next.due,
        status: Status::Queued,
        code: None,
        reason: None,
        duration_ms: None,
    }
}

/// What is told of a schedule.
pub(super) fn told_of(id: Uuid, schedule: &Schedule) -> OfSchedule {
    OfSchedule { schedule_id: ScheduleId::from_uuid(id), name: schedule.name.clone(), reason: schedule.reason.clone() }
}

/// Deals with a job whose time has come.
pub(super) async fn ring(platform: &Platform, lease: &Lease) -> Result<(), Fault> {
    let id = |name: &str| lease.body.get(name).and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
    if let Some(gone) = id("forget") {
        return forget(platform, lease, gone).await;
    }
    let Some(id) = id("schedule") else { return platform.store.finish(lease).await.map(drop).map_err(store_fault) };
    for _ in 0..TRIES {
        let read = read(platform, lease.tenant, id).await?;
        let meant =
            |read: &Read| read.standing.value.timer == Some(lease.id) && read.schedule.value.state == State::Active;
        let Some(read) = read.filter(meant) else {
            // The schedule was changed, paused or removed meanwhile.
            return platform.store.finish(lease).await.map(drop).map_err(store_fault);
        };
        let now = platform.clock.now();
        let mut writing = due(platform, &read, now).await?;
        writing.steps.push(Step::Finish { queue: TIMERS, id: lease.id, token: lease.token });
        if writing.commit(platform, lease.tenant, now).await? {
            return Ok(());
        }
    }
    // Its lease ends, and it is taken up again.
    Ok(())
}

/// What is to be written of a schedule whose time has come.
async fn due(platform: &Platform, read: &Read, now: Timestamp) -> Result<Writing, Fault> {
    let (id, schedule) = (read.schedule.id, &read.schedule.value);
    let (mut writing, mut standing) = (Writing::default(), read.standing.value.clone());
    let when = match when(&schedule.timing, platform) {
        Ok(when) => when,
        Err(fault) => return suspended(read, fault.say(), now),
    };
    let settings = &platform.config.schedules;
    let first = standing.next_due.unwrap_or(now);
    let ready = |due: Timestamp| due.plus(jitter(id, due, schedule.jitter_seconds)) <= now;
    let most = schedule.catch_up_limit + MOST_FRESH;
    let found = when.between(Timestamp::from_millis(first.as_millis() - 1), now, most);
    let mut times = found.last;
    // What is held back by its jitter is for later, and whatever comes after it too.
    let held_back = times.iter().position(|due| !ready(*due)).map(|at| times.split_off(at)).unwrap_or_default();
    let unknown = found.count.saturating_sub(many(times.len() + held_back.len()));
    let limit = std::time::Duration::from_secs(settings.missed_after_seconds);
    let is_late = |due: &Timestamp| now.since(due.plus(jitter(id, *due, schedule.jitter_seconds))) > limit;
    let fresh = times.iter().position(|due| !is_late(due)).map(|at| times.split_off(at)).unwrap_or_default();
    let made_up = match schedule.missed {
        Missed::Skip => 0,
        Missed::Once => 1,
        Missed::All => schedule.catch_up_limit,
    };
    let last_handled = fresh.last().or_else(|| times.last()).copied();
    let caught_up = times.split_off(times.len().saturating_sub(made_up));
    let lost = unknown + many(times.len());
    if lost > 0 {
        standing.missed = standing.missed.saturating_add(lost);
        let missed = OfMissed {
            schedule_id: ScheduleId::from_uuid(id),
            name: schedule.name.clone(),
            count: lost,
            and_more: found.and_more,
            since: first,
        };
        writing.tell(read, MISSED, &missed, now)?;
    }
    let in_line = !caught_up.is_empty();
    let slot = |due: Timestamp, cause| Slot { due, cause, variables: None, in_line };
    let all = caught_up.into_iter().map(|due| slot(due, Cause::CatchUp));
    let all = all.chain(fresh.into_iter().map(|due| slot(due, Cause::Due)));
    let mut starts = Starts::default();
    for slot in all {
        begin(&mut starts, &mut standing, id, schedule, slot, now);
    }
    writing.start(platform, read, starts, now).await?;
    standing.last_due = last_handled.or(standing.last_due);
    let next = held_back.first().copied().or_else(|| when.next(now.max(last_handled.unwrap_or(now))));
    arm(&mut standing, &mut writing, id, schedule, next, now);
    if next.is_none() {
        let over = Schedule { state: State::Completed, ..schedule.clone() };
        writing.steps.push(put(&read.schedule, &over)?);
        writing.tell(read, COMPLETED, &told_of(id, &over), now)?;
    }
    writing.steps.push(put(&read.standing, &standing)?);
    Ok(writing)
}

fn many(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Sets the timer for the next due time.
fn arm(
    standing: &mut Standing,
    writing: &mut Writing,
    id: Uuid,
    schedule: &Schedule,
    next: Option<Timestamp>,
    now: Timestamp,
) {
    standing.next_due = next;
    let job = next.map(|due| timer_job(id, due.plus(jitter(id, due, schedule.jitter_seconds)), now));
    standing.timer = job.as_ref().map(|job| job.id);
    writing.steps.extend(job.map(Step::Enqueue));
}

/// What is to be written of a schedule that cannot go on by itself.
pub(super) fn suspended(read: &Read, why: &str, now: Timestamp) -> Result<Writing, Fault> {
    let mut writing = Writing::default();
    let standing = Standing { timer: None, next_due: None, ..read.standing.value.clone() };
    let schedule = Schedule { state: State::Suspended, reason: Some(why.to_owned()), ..read.schedule.value.clone() };
    writing.steps.push(put(&read.schedule, &schedule)?);
    writing.steps.push(put(&read.standing, &standing)?);
    writing.tell(read, SUSPENDED, &told_of(read.schedule.id, &schedule), now)?;
    Ok(writing)
}

/// Removes some of the runs of a schedule that is no more; the job goes on until none is left.
async fn forget(platform: &Platform, lease: &Lease, schedule: Uuid) -> Result<(), Fault> {
    let query = Query::newest(Filter::is("schedule", Scalar::Id(schedule)), PAGE);
    let found = platform.store.find(Scope::Tenant(lease.tenant), &RUN, query).await.map_err(store_fault)?;
    let now = platform.clock.now();
    let mut writing = Writing::default();
    for run in &found {
        writing.steps.push(Step::Remove { kind: &RUN, id: run.id, expect: Expect::Anything });
    }
    writing.steps.push(Step::Finish { queue: TIMERS, id: lease.id, token: lease.token });
    if found.len() == PAGE as usize {
        writing.steps.push(Step::Enqueue(super::starting::forget_job(schedule, now)));
    }
    writing.commit(platform, lease.tenant, now).await.map(drop)
}
