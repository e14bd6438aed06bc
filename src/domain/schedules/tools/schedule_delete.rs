//! `schedule_delete`: a schedule is no more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::schedules::making::COUNTER;
use crate::domain::schedules::model::schedule::Schedule;
use crate::domain::schedules::model::standing::Standing;
use crate::domain::schedules::starting::forget_job;
use crate::domain::schedules::timing::told_of;
use crate::domain::schedules::topics::DELETED;
use crate::kernel::fault::Fault;
use crate::kernel::id::ScheduleId;

/// Removes a schedule.
pub(in crate::domain::schedules) struct ScheduleDelete;

/// Which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::schedules) struct Input {
    /// The schedule.
    id: ScheduleId,
}

/// What was removed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::schedules) struct Output {
    /// The schedule.
    id: ScheduleId,
    /// Whether it is removed: always.
    deleted: bool,
}

impl Capability for ScheduleDelete {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::remove(
        "schedule_delete",
        Domain::Schedules,
        Route::delete("/schedules/{id}"),
        Permit::on(Resource::Schedules, Action::Remove),
        "Removes a schedule and the records of its runs; a run under way goes on to its end. To stop it for a while use schedule_update with paused.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Schedule>(input.id.uuid(), Action::Remove).await?;
        cx.remove(&stored)?;
        cx.remove_derived::<Standing>(stored.id);
        cx.enqueue(forget_job(stored.id, cx.now()));
        cx.count(COUNTER, String::new(), -1, None);
        cx.emit(DELETED, stored.id, &told_of(stored.id, &stored.value))?;
        Ok(Output { id: input.id, deleted: true })
    }
}
