//! Runs are carried out: each is one call through the gate, on behalf of whoever the schedule runs for, with the rights of now. However often it
//! is tried, the call has one idempotency key, so that it is made once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::model::run::{RUN, Run, Status};
use super::model::schedule::{Overlap, State};
use super::starting::{IN_LINE, RUNS, end, run_job};
use super::timing::{Read, TRIES, Writing, put, read, suspended, told, told_next};
use super::topics::{FAILED, FIRED, SUCCEEDED};
use crate::capability::bound::bounded;
use crate::capability::caller::Origin;
use crate::capability::cx::store_fault;
use crate::capability::gate::{Gate, Request};
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId};
use crate::port::queue::Lease;
use crate::port::records::{Filter, Query, Scalar, Scope};
use crate::port::store::{Expect, Step};

/// So long a run is leased; it is kept for longer while it goes on.
pub(super) const LEASE: Duration = Duration::from_mins(1);
/// How often it is looked whether it is called off, and in how many of these looks the lease is kept for longer.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const EXTEND_EACH: u32 = 15;
/// So often a run is tried that finds no room or no answer.
const MOST_TRIES: u32 = 100;
/// Old runs that are removed with the end of a new one.
const TRIMMED: u32 = 20;

/// What is said of a run that another one took the place of.
const CALLED_OFF: &str = "called off for a later run";

/// What became of a run.
struct Ended {
    status: Status,
    code: Option<String>,
    reason: Option<String>,
    execution: Option<String>,
    /// On whose behalf it ran is refused: the schedule stops.
    refused: bool,
}

impl Ended {
    fn of(fault: &Fault) -> Self {
        let places: Vec<String> =
            fault.places().iter().map(|one| format!("{}: {}", one.pointer, one.message)).collect();
        let reason =
            if places.len() > 1 { format!("{}: {}", fault.say(), places.join("; ")) } else { fault.say().to_owned() };
        Self {
            status: Status::Failed,
            code: Some(fault.code().name.to_owned()),
            reason: Some(reason),
            execution: None,
            refused: fault.is(&codes::KEY_REFUSED),
        }
    }
}

/// Carries a run out.
pub(super) async fn carry_out(gate: &Arc<Gate>, lease: &Lease) -> Result<(), Fault> {
    let platform = gate.platform();
    let id = |name: &str| lease.body.get(name).and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
    let (Some(schedule), Some(run)) = (id("schedule"), id("run")) else { return drop_it(platform, lease).await };
    let Some(found) = read(platform, lease.tenant, schedule).await? else { return drop_it(platform, lease).await };
    let Some(mut stored) = stored_run(platform, lease.tenant, run).await? else {
        return drop_it(platform, lease).await;
    };
    if stored.value.status.is_over() {
        return drop_it(platform, lease).await;
    }
    if found.standing.value.called_off.contains(&run) {
        // Another one took its place before it began.
        let ended = Ended {
            status: Status::Cancelled,
            code: None,
            reason: Some(CALLED_OFF.to_owned()),
            execution: None,
            refused: false,
        };
        return over(platform, lease, schedule, &stored, ended).await;
    }
    let call = CallId::new(platform.clock.now());
    let began = Run {
        status: Status::Running,
        call: Some(call),
        began_at: stored.value.began_at.or_else(|| Some(platform.clock.now())),
        ..stored.value.clone()
    };
    let steps = vec![put(&stored, &began)?];
    if !(Writing { steps, events: Vec::new() }).commit(platform, lease.tenant, platform.clock.now()).await? {
        // Somebody else has it.
        return Ok(());
    }
    (stored.revision, stored.value) = (stored.revision + 1, began);
    let cancel = CancellationToken::new();
    let result = tokio::select! {
        result = Box::pin(called(gate, &found, &stored, call, &cancel)) => result,
        () = kept(platform, &found, lease, run, &cancel) => return Ok(()),
    };
    let ended = match result {
        Ok(execution) => Ended { status: Status::Succeeded, code: None, reason: None, execution, refused: false },
        Err(fault) if cancel.is_cancelled() => {
            Ended { status: Status::Cancelled, reason: Some(CALLED_OFF.to_owned()), ..Ended::of(&fault) }
        }
        Err(fault) if is_busy(&fault) && lease.attempts < MOST_TRIES => {
            let wait = fault.retry_after().unwrap_or(Duration::from_secs(1)).min(Duration::from_mins(5));
            let due = platform.clock.now().plus(wait);
            return platform.store.put_back(lease, due).await.map(drop).map_err(store_fault);
        }
        Err(fault) => Ended::of(&fault),
    };
    over(platform, lease, schedule, &stored, ended).await
}

fn is_busy(fault: &Fault) -> bool {
    fault.is(&codes::RATE_LIMITED) || fault.is(&codes::UNAVAILABLE) || fault.is(&codes::IN_FLIGHT)
}

/// There is nothing of it any more.
async fn drop_it(platform: &Platform, lease: &Lease) -> Result<(), Fault> {
    let steps = vec![
        Step::Finish { queue: RUNS, id: lease.id, token: lease.token },
        Step::Count { name: IN_LINE, key: String::new(), by: -1, at_most: None },
    ];
    let writing = Writing { steps, events: Vec::new() };
    writing.commit(platform, lease.tenant, platform.clock.now()).await.map(drop)
}

