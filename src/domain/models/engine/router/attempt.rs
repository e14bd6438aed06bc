//! Asking one model once: a place, its breaker, the budgets, the key, the call.

use std::sync::Arc;
use std::time::Duration;

use super::Router;
use super::course::{Course, Target};
use super::ticket::Ticket;
use crate::domain::models::catalogue::Dialect;
use crate::domain::models::engine::breaker::Pass;
use crate::domain::models::engine::failure::{Failed, REST, Why, speaks_against};
use crate::kernel::fault::Fault;
use crate::port::models::{
    ChatRequest, Completion, Dialects, EmbedRequest, Embedding, ModelFault, ModelFaultKind, Models, Pieces,
};

/// What a vendor says is believed up to so long.
const LONGEST_REST: Duration = Duration::from_mins(5);

/// What a model is asked for.
#[derive(Clone)]
pub(crate) enum Ask {
    /// A whole answer.
    Whole(Arc<ChatRequest>),
    /// An answer piece by piece.
    Pieces(Arc<ChatRequest>),
    /// Vectors.
    Vectors(Arc<EmbedRequest>),
}

/// What it gave.
pub(crate) enum Got {
    Whole(Completion),
    Pieces(Pieces),
    Vectors(Embedding),
}

/// A model that answers.
pub(crate) struct Started {
    pub(crate) got: Got,
    pub(crate) ticket: Ticket,
}

/// Why there is no answer.
pub(crate) enum Stopped {
    /// The model's side.
    Failed(Failed),
    /// The caller's side: no other model would do better.
    Fault(Fault),
}

impl Router {
    /// Asks one model. `slept` is for how long this call has waited for models: a model that was waited for is asked.
    pub(super) async fn attempt(
        self: &Arc<Self>,
        course: &Arc<Course>,
        target: &Target,
        ask: &Ask,
        slept: Duration,
    ) -> Result<Started, Stopped> {
        let asker = &course.asker;
        let now = || asker.platform.clock.elapsed().max(course.began + slept);
        let place = target.health.places.take(asker.tenant()).await;
        let pass = target.health.breaker.admit(now()).map_err(|until| {
            let wait = until.saturating_sub(now());
            Stopped::Failed(Failed { model: target.name.to_string(), why: Why::Alone(wait) })
        })?;
        let (scopes, need) = (&course.scopes, course.need(target));
        let reserving = self.budgets.reserve(&asker.platform, &self.watch, asker.tenant(), scopes, need);
        let reserved = reserving.await.map_err(Stopped::Fault)?;
        let patience = Duration::from_secs(course.route.timeout_seconds.into());
        let silence = Duration::from_secs(course.route.silence_seconds.into());
        let endpoint = self.endpoint(asker, target, patience, silence).await.map_err(Stopped::Fault)?;
        let models = models_of(course, target.provider.dialect).map_err(Stopped::Fault)?;
        let mut ticket = Ticket::new(self, course, target, ask, reserved, place);
        ticket.sent();
        let answered = match ask {
            Ask::Whole(request) => models.complete(&endpoint, request).await.map(Got::Whole),
            Ask::Pieces(request) => models.stream(&endpoint, request).await.map(Got::Pieces),
            Ask::Vectors(request) => models.embed(&endpoint, request).await.map(Got::Vectors),
        };
        match answered {
            Ok(got) => {
                pass.succeeded();
                ticket.began_to_answer();
                Ok(Started { got, ticket })
            }
            Err(fault) => {
                self.learn(course, target, pass, &fault, now());
                ticket.failed(&fault);
                Err(Stopped::Failed(Failed::said(&target.name, fault)))
            }
        }
    }

    /// What a fault says of the model.
    fn learn(&self, course: &Course, target: &Target, pass: Pass, fault: &ModelFault, now: Duration) {
        target.health.failed();
        match fault.kind {
            ModelFaultKind::RateLimited => {
                pass.cooled(now + fault.retry_after.unwrap_or(REST).min(LONGEST_REST));
            }
            ModelFaultKind::Credential => {
                tracing::warn!(model = %target.name, say = fault.say, "a provider refuses its key");
                self.offers.forget_key(course.asker.tenant(), &target.provider.name);
            }
            kind if speaks_against(kind) => pass.failed(now),
            // It is there and says what it does not like of the request.
            _ => pass.succeeded(),
        }
    }
}

fn models_of(course: &Course, dialect: Dialect) -> Result<Arc<dyn Models>, Fault> {
    let dialects = course.asker.platform.service::<Dialects>()?;
    let models = dialects.0.get(dialect.name()).cloned();
    models.ok_or_else(|| Fault::internal(format!("no adapter speaks {}", dialect.name())))
}
