//! A retraining job: what it is to do, how far it is, what came of it. It is written after each step, so that whoever takes it up goes
//! on where it was.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::dataset::Row;
use crate::capability::bound::Bound;
use crate::capability::caller::Principal;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::prompts::snapshot::Snapshot;
use crate::kernel::id::{KeyId, UserId};
use crate::kernel::money::NanoDollars;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Kind};

/// The kind of retraining jobs. Examples and templates stay out of the audit log.
pub static JOB: Kind = Kind { private: &["plan", "work", "result"], ..Kind::new("retraining_job") };

/// The queue of jobs.
pub const QUEUE: &str = "retraining";

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Chooses examples out of a training set and writes them into the prompt. No model is asked.
    FewShot,
    /// Tries other wordings of a prompt and other examples on held-out cases, and writes the best as a new version.
    PromptOptimization,
    /// Has a provider tune a model with the training set.
    FineTuning,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for its turn.
    Queued,
    /// It is worked on.
    Running,
    /// The provider works on it, or it waits to be tried again.
    Waiting,
    /// It ended well.
    Succeeded,
    /// It did not.
    Failed,
}

/// How answers are scored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scoring {
    /// 1 where the answer says the same as the expected one, blanks and capitals aside, else 0.
    Exact,
    /// The share of words that the answer and the expected one have in common (F1).
    #[default]
    Overlap,
    /// 1 where an answer to a contract case of the prompt is as the case says, else 0. The cases are the contract's.
    Contract,
    /// A model judges by the rubric.
    Rubric,
}

/// What a job is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The training set.
    pub dataset: Uuid,
    /// The version of the prompt that it begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Snapshot>,
    /// How many examples.
    pub examples: usize,
    /// How many wordings a model proposes.
    pub wordings: usize,
    /// How many cases candidates are tried on.
    pub cases: usize,
    /// How answers are scored.
    pub scoring: Scoring,
    /// What a judge goes by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rubric: Option<String>,
    /// The model that answers, or that is tuned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The model that proposes wordings and judges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helper: Option<String>,
    /// By how much the best must be better than what there is.
    pub least_gain: f64,
    /// The most calls of models.
    pub most_calls: usize,
    /// For the same choice again.
    pub seed: u64,
    /// How the provider is to tune.
    #[serde(default)]
    pub tuning: TuningPlan,
}

/// How a provider is to tune.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TuningPlan {
    /// What the new model's name ends in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub suffix: Option<String>,
    /// How often the examples are gone through; the provider chooses when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub epochs: Option<u32>,
    /// Examples of one step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub batch_size: Option<u32>,
    /// How far one step goes, against the provider's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0001, max = 100.0))]
    pub learning_rate_multiplier: Option<f64>,
}

/// A candidate for the prompt's text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// What it is: `present`, `examples`, `wording 1`, `wording 1 with examples`.
    pub name: String,
    /// Its text.
    pub template: String,
    /// Whether the chosen examples stand in it.
    #[serde(default)]
    pub has_examples: bool,
    /// Its scores on the cases that it was tried on so far, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<f64>,
    /// Why it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What a job has done so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Work {
    /// Whether the candidates are all there.
    pub proposed: bool,
    /// How many wordings a model has proposed.
    pub wordings: usize,
    /// The candidates; the first is what there is.
    pub candidates: Vec<Candidate>,
    /// An answer that was paid for and has no score yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Examples that were chosen.
    pub chosen: Vec<Row>,
    /// How much they cover, and how unlike they are.
    pub coverage: Option<(f64, f64)>,
    /// The vendor's names of the files.
    pub training_file: Option<String>,
    /// The same of those to test with.
    pub validation_file: Option<String>,
    /// The vendor's name of the job.
    pub tune: Option<String>,
    /// Calls of models.
    pub calls: usize,
    /// What they cost, as far as prices are known.
    pub cost: NanoDollars,
    /// Calls whose price is not known.
    pub unpriced: usize,
    /// How often in a row a step did not succeed.
    pub tries: u32,
}

/// What came of a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Outcome {
    /// Whether something better was found: a new version, or a new model.
    pub better: bool,
    /// The prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<String>,
    /// The version that was written; no label stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The version that it began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_version: Option<String>,
    /// The mean score of what there was, on the cases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_score: Option<f64>,
    /// The mean score of the best.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_score: Option<f64>,
    /// How likely it is by chance that the best wins so many cases (sign test).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// How many cases they were tried on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cases: Option<usize>,
    /// Each candidate with its score.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Tried>,
    /// How much the training set is like one of the examples, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
    /// How unlike the examples are to each other, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diversity: Option<f64>,
    /// The examples.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// The tuned model, as `provider/model`. It can be asked where the provider's file takes models that it does not list ('unlisted'), or
    /// once it is listed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider's name of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_job: Option<String>,
    /// Tokens that the provider trained with. What it wants for them is told by the provider alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trained_tokens: Option<u64>,
    /// What is to be known besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A candidate that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// What it is.
    pub candidate: String,
    /// Its mean score; left out where it was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Why it was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// An example that was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Example {
    /// What was asked.
    pub question: String,
    /// What is to be answered.
    pub answer: String,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The code of the fault.
    pub code: String,
    /// What it is.
    pub say: String,
}

/// A retraining job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// What it does.
    pub kind: JobKind,
    /// How it stands.
    pub state: JobState,
    /// What it is to do.
    pub plan: Plan,
    /// What it has done so far.
    #[serde(default)]
    pub work: Work,
    /// Steps that are done.
    pub done: usize,
    /// Steps that there are, as far as that is known.
    pub of: usize,
    /// What it does now, or next.
    pub doing: String,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Outcome>,
    /// Why it failed, or why it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Who scheduled it: it works with their rights and budgets.
    pub user: UserId,
    /// With which key; none for the local owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// What may be done at most, where a process had it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// When the work began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Job {
    /// By which principal it works.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.key.map_or(Principal::LocalOwner, Principal::Key)
    }

    /// Whether nothing more is to be done.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, JobState::Succeeded | JobState::Failed)
    }
}

impl Document for Job {
    const KIND: &'static Kind = &JOB;
}

impl Owned for Job {
    const RESOURCE: Resource = Resource::Learning;
    const NOUN: &'static str = "retraining job";
}
