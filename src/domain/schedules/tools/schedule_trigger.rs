//! `schedule_trigger`: a schedule runs now.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx, store_fault};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::schedules::faults::SCHEDULE_BUSY;
use crate::domain::schedules::model::run::{Cause, Status};
use crate::domain::schedules::model::schedule::Schedule;
use crate::domain::schedules::model::standing::Standing;
use crate::domain::schedules::planning::fits;
use crate::domain::schedules::starting::{IN_LINE, Slot, Starts, begin, run_job};
use crate::domain::schedules::timing::{Read, told};
use crate::domain::schedules::topics::FIRED;
use crate::domain::schedules::views::RunView;
use crate::kernel::fault::Fault;
use crate::kernel::id::ScheduleId;
use crate::port::records::Scope;

/// Runs a schedule now.
pub(in crate::domain::schedules) struct ScheduleTrigger;

/// Which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::schedules) struct Input {
    /// The schedule.
    id: ScheduleId,
    /// Another input for this run alone; only whoever the schedule runs for may give one.
    #[serde(default)]
    variables: Option<Map<String, Value>>,
}

impl Capability for ScheduleTrigger {
    type Input = Input;
    type Output = RunView;
    const SPEC: Spec = Spec::create(
        "schedule_trigger",
        Domain::Schedules,
        Route::post("/schedules/{id}/execute"),
        Permit::on(Resource::Schedules, Action::Change),
        "Runs a schedule once now, besides its due times and also where it is paused, by its overlap policy. It runs for whom the schedule runs; \
         how it ended is told by schedule_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<RunView, Fault> {
        let now = cx.now();
        let schedule = cx.load::<Schedule>(input.id.uuid(), Action::Change).await?;
        let standing = cx.get::<Standing>(schedule.id).await?;
        let Some(standing) = standing else { return Err(Fault::not_found("schedule", schedule.id)) };
        if let Some(variables) = &input.variables {
            if schedule.value.user != cx.caller().user {
                let say =
                    "only whoever the schedule runs for may give another input: it would be done with their rights";
                return Err(Fault::bad_input("/variables", say));
            }
            fits(cx, &schedule.value.target, variables).await?;
        }
        let (mut starts, mut next) = (Starts::default(), standing.value.clone());
        let slot = Slot { due: now, cause: Cause::Manual, variables: input.variables, in_line: false };
        begin(&mut starts, &mut next, schedule.id, &schedule.value, slot, now);
        let Some((run_id, run)) = starts.runs.into_iter().next() else {
            return Err(Fault::internal("no run was made"));
        };
        if run.status == Status::Skipped {
            return Err(Fault::new(&SCHEDULE_BUSY, "a run of the schedule is under way"));
        }
        cx.about::<Schedule>(schedule.id);
        let Belongs { owner, workspace, visibility } =
            Belongs { owner: schedule.owner, workspace: schedule.workspace, visibility: schedule.visibility };
        cx.derive(run_id, Belongs { owner, workspace, visibility }, &run)?;
        cx.change(&standing, &next)?;
        if starts.go.contains(&run_id) {
            let counted = cx.platform().store.counter(Scope::Tenant(cx.tenant()), IN_LINE, "").await;
            cx.enqueue(run_job(run_id, schedule.id, counted.map_err(store_fault)?, now));
            cx.count(IN_LINE, String::new(), 1, None);
        }
        let read = Read { tenant: cx.tenant(), schedule, standing };
        cx.emit(FIRED, read.schedule.id, &told(&read, run_id, &run))?;
        Ok(RunView::of(run_id, run))
    }
}
