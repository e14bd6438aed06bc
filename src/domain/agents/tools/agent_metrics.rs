//! `agent_metrics`: what an agent did over a period, in figures.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::engine::figures::{Figures, Span, Whose};
use crate::domain::agents::engine::learned::Learned;
use crate::domain::agents::finding::load;
use crate::domain::agents::model::run::{RunStatus, StopReason};
use crate::kernel::fault::Fault;
use crate::kernel::figures::{Spread, share};
use crate::kernel::time::Timestamp;
use crate::port::models::Tokens;

/// Tells figures.
pub(in crate::domain::agents) struct AgentMetrics;

/// The period that is looked at when none is given.
const USUAL: Duration = Duration::from_hours(24 * 7);

/// Of which agent, over which period.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Input {
    /// The agent's id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Runs that ended not before this moment; seven days before `to` when not given.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Runs that ended before this moment; now when not given.
    #[serde(default)]
    to: Option<Timestamp>,
}

/// The figures.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Output {
    /// The agent.
    agent_id: String,
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// Whose runs these are: everybody's for the agent's owner and those who manage runs, else the caller's own.
    whose: Whose,
    /// How many runs there were, and how they ended.
    runs: RunCounts,
    /// Why they ended: how many by each reason.
    stop_reasons: BTreeMap<StopReason, u64>,
    /// The faults by which runs ended, by code.
    faults: BTreeMap<String, u64>,
    /// The share of runs that ended by a fault, from 0 to 1. Those that were called off are not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_rate: Option<f64>,
    /// How often models were asked.
    model_calls: u64,
    /// The share of these that the cache answered, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_rate: Option<f64>,
    /// All tokens that were read and written.
    tokens_used: u64,
    /// These apart.
    tokens: Tokens,
    /// What it cost, in thousand-millionths of a dollar, as far as prices are known.
    cost_nano_dollars: u64,
    /// Runs of which some price is not known: what they cost is not all in the sum.
    runs_without_price: u64,
    /// How long runs took, in milliseconds. Those that were called off are not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<Spread>,
    /// How many steps a run took on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps_per_run: Option<f64>,
    /// The tools that were called, the most used first.
    tools: Vec<ToolView>,
    /// How many runs each version of the prompt had.
    prompt_versions: BTreeMap<String, u64>,
    /// How good its answers were, by the interactions that `agent_learn` took in over the period: altogether, by topic and by tool.
    learned: Learned,
}

/// How many runs there were.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RunCounts {
    /// All of them.
    total: u64,
    /// The model was done.
    completed: u64,
    /// Stopped by a limit, a budget, or because the model's answer was cut off or refused.
    stopped: u64,
    /// Called off.
    cancelled: u64,
    /// Ended by a fault.
    failed: u64,
}

/// How often a tool was called.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ToolView {
    /// The tool.
    tool: String,
    /// How often it was called.
    calls: u32,
    /// How often it failed.
    failed: u32,
}

impl Capability for AgentMetrics {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "agent_metrics",
        Domain::Agents,
        Route::get("/agents/{id}/metrics"),
        Permit::on(Resource::Runs, Action::Read),
        "What an agent did over a period, from its runs: how they ended, tokens, cost, latency, errors, cache, tools. For whether it is well \
         set up use agent_status; for cost by model or user, model_usage.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let agent = load(cx, &input.id, Action::Read).await?;
        let span = Span::of(cx, input.from, input.to, USUAL)?;
        let (figures, whose) = Figures::of(cx, &agent, span).await?;
        let learned = Learned::of(cx, &agent, span, None).await?;
        let ended = |status| figures.ended(status);
        let mut tools: Vec<ToolView> = figures
            .tools
            .iter()
            .map(|(tool, count)| ToolView { tool: tool.clone(), calls: count.calls, failed: count.failed })
            .collect();
        tools.sort_by_key(|view| std::cmp::Reverse(view.calls));
        let usage = &figures.usage;
        Ok(Output {
            agent_id: agent.value.agent_id.clone(),
            from: span.from,
            to: span.to,
            whose,
            runs: RunCounts {
                total: figures.runs(),
                completed: ended(RunStatus::Completed),
                stopped: ended(RunStatus::Stopped),
                cancelled: ended(RunStatus::Cancelled),
                failed: ended(RunStatus::Failed),
            },
            error_rate: share(ended(RunStatus::Failed), figures.waited_for()),
            model_calls: u64::from(usage.asked),
            cache_rate: share(u64::from(usage.cached), u64::from(usage.asked)),
            tokens_used: usage.all_tokens(),
            tokens: usage.tokens,
            cost_nano_dollars: usage.cost.0,
            runs_without_price: figures.unpriced,
            steps_per_run: share(figures.steps, figures.runs()),
            tools,
            stop_reasons: figures.by_stop,
            latency: Spread::of(figures.micros),
            faults: figures.faults,
            prompt_versions: figures.prompt_versions,
            learned,
        })
    }
}
