//! `model_embed`: texts as vectors.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::engine::asker::{Asker, CacheUse, Wish};
use crate::domain::models::engine::router::Router;
use crate::domain::models::views::{Cost, TagsInput};
use crate::kernel::fault::Fault;
use crate::port::models::{EmbedPurpose, EmbedRequest, Tokens};

/// Makes vectors.
pub(in crate::domain::models) struct Embed;

/// The texts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    /// A model as `provider/model`, or the name of a route; the route `default` when not given, or where
    /// there is none the cheapest model that makes vectors.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
    /// The texts.
    #[schemars(length(min = 1, max = 2048), inner(length(min = 1, max = 1_000_000)))]
    texts: Vec<String>,
    /// The length of the vectors, where the model lets one choose.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    dimensions: Option<u32>,
    /// Whether they are to be found or to find, where the model tells the two apart.
    #[serde(default)]
    purpose: Option<EmbedPurpose>,
    #[serde(flatten)]
    tags: TagsInput,
}

/// The vectors.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Output {
    /// One vector for each text, in order.
    vectors: Vec<Vec<f32>>,
    /// How long each is.
    dimensions: usize,
    /// The model, as `provider/model`.
    model: String,
    /// The route that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    /// What was read.
    tokens: Tokens,
    /// Whether these are about so many, since the vendor did not count.
    about: bool,
    /// What it cost.
    cost: Cost,
}

impl Capability for Embed {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "model_embed",
        Domain::Models,
        Route::post("/models/embed"),
        Permit::on(Resource::Completions, Action::Create),
        "Turns texts into vectors by a model, for search by meaning, grouping or comparing. Goes through the router with its budgets. For \
         answers use model_complete.",
    )
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let request =
            Arc::new(EmbedRequest { texts: input.texts, dimensions: input.dimensions, purpose: input.purpose });
        let wish = Wish { model: input.model, cache: CacheUse::Skip, tags: input.tags.tags() };
        let embedded = Box::pin(cx.service::<Router>()?.embed(&Asker::of(cx), &wish, request)).await?;
        Ok(Output {
            dimensions: embedded.embedding.vectors.first().map_or(0, Vec::len),
            vectors: embedded.embedding.vectors,
            model: embedded.model,
            route: embedded.route,
            tokens: embedded.tokens,
            about: embedded.about,
            cost: Cost::of(embedded.cost),
        })
    }
}
