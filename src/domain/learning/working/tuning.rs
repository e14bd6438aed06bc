//! Fine-tuning at a provider: its files and its job, looked at now and then until it is over. What is sent bears the job's id, and is looked
//! for at the provider before it is sent: after a crash it is found there and not sent again.

use std::time::Duration;

use super::{Doing, Next};
use crate::capability::caller::Caller;
use crate::capability::permit::{Action, Permit, Resource};
use crate::domain::learning::faults::{NO_TUNING, TUNING_FAILED, TUNING_NOT_OWN};
use crate::domain::learning::files::bytes;
use crate::domain::learning::model::dataset::{Dataset, File};
use crate::domain::learning::model::job::{Job, Outcome};
use crate::domain::models::{Asker, Reached, Router};
use crate::kernel::fault::Fault;
use crate::port::tuning::{MOST_SEED, Tune, TuneRequest, TuneState, Tuners};

/// How often a provider is asked how its job stands.
const LOOK: Duration = Duration::from_secs(30);

/// One thing that is asked of the provider.
pub(super) async fn step(doing: &Doing<'_>, job: &mut Job) -> Result<Next, Fault> {
    let Some(model) = job.plan.model.clone() else { return Err(Fault::internal("the job names no model")) };
    let asker = Asker::inside(doing.platform, &doing.caller);
    let router = doing.platform.service::<Router>()?;
    let Reached { dialect, of_tenant, endpoint } = router.reach(&asker, &model).await?;
    if !of_tenant && !may_spend_for_all(&doing.caller) {
        return Err(not_own(&model));
    }
    let tuners = doing.platform.service::<Tuners>()?;
    let tuner = if of_tenant { &tuners.of_tenants } else { &tuners.own }.get(dialect.name()).cloned();
    let Some(tuner) = tuner else {
        let say = format!("the provider of '{model}' speaks {}, which has no fine-tuning here", dialect.name());
        return Err(Fault::new(&NO_TUNING, say));
    };
    let failed = |fault| Router::fault_of(&model, fault);
    let dataset = doing.dataset(job).await?;
    for test in [false, true] {
        let (name, file) = named(doing, &dataset, test);
        let held = if test { &job.work.validation_file } else { &job.work.training_file };
        if held.is_some() || file.rows == 0 {
            continue;
        }
        let there = tuner.uploaded(&endpoint, &name).await.map_err(failed)?;
        let id = if let Some(id) = there {
            id
        } else {
            let bytes = bytes(doing.platform, doing.tenant, file).await?;
            tuner.upload(&endpoint, &name, bytes).await.map_err(failed)?
        };
        *(if test { &mut job.work.validation_file } else { &mut job.work.training_file }) = Some(id);
        job.done += 1;
        let more = !test && dataset.test.rows > 0;
        let next = if more { "giving the rows to test with to the provider" } else { "beginning the provider's job" };
        next.clone_into(&mut job.doing);
        return Ok(Next::On);
    }
    let training_file = job.work.training_file.clone().unwrap_or_default();
    let Some(id) = job.work.tune.clone() else {
        let tune = match tuner.begun(&endpoint, &training_file).await.map_err(failed)? {
            Some(tune) => tune,
            None => tuner.begin(&endpoint, &request(job, training_file)).await.map_err(failed)?,
        };
        job.work.tune = Some(tune.id);
        job.done += 1;
        job.doing = format!("the provider says: {}", tune.word);
        return Ok(Next::Later(LOOK));
    };
    let tune = tuner.look(&endpoint, &id).await.map_err(failed)?;
    job.doing = format!("the provider says: {}", tune.word);
    ended(job, &endpoint.provider, tune)
}

/// The name that a file has at the provider, by which it is found there again.
fn named<'a>(doing: &Doing<'_>, dataset: &'a Dataset, test: bool) -> (String, &'a File) {
    let (part, file) = if test { ("test", &dataset.test) } else { ("train", &dataset.train) };
    (format!("convoke-{}-{part}.jsonl", doing.id), file)
}

/// Whether a caller may make the operator pay what no budget holds: what a provider wants for tuning is told by no price list.
pub(in crate::domain::learning) fn may_spend_for_all(caller: &Caller) -> bool {
    caller.may(Resource::Spending, Action::Manage)
}

/// What is told of a model that the operator would pay for.
pub(in crate::domain::learning) fn not_own(model: &str) -> Fault {
    let say = format!("'{model}' is at a provider of the operator, who would pay for it");
    let permit = Permit::on(Resource::Spending, Action::Manage);
    Fault::new(&TUNING_NOT_OWN, say).with_detail(serde_json::json!({ "permission": permit }))
}

fn request(job: &Job, training_file: String) -> TuneRequest {
    let plan = &job.plan.tuning;
    TuneRequest {
        training_file,
        validation_file: job.work.validation_file.clone(),
        suffix: plan.suffix.clone(),
        seed: u32::try_from(job.plan.seed).ok().filter(|seed| *seed <= MOST_SEED),
        epochs: plan.epochs,
        batch_size: plan.batch_size,
        learning_rate_multiplier: plan.learning_rate_multiplier,
    }
}

fn ended(job: &mut Job, provider: &str, tune: Tune) -> Result<Next, Fault> {
    match tune.state {
        TuneState::Going => Ok(Next::Later(LOOK)),
        TuneState::Done => {
            job.done = job.of;
            let note = "The provider alone knows what it costs. The model can be asked where the provider's file takes models that it does not \
                        list ('unlisted'), or once it is listed there; a route takes it then, with model_route_set.";
            Ok(Next::Over(Box::new(Outcome {
                better: tune.model.is_some(),
                model: tune.model.map(|model| format!("{provider}/{model}")),
                provider_job: Some(tune.id),
                trained_tokens: tune.trained_tokens,
                note: Some(note.to_owned()),
                ..Outcome::default()
            })))
        }
        TuneState::Failed | TuneState::Cancelled => {
            let why = tune.error.unwrap_or_else(|| "it does not say why".to_owned());
            Err(Fault::new(&TUNING_FAILED, format!("the provider's job {} is '{}': {why}", tune.id, tune.word)))
        }
    }
}