async fn stored_run(platform: &Platform, tenant: TenantId, run: Uuid) -> Result<Option<Stored<Run>>, Fault> {
    let found = platform.store.get(Scope::Tenant(tenant), &RUN, run).await.map_err(store_fault)?;
    found.map(Stored::read).transpose()
}

/// Makes the call; answers the run of the agent, where one ran.
async fn called(
    gate: &Arc<Gate>,
    read: &Read,
    run: &Stored<Run>,
    call: CallId,
    cancel: &CancellationToken,
) -> Result<Option<String>, Fault> {
    let schedule = &read.schedule.value;
    let callers = gate.callers();
    let caller = callers.resume(gate.platform(), read.tenant, schedule.user, schedule.principal()).await?;
    let caller = bounded(caller, schedule.bound.as_ref());
    let (tool, input) = schedule.target.call(run.value.variables.as_ref().unwrap_or(&schedule.variables));
    let mut request = Request::new(call, caller, Origin::inside(), tool, input);
    request.idempotency_key = Some(format!("schedule {} {}", read.schedule.id, run.id));
    request.cancel = cancel.child_token();
    request.unhurried = true;
    request.time_limit = Some(Duration::from_secs(schedule.timeout_seconds));
    let answer = gate.call(request).await.result?;
    let value = answer.value().unwrap_or_default();
    Ok(value.get("executionId").and_then(Value::as_str).map(str::to_owned))
}

/// Keeps a lease, and calls the run off where that is wanted; returns when another instance has it.
async fn kept(platform: &Platform, read_first: &Read, lease: &Lease, run: Uuid, cancel: &CancellationToken) {
    let mut looks = 0_u32;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        looks += 1;
        if looks.is_multiple_of(EXTEND_EACH) {
            let until = platform.clock.now().plus(LEASE);
            if matches!(platform.store.extend(lease, until).await, Ok(false)) {
                cancel.cancel();
                return;
            }
        }
        if read_first.schedule.value.overlap == Overlap::CancelPrevious
            && let Ok(Some(now)) = read(platform, lease.tenant, read_first.schedule.id).await
            && now.standing.value.called_off.contains(&run)
        {
            cancel.cancel();
        }
    }
}

/// Writes how a run ended, and lets go what waits for it.
async fn over(platform: &Platform, lease: &Lease, id: Uuid, run: &Stored<Run>, ended: Ended) -> Result<(), Fault> {
    let now = platform.clock.now();
    let value = Run {
        status: ended.status,
        code: ended.code,
        reason: ended.reason,
        execution: ended.execution,
        ended_at: Some(now),
        ..run.value.clone()
    };
    for _ in 0..TRIES {
        let Some(read) = read(platform, lease.tenant, id).await? else { return drop_it(platform, lease).await };
        let mut standing = read.standing.value.clone();
        let next = end(&mut standing, run.id);
        if matches!(value.status, Status::Failed) {
            standing.failed += 1;
        }
        let mut writing = Writing::default();
        if ended.refused && read.schedule.value.state == State::Active {
            let why = "the key or account that it runs for is refused: schedule_update by somebody who may call the target lets it go on";
            writing = suspended(&read, why, now)?;
            (standing.timer, standing.next_due) = (None, None);
            // The standing is written once, as it is after both.
            writing.steps.retain(|step| !matches!(step, Step::Put(put) if put.kind.name == "schedule_standing"));
        }
        writing.steps.push(put(&read.standing, &standing)?);
        writing.steps.push(put(run, &value)?);
        writing.steps.push(Step::Finish { queue: RUNS, id: lease.id, token: lease.token });
        match next {
            Some(next) => {
                writing.steps.push(Step::Enqueue(run_job(next.run, id, 0, now)));
                writing.tell(&read, FIRED, &told_next(&read, &next), now)?;
            }
            None => writing.steps.push(Step::Count { name: IN_LINE, key: String::new(), by: -1, at_most: None }),
        }
        let topic = if value.status == Status::Succeeded { SUCCEEDED } else { FAILED };
        writing.tell(&read, topic, &told(&read, run.id, &value), now)?;
        writing.steps.extend(trimmed(platform, lease.tenant, id).await?);
        if writing.commit(platform, lease.tenant, now).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// The steps that remove runs beyond those that are kept.
async fn trimmed(platform: &Platform, tenant: TenantId, schedule: Uuid) -> Result<Vec<Step>, Fault> {
    let (scope, settings) = (Scope::Tenant(tenant), &platform.config.schedules);
    let of = Filter::is("schedule", Scalar::Id(schedule));
    let have = platform.store.count(scope, &RUN, of.clone()).await.map_err(store_fault)?;
    let more = u32::try_from(have.saturating_sub(settings.kept_runs)).unwrap_or(u32::MAX).min(TRIMMED);
    if more == 0 {
        return Ok(Vec::new());
    }
    let over = Filter::In(
        "status",
        ["succeeded", "failed", "cancelled", "skipped"].map(|one| Scalar::Text(one.to_owned())).to_vec(),
    );
    let query = Query { filter: of.and(over), order: "id", descending: false, after: None, limit: more };
    let oldest = platform.store.find(scope, &RUN, query).await.map_err(store_fault)?;
    Ok(oldest.iter().map(|run| Step::Remove { kind: &RUN, id: run.id, expect: Expect::Anything }).collect())
}
