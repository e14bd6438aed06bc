//! A retraining job as its capabilities tell it.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::model::job::{Failure, Job, JobKind, JobState, Outcome};
use crate::kernel::id::{DatasetId, RetrainingId};
use crate::kernel::time::Timestamp;

/// A retraining job.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobView {
    /// Its id.
    job_id: RetrainingId,
    /// What it does.
    kind: JobKind,
    /// How it stands.
    state: JobState,
    /// The training set.
    dataset_id: DatasetId,
    /// The prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_id: Option<String>,
    /// The version that it began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// The model that answers or is tuned.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// How far it is.
    progress: Progress,
    /// What it has used of models.
    used: Used,
    /// What came of it, once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Outcome>,
    /// Why it failed; while it waits, why it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// When it was scheduled.
    created_at: Timestamp,
    /// When the work began.
    #[serde(skip_serializing_if = "Option::is_none")]
    began_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
}

/// How far a job is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Progress {
    /// Steps that are done.
    done: usize,
    /// Steps that there are, as far as that is known.
    of: usize,
    /// What it does now.
    doing: String,
}

/// What a job has used of models.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Used {
    /// Calls of models.
    calls: usize,
    /// What they cost, in thousand-millionths of a dollar, as far as prices are known.
    cost_nano_dollars: u64,
    /// Calls whose price is not known: what they cost is not in the sum.
    calls_without_price: usize,
}

impl JobView {
    pub(super) fn of(id: Uuid, created_at: Timestamp, job: &Job) -> Self {
        let base = job.plan.base.as_ref();
        Self {
            job_id: RetrainingId::from_uuid(id),
            kind: job.kind,
            state: job.state,
            dataset_id: DatasetId::from_uuid(job.plan.dataset),
            prompt_id: base.map(|base| base.prompt_id.clone()),
            version: base.map(|base| base.version.clone()),
            model: job.plan.model.clone(),
            progress: Progress { done: job.done, of: job.of, doing: job.doing.clone() },
            used: Used {
                calls: job.work.calls,
                cost_nano_dollars: job.work.cost.0,
                calls_without_price: job.work.unpriced,
            },
            result: job.result.clone(),
            failure: job.failure.clone(),
            created_at,
            began_at: job.began_at,
            ended_at: job.ended_at,
        }
    }
}
