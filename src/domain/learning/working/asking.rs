//! Asking models within a job: metered, under the budgets of whoever scheduled it and of the job itself.

use super::Doing;
use crate::domain::learning::faults::TOO_MANY_CALLS;
use crate::domain::learning::model::job::Job;
use crate::domain::models::{Asker, CacheUse, Router, Tags, Wish};
use crate::kernel::fault::Fault;
use crate::kernel::money::NanoDollars;

/// Asks a model one thing; answers its words.
pub(super) async fn ask(
    doing: &Doing<'_>,
    job: &mut Job,
    model: Option<&str>,
    system: Option<String>,
    prompt: String,
) -> Result<String, Fault> {
    if job.work.calls >= job.plan.most_calls {
        let say = format!("the job has made {} calls of models and may make no more", job.work.calls);
        return Err(Fault::new(&TOO_MANY_CALLS, say));
    }
    let router = doing.platform.service::<Router>()?;
    let asker = Asker::inside(doing.platform, &doing.caller);
    let tags = Tags { execution: Some(format!("retraining:{}", doing.id)), ..Tags::default() };
    let wish = Wish { model: model.map(str::to_owned), cache: CacheUse::AsRouted, tags };
    let (text, answer) = router.say(&asker, &wish, system, prompt).await?;
    job.work.calls += 1;
    match answer.cost {
        Some(cost) => job.work.cost = job.work.cost.plus(NanoDollars(cost.0)),
        None => job.work.unpriced += 1,
    }
    Ok(text)
}
