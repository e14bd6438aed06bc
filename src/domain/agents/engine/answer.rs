//! What a run answers.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::record::Record;
use crate::domain::agents::model::run::{Reminded, RunStatus, StopReason};
use crate::domain::models::Cost;
use crate::port::models::Tokens;

/// The answer of a run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    /// The agent.
    agent_id: String,
    /// Its version.
    agent_version: u32,
    /// The run: its transcript is read by this with `agent_status`, and at `convoke://agents/{agentId}/executions/{executionId}`.
    execution_id: String,
    /// How it ended: `completed`, or `stopped` before the model was done.
    status: RunStatus,
    /// Why it ended.
    stop_reason: StopReason,
    /// What the agent says: where it was stopped, what it said last.
    response: String,
    /// The answer as an object, where the agent's answers have a form.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Map<String, Value>>,
    /// The tools that ran, each once, in the order in which it ran first.
    executed_tools: Vec<String>,
    /// Every call of a tool.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallView>,
    /// The memories that it was reminded of, where the agent has `memory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    recalled: Option<Reminded>,
    /// How often a model was asked.
    steps: u32,
    /// The model that answered last, as `provider/model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// The version of the prompt, for feedback.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_version: Option<String>,
    /// Where the prompt's label stands for several versions: under which id it is noted which one this was.
    #[serde(skip_serializing_if = "Option::is_none")]
    exposure_id: Option<String>,
    /// All tokens that were read and written.
    tokens_used: u64,
    /// These apart.
    tokens: Tokens,
    /// Whether they are about so many, since a vendor did not count.
    about: bool,
    /// Whether all that models said came from the cache.
    cached: bool,
    /// What it cost; not known where the price of a model is not.
    cost: Cost,
    /// How long it took, in milliseconds.
    duration_ms: u64,
    /// The run that was replayed: nobody was asked, and nothing done or paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_of: Option<String>,
}

/// A call of a tool in short.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CallView {
    /// In which step, from 1.
    step: u32,
    /// The tool.
    tool: String,
    /// The code of its fault, where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// How long it took, in milliseconds.
    duration_ms: u64,
}

impl Answer {
    pub(super) fn of(record: &Record, stop: StopReason, said: Said, replay_of: Option<String>) -> Self {
        let (transcript, usage) = (&record.transcript, &record.usage);
        let calls = (1..).zip(&transcript.steps).flat_map(|(number, step)| {
            step.calls.iter().map(move |call| CallView {
                step: number,
                tool: call.tool.clone(),
                code: call.code.clone(),
                duration_ms: call.duration_ms,
            })
        });
        Self {
            agent_id: transcript.agent_id.clone(),
            agent_version: transcript.agent_version,
            execution_id: transcript.execution_id.clone(),
            status: stop.status(),
            stop_reason: stop,
            response: said.text,
            output: said.output,
            executed_tools: record.ran(),
            tool_calls: calls.collect(),
            recalled: transcript.recalled.clone(),
            steps: record.steps(),
            model: transcript.steps.last().map(|step| step.model.clone()),
            prompt_version: transcript.prompt_version.clone(),
            exposure_id: record.exposure_id.clone(),
            tokens_used: usage.all_tokens(),
            tokens: usage.tokens,
            about: usage.about,
            cached: usage.asked > 0 && usage.cached == usage.asked,
            cost: Cost::of((!usage.unpriced).then_some(usage.cost)),
            duration_ms: u64::try_from(record.took().as_millis()).unwrap_or(u64::MAX),
            replay_of,
        }
    }
}

/// What the agent says in the end.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) output: Option<Map<String, Value>>,
}
