//! What is written of each run of an agent: a short entry, from which figures are made, and a transcript, which can be read and
//! replayed.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::models::CacheState;
use crate::kernel::id::{KeyId, MemoryId, UserId};
use crate::kernel::money::NanoDollars;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Keep, Log};
use crate::port::models::{Message, Part, Stop, Tokens};
use crate::port::records::{Field, FieldType};

/// The log of runs. The stream is the agent.
pub(crate) static AGENT_RUNS: Log = Log {
    name: "agent_runs",
    fields: &[
        Field { name: "agentId", of: FieldType::Text },
        Field { name: "user", of: FieldType::Id },
        Field { name: "executionId", of: FieldType::Text },
    ],
    text: &[],
    keep: Keep { age: Duration::from_hours(24 * 400), entries: 5_000_000 },
    followed: false,
};

/// The log of transcripts. The stream is the execution.
pub(crate) static AGENT_TRANSCRIPTS: Log = Log {
    name: "agent_transcripts",
    fields: &[Field { name: "agentId", of: FieldType::Text }],
    text: &[],
    keep: Keep { age: Duration::from_hours(24 * 30), entries: 500_000 },
    followed: false,
};

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StopReason {
    /// The model was done.
    End,
    /// The model's last answer was cut off at its most tokens.
    Length,
    /// The model, or its vendor's filter, refused.
    Refused,
    /// The limit of steps.
    Steps,
    /// The limit of time.
    Seconds,
    /// The limit of tokens, of this run or one that it is a part of.
    Tokens,
    /// The limit of money, of this run or one that it is a part of.
    Dollars,
    /// A budget of models was spent on the way.
    Budget,
    /// The same tool was called with the same input again and again.
    Loop,
    /// It was called off.
    Cancelled,
    /// A fault, which the caller was told.
    Failed,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunStatus {
    /// The model was done.
    Completed,
    /// It was stopped before; what it has reached is told.
    Stopped,
    /// It was called off.
    Cancelled,
    /// By a fault.
    Failed,
}

impl StopReason {
    /// How that ends a run.
    pub(crate) const fn status(self) -> RunStatus {
        match self {
            Self::End => RunStatus::Completed,
            Self::Cancelled => RunStatus::Cancelled,
            Self::Failed => RunStatus::Failed,
            Self::Length
            | Self::Refused
            | Self::Steps
            | Self::Seconds
            | Self::Tokens
            | Self::Dollars
            | Self::Budget
            | Self::Loop => RunStatus::Stopped,
        }
    }

    /// Whether one of the agent's own limits stopped it.
    pub(crate) const fn is_limit(self) -> bool {
        matches!(self, Self::Steps | Self::Seconds | Self::Tokens | Self::Dollars | Self::Loop)
    }
}

/// What was used of models.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Usage {
    /// How often one was asked.
    pub(crate) asked: u32,
    /// Of these, answered by the cache.
    pub(crate) cached: u32,
    pub(crate) tokens: Tokens,
    /// Whether some are about so many.
    pub(crate) about: bool,
    /// What it cost, as far as prices are known.
    pub(crate) cost: NanoDollars,
    /// Whether the price of some was not known.
    pub(crate) unpriced: bool,
}

impl Usage {
    /// Everything that was read and written.
    pub(crate) const fn all_tokens(&self) -> u64 {
        self.tokens.input.saturating_add(self.tokens.output)
    }

    /// Adds one answer.
    pub(crate) fn add(&mut self, cache: CacheState, tokens: Tokens, about: bool, cost: Option<NanoDollars>) {
        self.join(&Self {
            asked: 1,
            cached: u32::from(cache.was_kept()),
            tokens,
            about,
            cost: cost.unwrap_or_default(),
            unpriced: cost.is_none(),
        });
    }

    /// Adds what was used elsewhere.
    pub(crate) fn join(&mut self, other: &Self) {
        let tokens = &other.tokens;
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        self.asked = self.asked.saturating_add(other.asked);
        self.cached = self.cached.saturating_add(other.cached);
        add(&mut self.tokens.input, tokens.input);
        add(&mut self.tokens.cached, tokens.cached);
        add(&mut self.tokens.cache_written, tokens.cache_written);
        add(&mut self.tokens.output, tokens.output);
        add(&mut self.tokens.reasoning, tokens.reasoning);
        self.about |= other.about;
        self.cost = self.cost.plus(other.cost);
        self.unpriced |= other.unpriced;
    }
}

/// How often a tool was called in a run, and how often it failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ToolCount {
    pub(crate) calls: u32,
    pub(crate) failed: u32,
}

/// A run in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunEntry {
    /// When it ended.
    pub(crate) at: Timestamp,
    pub(crate) execution_id: String,
    /// The run that it was a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) above: Option<String>,
    pub(crate) agent_id: String,
    pub(crate) agent_version: u32,
    pub(crate) user: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exposure_id: Option<String>,
    pub(crate) stop: StopReason,
    /// Which fault, where it ended by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
    pub(crate) steps: u32,
    pub(crate) usage: Usage,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tools: BTreeMap<String, ToolCount>,
    /// The memories that it was reminded of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) memories: Vec<MemoryId>,
    /// How long it took.
    pub(crate) micros: u64,
}

/// What an agent was reminded of when a run began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reminded {
    /// The memories that the model was told, what bears most on the question first.
    pub(crate) memory_ids: Vec<MemoryId>,
    /// What it was not told, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partial: Option<String>,
}

/// A run as it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Transcript {
    /// The run.
    pub(crate) execution_id: String,
    /// The agent.
    pub(crate) agent_id: String,
    /// Its version.
    pub(crate) agent_version: u32,
    /// The version of its prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_version: Option<String>,
    /// The user for whom it ran.
    pub(crate) user: UserId,
    /// The runs that it was a part of, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) above: Vec<String>,
    /// When it began.
    pub(crate) began_at: Timestamp,
    /// What it was reminded of, where the agent has `memory`: the texts stand in the first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recalled: Option<Reminded>,
    /// The conversation that it began with.
    pub(crate) messages: Vec<Message>,
    /// What it did.
    pub(crate) steps: Vec<StepRecord>,
    /// Why it ended.
    pub(crate) stop_reason: StopReason,
    /// The code of the fault, where it ended by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
    /// Whether all is there. Where it grew too long, what tools answered was left out, and it cannot be replayed.
    pub(crate) complete: bool,
}

/// One answer of a model and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StepRecord {
    /// The model that answered, as `provider/model`.
    pub(crate) model: String,
    /// What the cache had to do with it.
    pub(crate) cache: CacheState,
    /// What the model said.
    pub(crate) parts: Vec<Part>,
    /// Why it stopped.
    pub(crate) stop: Stop,
    /// What was read and written.
    pub(crate) tokens: Tokens,
    /// Whether these are about so many.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) about: bool,
    /// What it cost; not there where no price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cost: Option<NanoDollars>,
    /// The tools that it called, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) calls: Vec<CallRecord>,
    /// What it was told to mend, where its answer did not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mend: Option<String>,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallRecord {
    /// The name that the answer was sent back under.
    pub(crate) id: String,
    /// The tool.
    pub(crate) tool: String,
    /// What it answered, as the model was told.
    pub(crate) result: String,
    /// Whether it failed.
    pub(crate) failed: bool,
    /// The code of its fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// The call, as in the audit log; not there where it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    /// How long it took, in milliseconds.
    pub(crate) duration_ms: u64,
}
