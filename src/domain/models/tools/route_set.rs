//! `model_route_set`: a name for one or several models, and the terms on which they are asked.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::catalogue::Ability;
use crate::domain::models::engine::asker::Asker;
use crate::domain::models::engine::client::CLIENT;
use crate::domain::models::engine::router::Router;
use crate::domain::models::faults;
use crate::domain::models::model::route::{
    Candidate, Hedge, ModelRoute, RETRIES, SILENCE_SECONDS, SimilarTo, Strategy, TIMEOUT_SECONDS,
};
use crate::domain::models::tools::route_list::{RouteView, view};
use crate::domain::models::topics;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::records::Visibility;

/// Sets a route.
pub(in crate::domain::models) struct RouteSet;

/// The route. Set again it is replaced as a whole.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    /// Its name. `default` is the route of whoever names no model.
    #[schemars(length(min = 1, max = 64), pattern("^[a-z0-9][a-z0-9_.-]*$"))]
    name: String,
    /// The models that can answer.
    #[schemars(length(min = 1, max = 32))]
    candidates: Vec<Candidate>,
    /// Which of them is asked first; `fallback` when not given.
    #[serde(default)]
    strategy: Option<Strategy>,
    /// How often all of them are asked again when all failed in a way that may pass; 1 when not given.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    retries: Option<u32>,
    /// How long an answer may take to begin, in seconds; 120 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3600))]
    timeout_seconds: Option<u32>,
    /// How long there may be nothing between two pieces of a stream, in seconds; 60 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3600))]
    silence_seconds: Option<u32>,
    /// When a second model is asked beside a slow first one; never when not given.
    #[serde(default)]
    hedge: Option<Hedge>,
    /// How long a whole answer is kept for equal requests, in seconds; 0, or not given, for not at all.
    #[serde(default)]
    #[schemars(range(min = 0, max = 2_592_000))]
    cache_seconds: Option<u32>,
    /// When the kept answer to another question will do that means the same; never when not given. Only for questions whose answers
    /// may be close: texts that differ in a number, a name or a negation are never taken for the same.
    #[serde(default)]
    similar: Option<SimilarTo>,
    /// Whether it is in force; yes when not given.
    #[serde(default)]
    enabled: Option<bool>,
}

impl Capability for RouteSet {
    type Input = Input;
    type Output = RouteView;
    const SPEC: Spec = Spec::change(
        "model_route_set",
        Domain::Models,
        Route::put("/models/routes/{name}"),
        Permit::on(Resource::Models, Action::Change),
        "Gives one or several models a name: in which order they are asked, what happens when one fails or is slow, how long answers are \
         kept. Set again it is replaced; 'enabled: false' takes it out of force. See model_route_list.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<RouteView, Fault> {
        let router = cx.service::<Router>()?;
        let offered = router.offers.of(cx.platform(), &router.watch, cx.tenant()).await?;
        for (number, candidate) in input.candidates.iter().enumerate() {
            let place = format!("/candidates/{number}");
            // A key may come later; a model that nobody knows is a mistake.
            let of_client = candidate.model.split_once('/').is_some_and(|(provider, _)| provider == CLIENT);
            if !of_client && offered.catalogue.find(&candidate.model).is_none() {
                let say = format!("there is no model '{}'", candidate.model);
                let place = format!("{place}/model");
                return Err(Fault::new(&faults::UNKNOWN_MODEL, say).with_detail(serde_json::json!({ "place": place })));
            }
            let before = input.candidates.get(..number).unwrap_or_default();
            if before.iter().any(|other| other.model == candidate.model && other.when == candidate.when) {
                return Err(Fault::bad_input(format!("{place}/model"), "this model is a candidate already"));
            }
            let turned = candidate.when.as_ref().is_some_and(|when| {
                when.at_least_tokens.zip(when.at_most_tokens).is_some_and(|(least, most)| least > most)
            });
            if turned {
                return Err(Fault::bad_input(
                    format!("{place}/when"),
                    "no request has at least more tokens than at most",
                ));
            }
        }
        if input.hedge.is_some() && input.candidates.len() < 2 {
            return Err(Fault::bad_input("/hedge", "needs a second candidate to be asked beside the first"));
        }
        if let Some(similar) = &input.similar {
            if input.cache_seconds.unwrap_or(0) == 0 {
                return Err(Fault::bad_input("/similar", "needs 'cacheSeconds', for as long as answers are kept"));
            }
            let found = offered.catalogue.find(&similar.model);
            if !found.is_some_and(|found| found.model.can(Ability::Embeddings)) {
                let say = format!("'{}' is no model that makes vectors", similar.model);
                return Err(Fault::bad_input("/similar/model", say));
            }
        }
        let route = ModelRoute {
            name: input.name,
            candidates: input.candidates,
            strategy: input.strategy.unwrap_or_default(),
            retries: input.retries.unwrap_or(RETRIES),
            timeout_seconds: input.timeout_seconds.unwrap_or(TIMEOUT_SECONDS),
            silence_seconds: input.silence_seconds.unwrap_or(SILENCE_SECONDS),
            hedge: input.hedge,
            cache_seconds: input.cache_seconds.unwrap_or(0),
            similar: input.similar,
            enabled: input.enabled.unwrap_or(true),
        };
        let id = ModelRoute::id(cx.tenant(), &route.name);
        match cx.load::<ModelRoute>(id, Action::Change).await {
            Ok(stored) => cx.change(&stored, &route)?,
            Err(fault) if fault.is(&codes::NOT_FOUND) => {
                let owner = Some(cx.caller().user.uuid());
                cx.create(id, Belongs { owner, workspace: None, visibility: Visibility::Tenant }, &route)?;
            }
            Err(fault) => return Err(fault),
        }
        let told = serde_json::json!({ "name": route.name, "enabled": route.enabled });
        cx.emit(topics::ROUTE_SET, id, &told)?;
        Ok(view(&router, &Asker::of(cx), &offered, route))
    }
}
