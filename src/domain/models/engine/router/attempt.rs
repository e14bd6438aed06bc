//! Asking one model once: a place, its breaker, the budgets, the key, the call.

use std::sync::Arc;
use std::time::Duration;

use super::Router;
use super::course::{Course, Target};
use super::run::Waits;
use super::ticket::{Taken, Ticket};
use crate::domain::models::catalogue::Provider;
use crate::domain::models::engine::breaker::Pass;
use crate::domain::models::engine::cache::replayed;
use crate::domain::models::engine::client;
use crate::domain::models::engine::failure::{Failed, REST, Why, speaks_against};
use crate::kernel::fault::Fault;
use crate::port::models::{
    ChatRequest, Completion, Dialects, EmbedRequest, Embedding, ModelFault, ModelFaultKind, Models, Pieces,
    RerankRequest, Reranking, TenantDialects,
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
    /// An order of texts.
    Order(Arc<RerankRequest>),
}

/// What it gave.
pub(crate) enum Got {
    Whole(Completion),
    Pieces(Pieces),
    Vectors(Embedding),
    Order(Reranking),
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
    /// Asks one model.
    pub(super) async fn attempt(
        self: &Arc<Self>,
        course: &Arc<Course>,
        target: &Target,
        ask: &Ask,
        waits: Waits,
    ) -> Result<Started, Stopped> {
        let asker = &course.asker;
        let now = || asker.platform.clock.elapsed().max(course.began + waits.slept);
        let need = course.need(target);
        let mut paced = Vec::with_capacity(target.paces.len());
        for pace in &target.paces {
            let taken = pace.take(asker.tenant(), need.tokens, waits.may_wait).await;
            paced.push(
                taken.map_err(|wait| {
                    Stopped::Failed(Failed { model: target.name.to_string(), why: Why::Often(wait) })
                })?,
            );
        }
        let place = target.health.places.take(asker.tenant()).await;
        let pass = target.health.breaker.admit(now()).map_err(|until| {
            let wait = until.saturating_sub(now());
            Stopped::Failed(Failed { model: target.name.to_string(), why: Why::Alone(wait) })
        })?;
        let reserving = self.budgets.reserve(&asker.platform, &self.watch, asker.tenant(), &course.scopes, need);
        let reserved = reserving.await.map_err(Stopped::Fault)?;
        if target.is_client() {
            let ticket = Ticket::new(self, course, target, ask, reserved, Taken { _place: place, paced });
            return self.ask_client(course, target, ask, pass, ticket).await;
        }
        let patience = Duration::from_secs(course.route.timeout_seconds.into());
        let silence = Duration::from_secs(course.route.silence_seconds.into());
        let endpoint = self.endpoint(asker, target, patience, silence).await.map_err(Stopped::Fault)?;
        let models = models_of(course, &target.provider).map_err(Stopped::Fault)?;
        let mut ticket = Ticket::new(self, course, target, ask, reserved, Taken { _place: place, paced });
        ticket.sent();
        let asking = async {
            match ask {
                Ask::Whole(request) => models.complete(&endpoint, request).await.map(Got::Whole),
                Ask::Pieces(request) => models.stream(&endpoint, request).await.map(Got::Pieces),
                Ask::Vectors(request) => models.embed(&endpoint, request).await.map(Got::Vectors),
                Ask::Order(request) => models.rerank(&endpoint, request).await.map(Got::Order),
            }
        };
        let answered = ticket.current().over(asking).await;
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

    /// Asks the client on the other side of the call. Where the protocol cannot wait for its answer the call ends here, and is made
    /// again with it: so far nothing was sent. A client that refuses has spoken for its person, and nobody else is asked.
    async fn ask_client(
        self: &Arc<Self>,
        course: &Course,
        target: &Target,
        ask: &Ask,
        pass: Pass,
        mut ticket: Ticket,
    ) -> Result<Started, Stopped> {
        let failed = |fault| Stopped::Failed(Failed::said(&target.name, fault));
        let (Ask::Whole(request) | Ask::Pieces(request), Some(client)) = (ask, &course.asker.client) else {
            return Err(Stopped::Failed(Failed { model: target.name.to_string(), why: Why::NoClient }));
        };
        let (key, question) = client::question(&target.model.name, request).map_err(failed)?;
        let mut answers =
            ticket.current().over(client.ask(vec![(key.clone(), question)])).await.map_err(Stopped::Fault)?;
        ticket.sent();
        match client::answer(answers.remove(&key).unwrap_or_default()) {
            Ok(completion) => {
                pass.succeeded();
                ticket.began_to_answer();
                let got = match ask {
                    Ask::Pieces(_) => Got::Pieces(replayed(&completion, None)),
                    Ask::Whole(_) | Ask::Vectors(_) | Ask::Order(_) => Got::Whole(completion),
                };
                Ok(Started { got, ticket })
            }
            Err(fault) => {
                pass.succeeded();
                ticket.failed(&fault);
                Err(failed(fault))
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

fn models_of(course: &Course, provider: &Provider) -> Result<Arc<dyn Models>, Fault> {
    let (platform, name) = (&course.asker.platform, provider.dialect.name());
    let models = if provider.of_tenant {
        platform.service::<TenantDialects>()?.0.0.get(name).cloned()
    } else {
        platform.service::<Dialects>()?.0.get(name).cloned()
    };
    models.ok_or_else(|| Fault::internal(format!("no adapter speaks {name}")))
}
