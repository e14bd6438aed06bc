//! Which due times become runs, and when: by what a schedule wants where a run is under way. It changes the schedule's standing and says what
//! is to be written with it; whoever calls writes all of it in one commit.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::model::run::{Cause, Run, Status};
use super::model::schedule::{Overlap, Schedule};
use super::model::standing::{Standing, Waiting};
use crate::kernel::id::new_uuid;
use crate::kernel::time::Timestamp;
use crate::port::queue::Job;

/// The queue of due times: one job for each schedule that waits for one.
pub(super) const TIMERS: &str = "schedules";
/// The queue of runs.
pub(super) const RUNS: &str = "schedule_runs";
/// Counts a tenant's runs in that queue.
pub(super) const IN_LINE: &str = "schedule_runs_in_line";
/// So many runs of a tenant have the same place in the line.
const ABREAST: i64 = 4;
/// The last place in the line.
const LAST_PLACE: i32 = 15;
/// The most due times that wait for a run to end.
const MOST_WAITING: usize = 200;

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// New runs.
    pub(super) runs: Vec<(Uuid, Run)>,
    /// Runs that go to a runner.
    pub(super) go: Vec<Uuid>,
}

/// A time at which something is to run.
pub(super) struct Slot {
    pub(super) due: Timestamp,
    pub(super) cause: Cause,
    pub(super) variables: Option<Map<String, Value>>,
    /// It is one of several that come after each other, whatever the schedule else wants.
    pub(super) in_line: bool,
}

/// Makes a run of a time, as the schedule wants it.
pub(super) fn begin(
    starts: &mut Starts,
    standing: &mut Standing,
    id: Uuid,
    schedule: &Schedule,
    slot: Slot,
    now: Timestamp,
) {
    let run_id = new_uuid(now);
    let run = Run {
        schedule: id,
        slot: if slot.cause == Cause::Manual { run_id.to_string() } else { slot.due.to_string() },
        due_at: slot.due,
        cause: slot.cause,
        status: Status::Queued,
        variables: slot.variables,
        call: None,
        execution: None,
        began_at: None,
        ended_at: None,
        code: None,
        reason: None,
    };
    let busy = !standing.active.is_empty() || !standing.waiting.is_empty();
    let line = standing.waiting.iter().any(|waiting| waiting.late);
    let place = match schedule.overlap {
        _ if !busy => Place::Go,
        _ if slot.in_line || line => Place::Wait,
        Overlap::Allow => Place::Go,
        Overlap::Queue if standing.waiting.is_empty() => Place::Wait,
        Overlap::Skip | Overlap::Queue => Place::LeaveOut,
        Overlap::CancelPrevious => {
            standing.called_off = standing.active.clone();
            Place::Go
        }
    };
    match place {
        Place::Go => {
            standing.active.push(run_id);
            standing.begun += 1;
            starts.go.push(run_id);
            starts.runs.push((run_id, run));
        }
        Place::Wait if standing.waiting.len() < MOST_WAITING => {
            standing.waiting.push(Waiting { due: slot.due, run: run_id, late: slot.in_line });
            standing.begun += 1;
            starts.runs.push((run_id, run));
        }
        Place::Wait | Place::LeaveOut => {
            standing.left_out += 1;
            let reason = Some("another run was under way".to_owned());
            starts.runs.push((run_id, Run { status: Status::Skipped, ended_at: Some(now), reason, ..run }));
        }
    }
}

enum Place {
    Go,
    Wait,
    LeaveOut,
}

/// A run is over: answers the one that comes after it, where one waits.
pub(super) fn end(standing: &mut Standing, run: Uuid) -> Option<Waiting> {
    standing.active.retain(|one| *one != run);
    standing.called_off.retain(|one| *one != run);
    if !standing.active.is_empty() || standing.waiting.is_empty() {
        return None;
    }
    let next = standing.waiting.remove(0);
    standing.active.push(next.run);
    Some(next)
}

/// The job of a run. The more of a tenant's runs wait, the further back in the line is the next: who has few waits for none who has many.
pub(super) fn run_job(run: Uuid, schedule: Uuid, in_line: i64, now: Timestamp) -> Job {
    let place = i32::try_from(in_line.max(0) / ABREAST).unwrap_or(LAST_PLACE).min(LAST_PLACE);
    let body = json!({ "schedule": schedule, "run": run });
    Job { id: new_uuid(now), queue: RUNS, due: now, priority: place, body }
}

/// The job that wakes for a due time.
pub(super) fn timer_job(schedule: Uuid, due: Timestamp, now: Timestamp) -> Job {
    Job { id: new_uuid(now), queue: TIMERS, due, priority: 0, body: json!({ "schedule": schedule }) }
}

/// The job that removes what is left of a schedule.
pub(super) fn forget_job(schedule: Uuid, now: Timestamp) -> Job {
    Job { id: new_uuid(now), queue: TIMERS, due: now, priority: 1, body: json!({ "forget": schedule }) }
}

/// How much later than it is due a time begins: the same for the same schedule and time on every instance.
pub(super) fn jitter(schedule: Uuid, due: Timestamp, seconds: u64) -> std::time::Duration {
    if seconds == 0 {
        return std::time::Duration::ZERO;
    }
    let digest = crate::kernel::seal::sha256(format!("{schedule} {due}").as_bytes());
    let number = digest.iter().take(8).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    std::time::Duration::from_millis(number % (seconds * 1000 + 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    #[test]
    fn jitter_is_the_same_for_the_same_time_and_spread_over_others() {
        let (id, start) = (Uuid::from_u128(7), Timestamp::from_millis(1_763_640_000_000));
        let all: BTreeSet<Duration> =
            (0..100).map(|number| jitter(id, start.plus(Duration::from_mins(number)), 30)).collect();
        assert!(all.len() > 95 && all.iter().all(|one| *one <= Duration::from_secs(30)));
        assert!(
            all.iter().any(|one| *one < Duration::from_secs(5)) && all.iter().any(|one| *one > Duration::from_secs(25))
        );
        assert_eq!(jitter(id, start, 30), jitter(id, start, 30));
        assert_eq!(jitter(id, start, 0), Duration::ZERO);
    }

    #[test]
    fn the_more_a_tenant_has_in_line_the_further_back_is_the_next() {
        let place = |in_line| run_job(Uuid::nil(), Uuid::nil(), in_line, Timestamp::from_millis(0)).priority;
        assert_eq!([place(-1), place(3), place(4), place(1_000_000)], [0, 0, 1, 15]);
    }
}
