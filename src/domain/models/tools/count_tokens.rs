//! `model_count_tokens`: how long a request is and what it would cost, before it is sent.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::conversation::Conversation;
use crate::domain::models::engine::asker::{Asker, CacheUse, Wish};
use crate::domain::models::engine::router::Router;
use crate::domain::models::engine::size::Size;
use crate::domain::models::engine::tokens::{Counted, count};
use crate::domain::models::views::Cost;
use crate::kernel::fault::Fault;
use crate::port::models::Tokens;

/// Counts tokens.
pub(in crate::domain::models) struct CountTokens;

/// The request that would be made.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    /// A model as `provider/model`, or the name of a route: the model that would be asked first counts.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
    #[serde(flatten)]
    conversation: Conversation,
}

/// The count.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Output {
    /// The model that would be asked, as `provider/model`.
    model: String,
    /// Tokens that it would read. Pictures are not counted.
    input: u64,
    /// How they were counted.
    encoding: String,
    /// Whether the model is known to count like this. Else the count is near the truth.
    exact: bool,
    /// What reading them costs.
    cost: Cost,
    /// What it costs at most with the answer, where its most tokens are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_at_most: Option<Cost>,
    /// How many tokens the model reads and writes in one call, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<u64>,
    /// Whether the request and its answer fit, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    fits: Option<bool>,
}

impl Capability for CountTokens {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "model_count_tokens",
        Domain::Models,
        Route::post("/models/tokens"),
        Permit::on(Resource::Models, Action::Read),
        "Counts the tokens of a request and tells its cost and whether it fits into the model's context, before it is sent. Nothing is sent \
         and nothing is spent. To send it use model_complete.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let request = Arc::new(input.conversation.request()?);
        let wish = Wish { model: input.model, cache: CacheUse::Skip, ..Wish::default() };
        let size = Size::of_chat(&request);
        let found = cx.service::<Router>()?.first(&Asker::of(cx), &wish, size).await?;
        let count = count(cx.platform(), &found.model.name, Counted::Chat(request)).await?;
        let read = Tokens { input: count.tokens, ..Tokens::default() };
        let most = size.most_output.or(found.model.max_output);
        let whole = size.most_output.map(|output| Tokens { output, ..read });
        Ok(Output {
            model: found.name(),
            input: count.tokens,
            encoding: count.encoding.name().to_owned(),
            exact: count.exact,
            cost: Cost::of(found.model.cost(&read)),
            cost_at_most: whole.map(|whole| Cost::of(found.model.cost(&whole))),
            context: found.model.context,
            fits: found.model.context.map(|context| {
                let answer = size.most_output.unwrap_or(0).min(most.unwrap_or(u64::MAX));
                count.tokens.saturating_add(answer) <= context
            }),
        })
    }
}
