//! `model_route_list`: where calls for models lead.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::engine::asker::Asker;
use crate::domain::models::engine::offers::Offered;
use crate::domain::models::engine::router::Router;
use crate::domain::models::health_view::HealthView;
use crate::domain::models::model::route::{Candidate, Condition, Hedge, ModelRoute, SimilarTo, Strategy};
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Scalar};

/// Lists routes.
pub(in crate::domain::models) struct RouteList;

/// Which routes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    /// Only the one of this name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    name: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// A route.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct RouteView {
    /// Its name: give it as the model of a call.
    name: String,
    /// The models that can answer, with how each is doing.
    candidates: Vec<CandidateView>,
    /// Which of them is asked first.
    strategy: Strategy,
    /// How often all of them are asked again when all failed in a way that may pass.
    retries: u32,
    /// How long an answer may take to begin, in seconds.
    timeout_seconds: u32,
    /// How long there may be nothing between two pieces of a stream, in seconds.
    silence_seconds: u32,
    /// When a second model is asked beside a slow first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    hedge: Option<Hedge>,
    /// How long a whole answer is kept for equal requests, in seconds; 0 for not at all.
    cache_seconds: u32,
    /// When the answer to another question will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    similar: Option<SimilarTo>,
    /// Whether it is in force.
    enabled: bool,
}

/// A model of a route.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct CandidateView {
    /// The model, as `provider/model`.
    model: String,
    /// How often it is chosen against the others.
    weight: u32,
    /// When it is asked; always when not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<Condition>,
    /// How many calls a minute go to it by this route.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_per_minute: Option<u64>,
    /// How many tokens a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_per_minute: Option<u64>,
    /// Whether it can be asked: its provider is known and has a key.
    available: bool,
    /// How it is doing, as this instance sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<HealthView>,
}

impl Capability for RouteList {
    type Input = Input;
    type Output = Page<RouteView>;
    const SPEC: Spec = Spec::read(
        "model_route_list",
        Domain::Models,
        Route::get("/models/routes"),
        Permit::on(Resource::Models, Action::Read),
        "The routes to models by name: candidates, strategy, terms, and live how each model is doing, with latency and the state of its \
         circuit breaker. To set one use model_route_set; for single models use model_list.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<RouteView>, Fault> {
        let filter = input.name.map_or(Filter::All, |name| Filter::is("name", Scalar::Text(name)));
        let page = cx.list::<ModelRoute>(filter, "name", false, &input.paging).await?;
        let router = cx.service::<Router>()?;
        let asker = Asker::of(cx);
        let offered = router.offers.of(cx.platform(), &router.watch, cx.tenant()).await?;
        Ok(page.map(|stored| view(&router, &asker, &offered, stored.value)))
    }
}

/// A route with how its models are doing.
pub(super) fn view(router: &Router, asker: &Asker, offered: &Offered, route: ModelRoute) -> RouteView {
    let of = |candidate: Candidate| {
        let found = offered.catalogue.find(&candidate.model);
        let key = found.as_ref().and_then(|found| offered.keys.get(&found.provider.name));
        let health = found.as_ref().filter(|_| key.is_some()).map(|found| {
            let owner = offered.owner(asker.tenant(), &found.provider);
            let listed = found.provider.models.contains_key(&found.model.name);
            let name = if listed { found.name().as_str().into() } else { found.provider.name.clone() };
            HealthView::of(&router.healths.of(owner, &name), asker.platform.clock.elapsed())
        });
        CandidateView {
            model: candidate.model,
            weight: candidate.weight,
            when: candidate.when,
            requests_per_minute: candidate.requests_per_minute,
            tokens_per_minute: candidate.tokens_per_minute,
            available: health.is_some(),
            health,
        }
    };
    RouteView {
        name: route.name,
        candidates: route.candidates.into_iter().map(of).collect(),
        strategy: route.strategy,
        retries: route.retries,
        timeout_seconds: route.timeout_seconds,
        silence_seconds: route.silence_seconds,
        hedge: route.hedge,
        cache_seconds: route.cache_seconds,
        similar: route.similar,
        enabled: route.enabled,
    }
}
