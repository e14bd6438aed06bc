//! `schedule_get`: one schedule, what it did and when it is due next.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::schedules::model::run::{Run, Status};
use crate::domain::schedules::model::schedule::Schedule;
use crate::domain::schedules::model::standing::Standing;
use crate::domain::schedules::views::Full;
use crate::kernel::fault::Fault;
use crate::kernel::id::ScheduleId;
use crate::port::records::{Filter, Query, Scalar};

/// Reads a schedule.
pub(in crate::domain::schedules) struct ScheduleGet;

/// Which one, and how much of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::schedules) struct Input {
    /// The schedule.
    id: ScheduleId,
    /// How many of the next due times; 5 when not given.
    #[serde(default)]
    #[schemars(range(max = 100))]
    next: Option<usize>,
    /// How many of the last runs; 10 when not given.
    #[serde(default)]
    #[schemars(range(max = 200))]
    runs: Option<u32>,
    /// Only runs that stand so.
    #[serde(default)]
    status: Option<Status>,
}

impl Capability for ScheduleGet {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::read(
        "schedule_get",
        Domain::Schedules,
        Route::get("/schedules/{id}"),
        Permit::on(Resource::Schedules, Action::Read),
        "One schedule whole: what it does, when it is due next (also on the wall clock of its time zone), and its last runs with how they ended. To \
         find schedules use schedule_list.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let stored = cx.load::<Schedule>(input.id.uuid(), Action::Read).await?;
        let standing = cx.get::<Standing>(stored.id).await?.map(|stored| stored.value).unwrap_or_default();
        let mut filter = Filter::is("schedule", Scalar::Id(stored.id));
        if let Some(status) = input.status {
            filter = filter.and(Filter::is("status", Scalar::Text(status.name().to_owned())));
        }
        let runs = match input.runs.unwrap_or(10) {
            0 => Vec::new(),
            count => cx.find::<Run>(Query::newest(filter, count)).await?,
        };
        Ok(Full::of(stored, &standing, runs, input.next.unwrap_or(5), cx.platform()))
    }
}
