//! `flow_statistics`: the executions of a flow in figures.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::engine::figures::{Change, Counts, Day, Figures, by_day};
use crate::domain::flows::finding::load;
use crate::domain::flows::running::tally;
use crate::kernel::fault::Fault;
use crate::kernel::figures::Spread;
use crate::kernel::time::Timestamp;

/// Tells figures of a flow.
pub(in crate::domain::flows) struct FlowStatistics;

/// Of which flow, over how long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// The flow's id.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Executions that were asked for within so many days; 30 when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 365))]
    days: Option<u32>,
}

/// The figures.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// The flow.
    flow_id: String,
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// How many executions stand how.
    executions: Counts,
    /// Of those that completed or failed the share that completed, from 0 to 1; left out where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    success_rate: Option<f64>,
    /// How long those that completed or failed took on average, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    average_duration_ms: Option<u64>,
    /// How long they took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    durations: Option<Spread>,
    /// When it was last executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_executed_at: Option<Timestamp>,
    /// The days on which it was executed, the oldest first.
    trend: Vec<Day>,
    /// How this differs from as many days before.
    change: Change,
    /// Whether all executions were counted: beyond 100,000 they are not.
    whole: bool,
}

/// So long back, and as long before that.
pub(super) fn span(now: Timestamp, days: Option<u32>) -> (Timestamp, Timestamp) {
    let long = Duration::from_hours(24 * u64::from(days.unwrap_or(30)));
    (now.minus(long), now.minus(long * 2))
}

impl Capability for FlowStatistics {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "flow_statistics",
        Domain::Flows,
        Route::get("/flows/{id}/statistics"),
        Permit::on(Resource::Flows, Action::Read),
        "The executions of one registered flow in figures: how many stand how, success rate, durations, day by day, and how that differs from \
         the time before. For all flows together use flow_statistics_global, for single executions flow_executions.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let flow = load(cx, &input.id, Action::Read).await?.value;
        let to = cx.now();
        let (from, before) = span(to, input.days);
        let tally = tally(cx, Some(&flow.flow_id), before, to).await?;
        let (now, earlier): (Vec<_>, Vec<_>) = tally.executions.into_iter().partition(|one| one.at >= from);
        let figures = Figures::of(&now);
        Ok(Output {
            flow_id: flow.flow_id,
            from,
            to,
            executions: figures.executions,
            success_rate: figures.success_rate,
            average_duration_ms: figures.average_duration_ms,
            durations: figures.durations,
            last_executed_at: now.iter().map(|one| one.at).max(),
            trend: by_day(&now),
            change: Change::of(&figures, &Figures::of(&earlier)),
            whole: tally.whole,
        })
    }
}
