//! `flow_statistics_global`: all flows and their executions in figures.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::flow_statistics::span;
use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::visible_to;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::flows::engine::figures::{Change, Counted, Counts, Day, Figures, by_day};
use crate::domain::flows::engine::kinds::FlowType;
use crate::domain::flows::model::flow::{FLOW, Flow, Status};
use crate::domain::flows::running::tally;
use crate::kernel::fault::Fault;
use crate::kernel::figures::Spread;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Scalar, Scope};

/// Tells figures of all flows.
pub(in crate::domain::flows) struct FlowStatisticsGlobal;

/// So many flows are told apart.
const TOLD_APART: usize = 10;

/// Over how long.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Input {
    /// Executions that were asked for within so many days; 30 when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 365))]
    days: Option<u32>,
}

/// The figures.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Output {
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// The flows.
    flows: Flows,
    /// How many executions stand how.
    executions: Counts,
    /// Of those that completed or failed the share that completed, from 0 to 1; left out where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    overall_success_rate: Option<f64>,
    /// How long those that completed or failed took on average, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    average_duration_ms: Option<u64>,
    /// How long they took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    durations: Option<Spread>,
    /// The days on which flows were executed, the oldest first.
    trend: Vec<Day>,
    /// How this differs from as many days before.
    change: Change,
    /// The flows that were executed most, ten at most.
    most_executed: Vec<OneFlow>,
    /// The flows that failed most, ten at most.
    most_failed: Vec<OneFlow>,
    /// Whether all executions were counted: beyond 100,000 they are not.
    whole: bool,
}

/// How many flows there are.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names by which clients know them")]
struct Flows {
    /// All of them.
    total_flows: u64,
    /// Those that can be executed.
    active_flows: u64,
    /// Those that are set aside.
    inactive_flows: u64,
    /// Those that were taken out of use.
    archived_flows: u64,
    /// By type, archived ones left out.
    by_type: BTreeMap<&'static str, u64>,
}

/// A flow.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OneFlow {
    /// Its id.
    flow_id: String,
    /// How often it was executed.
    executions: u64,
    /// How often it failed.
    failed: u64,
    /// Of those that completed or failed the share that completed, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    success_rate: Option<f64>,
    /// How long it took on average, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    average_duration_ms: Option<u64>,
}

impl Capability for FlowStatisticsGlobal {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "flow_statistics_global",
        Domain::Flows,
        Route::get("/flows/statistics/global"),
        Permit::on(Resource::Flows, Action::Read),
        "All registered flows and their executions in figures: flows by status and type, success rate, durations, day by day, what is executed \
         and what fails most. For one flow use flow_statistics; for what is out of order now flow_health.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let to = cx.now();
        let (from, before) = span(to, input.days);
        let tally = tally(cx, None, before, to).await?;
        let (now, earlier): (Vec<_>, Vec<_>) = tally.executions.into_iter().partition(|one| one.at >= from);
        let figures = Figures::of(&now);
        let (most_executed, most_failed) = apart(&now);
        Ok(Output {
            from,
            to,
            flows: Flows::of(cx).await?,
            executions: figures.executions,
            overall_success_rate: figures.success_rate,
            average_duration_ms: figures.average_duration_ms,
            durations: figures.durations,
            trend: by_day(&now),
            change: Change::of(&figures, &Figures::of(&earlier)),
            most_executed,
            most_failed,
            whole: tally.whole,
        })
    }
}

impl Flows {
    async fn of(cx: &Cx) -> Result<Self, Fault> {
        let seen = || visible_to::<Flow>(cx.caller());
        let is = |field, text: &str| Filter::is(field, Scalar::Text(text.to_owned()));
        let count = async |filter: Filter| {
            cx.platform().store.count(Scope::Tenant(cx.tenant()), &FLOW, filter).await.map_err(store_fault)
        };
        let of_status = async |status: Status| count(seen().and(is("status", status.name()))).await;
        let (active_flows, inactive_flows) = (of_status(Status::Active).await?, of_status(Status::Inactive).await?);
        let archived_flows = of_status(Status::Archived).await?;
        let mut by_type = BTreeMap::new();
        for kind in FlowType::ALL {
            let in_use = Filter::Not(Box::new(is("status", Status::Archived.name())));
            by_type.insert(kind.name(), count(seen().and(is("type", kind.name())).and(in_use)).await?);
        }
        let total_flows = active_flows + inactive_flows + archived_flows;
        Ok(Self { total_flows, active_flows, inactive_flows, archived_flows, by_type })
    }
}

/// The flows that were executed most, and those that failed most.
fn apart(all: &[Counted]) -> (Vec<OneFlow>, Vec<OneFlow>) {
    let mut by_flow: BTreeMap<&str, Vec<&Counted>> = BTreeMap::new();
    for one in all {
        by_flow.entry(&one.flow_id).or_default().push(one);
    }
    let figures: Vec<(&str, Figures)> = by_flow.into_iter().map(|(flow, ones)| (flow, Figures::of(ones))).collect();
    let told = |most: fn(&Counts) -> u64| {
        let mut some: Vec<&(&str, Figures)> =
            figures.iter().filter(|(_, figures)| most(&figures.executions) > 0).collect();
        some.sort_by_key(|(_, figures)| std::cmp::Reverse(most(&figures.executions)));
        let view = |(flow, figures): &(&str, Figures)| OneFlow {
            flow_id: (*flow).to_owned(),
            executions: figures.executions.total_executions,
            failed: figures.executions.failed_executions,
            success_rate: figures.success_rate,
            average_duration_ms: figures.average_duration_ms,
        };
        some.into_iter().take(TOLD_APART).map(view).collect()
    };
    (told(|counts| counts.total_executions), told(|counts| counts.failed_executions))
}
