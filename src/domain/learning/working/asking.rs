//! Asking models within a job: metered, under the budgets of whoever scheduled it and of the job itself.

use std::sync::Arc;

use super::Doing;
use crate::domain::learning::faults::TOO_MANY_CALLS;
use crate::domain::learning::model::job::Job;
use crate::domain::models::{Asker, CacheUse, Router, Tags, Wish, words};
use crate::kernel::fault::Fault;
use crate::kernel::money::NanoDollars;
use crate::port::models::{ChatRequest, Message, Part, Role};

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
    let message = |role, text| Message { role, parts: vec![Part::Text { text }] };
    let mut messages: Vec<Message> = system.map(|system| message(Role::System, system)).into_iter().collect();
    messages.push(message(Role::User, prompt));
    let request = Arc::new(ChatRequest { messages, ..ChatRequest::default() });
    let answer = Box::pin(router.complete(&asker, &wish, request)).await?;
    job.work.calls += 1;
    match answer.cost {
        Some(cost) => job.work.cost = job.work.cost.plus(NanoDollars(cost.0)),
        None => job.work.unpriced += 1,
    }
    Ok(words(&answer.completion.parts, false).unwrap_or_default())
}
