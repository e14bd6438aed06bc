//! `retraining_schedule`: a job that learns from a training set.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::learning::faults::DATASET_EMPTY;
use crate::domain::learning::jobs::JobView;
use crate::domain::learning::model::dataset::Dataset;
use crate::domain::learning::model::job::{Job, JobKind, JobState, Plan, Scoring, TuningPlan, Work};
use crate::domain::learning::room::room_for_job;
use crate::domain::learning::working::{may_spend_for_all, not_own, queued};
use crate::domain::models::{Asker, Router};
use crate::domain::prompts::snapshot::Snapshot;
use crate::kernel::fault::Fault;
use crate::kernel::id::DatasetId;
use crate::port::tuning::MOST_SEED;

/// Examples when nothing else is said.
const USUAL_EXAMPLES: usize = 3;
/// Wordings when nothing else is said.
const USUAL_WORDINGS: usize = 2;
/// Cases when nothing else is said.
const USUAL_CASES: usize = 20;
/// Calls of models when nothing else is said.
const USUAL_CALLS: usize = 300;
/// The least gain when nothing else is said.
const USUAL_GAIN: f64 = 0.02;
/// Providers take no fewer rows to train with.
const FEWEST_TO_TUNE: usize = 10;

/// Schedules a job.
pub(in crate::domain::learning) struct RetrainingSchedule;

/// What to do, and with what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Input {
    /// What the job does.
    kind: JobKind,
    /// The training set.
    dataset_id: DatasetId,
    /// The prompt that is to be made better: its id or name. Not for fine-tuning.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    prompt_id: Option<String>,
    /// The version to begin with; the one in production, or the newest, when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// How many examples stand in the prompt; 3 when not said, 0 to try wordings alone.
    #[serde(default)]
    #[schemars(range(max = 20))]
    examples: Option<usize>,
    /// How many wordings a model proposes; 2 when not said.
    #[serde(default)]
    #[schemars(range(max = 8))]
    wordings: Option<usize>,
    /// On how many held-out cases each candidate is tried; 20 when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    cases: Option<usize>,
    /// How answers are scored; by the words that they have in common with the expected ones when not said.
    #[serde(default)]
    scoring: Scoring,
    /// What a judge goes by, where a model judges.
    #[serde(default)]
    #[schemars(length(min = 1, max = 5_000))]
    rubric: Option<String>,
    /// The model that answers, as `provider/model` or a route; for fine-tuning the model that is tuned: where its provider is not the
    /// tenant's own this needs the permission `spending:manage`, since no budget holds what tuning costs.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
    /// The model that proposes wordings and judges; the one that answers when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    helper_model: Option<String>,
    /// By how much the best must be better than what there is to be written, from 0 to 1; 0.02 when not said.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    min_gain: Option<f64>,
    /// The most calls of models that the job makes; 300 when not said. Budgets hold besides, under `execution:retraining:` and the job's id
    /// too.
    #[serde(default)]
    #[schemars(range(min = 1, max = 5_000))]
    max_calls: Option<usize>,
    /// For the same choice of examples and cases again; 0 when not said. Providers that tune take 2,147,483,647 at most.
    #[serde(default)]
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    seed: u64,
    /// How a provider is to tune.
    #[serde(default)]
    tuning: TuningPlan,
}

