//! `retraining_get`: how a retraining job stands, and what came of it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::learning::jobs::JobView;
use crate::domain::learning::model::job::Job;
use crate::kernel::fault::Fault;
use crate::kernel::id::RetrainingId;

/// Tells of a job.
pub(in crate::domain::learning) struct RetrainingGet;

/// Which job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Input {
    /// The job.
    id: RetrainingId,
}

impl Capability for RetrainingGet {
    type Input = Input;
    type Output = JobView;
    const SPEC: Spec = Spec::read(
        "retraining_get",
        Domain::Learning,
        Route::get("/retraining/jobs/{id}"),
        Permit::on(Resource::Learning, Action::Read),
        "How a retraining job stands: state, progress, what it has used of models, and its result: the new version or model, every candidate with \
         its score. To begin one use retraining_schedule.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<JobView, Fault> {
        let stored = cx.load::<Job>(input.id.uuid(), Action::Read).await?;
        Ok(JobView::of(stored.id, stored.created_at, &stored.value))
    }
}