impl Capability for RetrainingSchedule {
    type Input = Input;
    type Output = JobView;
    const SPEC: Spec = Spec::create(
        "retraining_schedule",
        Domain::Learning,
        Route::post("/retraining/jobs"),
        Permit::on(Resource::Learning, Action::Create),
        "Schedules a job that learns from a training set: few-shot selection, prompt optimisation on held-out cases, or a provider's fine-tuning. \
         It goes on by itself, with the caller's rights and budgets; to see how it stands use retraining_get.",
    )
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<JobView, Fault> {
        let dataset = cx.load::<Dataset>(input.dataset_id.uuid(), Action::Read).await?.value;
        let tunes = input.kind == JobKind::FineTuning;
        let base = match &input.prompt_id {
            Some(_) if tunes => return Err(Fault::bad_input("/promptId", "is not for fine-tuning")),
            Some(prompt) => Some(base(cx, prompt, input.version.as_deref()).await?),
            None if input.kind == JobKind::PromptOptimization => {
                return Err(Fault::bad_input("/promptId", "is missing: say which prompt is to be made better"));
            }
            None => None,
        };
        check(&input, &dataset, base.as_ref())?;
        let spends = input.kind != JobKind::FewShot;
        if spends && !cx.caller().may(Resource::Completions, Action::Create) {
            return Err(forbidden(Permit::on(Resource::Completions, Action::Create)));
        }
        if let Some(model) = input.model.as_deref().filter(|_| tunes)
            && !may_spend_for_all(cx.caller())
            && !cx.service::<Router>()?.is_of_tenant(&Asker::of(cx), model).await?
        {
            return Err(not_own(model));
        }
        room_for_job(cx).await?;
        let plan = Plan {
            dataset: input.dataset_id.uuid(),
            base,
            examples: input.examples.unwrap_or(USUAL_EXAMPLES),
            wordings: input.wordings.unwrap_or(USUAL_WORDINGS),
            cases: input.cases.unwrap_or(USUAL_CASES),
            scoring: input.scoring,
            rubric: input.rubric,
            model: input.model,
            helper: input.helper_model,
            least_gain: input.min_gain.unwrap_or(USUAL_GAIN),
            most_calls: input.max_calls.unwrap_or(USUAL_CALLS),
            seed: input.seed,
            tuning: input.tuning,
        };
        let job = Job {
            kind: input.kind,
            state: JobState::Queued,
            done: 0,
            of: if tunes { if dataset.test.rows > 0 { 4 } else { 3 } } else { 1 },
            plan,
            work: Work::default(),
            doing: "waiting for its turn".to_owned(),
            result: None,
            failure: None,
            user: cx.caller().user,
            key: cx.caller().principal.key(),
            bound: cx.caller().bound.as_deref().cloned(),
            began_at: None,
            ended_at: None,
        };
        let id = cx.new_id();
        cx.create(id, cx.belongs_to_caller(), &job)?;
        cx.enqueue(queued(cx.new_id(), id, cx.now()));
        Ok(JobView::of(id, cx.now(), &job))
    }
}

/// The version to begin with; whoever schedules must be able to change the prompt.
async fn base(cx: &Cx, prompt: &str, version: Option<&str>) -> Result<Snapshot, Fault> {
    if !cx.caller().may(Resource::Prompts, Action::Change) {
        return Err(forbidden(Permit::on(Resource::Prompts, Action::Change)));
    }
    Snapshot::take(cx, prompt, version, Action::Read).await
}

/// What does not go together, said at once and not when the job has run for an hour.
fn check(input: &Input, dataset: &Dataset, base: Option<&Snapshot>) -> Result<(), Fault> {
    let few = |say: String| Err(Fault::new(&DATASET_EMPTY, say));
    if input.version.is_some() && base.is_none() {
        return Err(Fault::bad_input("/version", "is of a prompt: say which with promptId"));
    }
    match input.kind {
        JobKind::FewShot if dataset.train.rows == 0 => few("the training set has no row to train with".to_owned()),
        JobKind::FewShot if input.examples == Some(0) => {
            Err(Fault::bad_input("/examples", "must be 1 or more: nothing else is done"))
        }
        JobKind::PromptOptimization if input.scoring != Scoring::Contract && dataset.test.rows == 0 => {
            few("the training set has no row to test with: make it with a testShare above 0".to_owned())
        }
        JobKind::PromptOptimization
            if input.scoring == Scoring::Contract && base.is_some_and(|base| base.content.cases.is_empty()) =>
        {
            Err(Fault::bad_input("/scoring", "cannot be by the contract: the version has no contract case"))
        }
        JobKind::PromptOptimization if input.examples == Some(0) && input.wordings == Some(0) => {
            Err(Fault::bad_input("/wordings", "must be 1 or more where there are no examples: nothing would be tried"))
        }
        JobKind::FineTuning if input.model.as_deref().is_none_or(|model| !model.contains('/')) => {
            Err(Fault::bad_input("/model", "must be the model to tune, as 'provider/model'"))
        }
        JobKind::FineTuning if input.seed > MOST_SEED.into() => {
            Err(Fault::bad_input("/seed", format!("must be {MOST_SEED} or less: providers take no larger one")))
        }
        JobKind::FineTuning if dataset.train.rows < FEWEST_TO_TUNE => few(format!(
            "the training set has {} rows to train with, and providers take no fewer than {FEWEST_TO_TUNE}",
            dataset.train.rows
        )),
        _ => Ok(()),
    }
}
