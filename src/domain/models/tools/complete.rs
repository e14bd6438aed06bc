//! `model_complete`: one answer of a model.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::conversation::{Question, ToolCall, calls, words};
use crate::domain::models::engine::asker::Asker;
use crate::domain::models::engine::router::{Router, word};
use crate::domain::models::model::call::CacheState;
use crate::domain::models::views::Cost;
use crate::kernel::fault::Fault;
use crate::port::models::{Part, Tokens};

/// Asks a model.
pub(in crate::domain::models) struct Complete;

/// The question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    #[serde(flatten)]
    question: Question,
    /// Answer the parts in their order, with what the vendor wants back unread, in place of text, calls and reasoning.
    #[serde(default)]
    as_parts: bool,
}

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Output {
    /// What the model said.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The tools that it wants to be called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
    /// What it thought, as far as the vendor tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<String>,
    /// All of it in its order, where `asParts` was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part>,
    /// Why it stopped: `end`, `length`, `tool_calls`, `stop_text`, `refused`, or the vendor's own word.
    stop: String,
    /// The model that answered, as `provider/model`.
    model: String,
    /// The route that led to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    /// What the cache had to do with it: `hit` and `shared` answers cost nothing.
    cache: CacheState,
    /// What was read and written for this call.
    tokens: Tokens,
    /// Whether these are about so many, since the vendor did not count.
    about: bool,
    /// What it cost.
    cost: Cost,
    /// How long it took, in milliseconds.
    duration_ms: u64,
}

impl Capability for Complete {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "model_complete",
        Domain::Models,
        Route::post("/models/complete"),
        Permit::on(Resource::Completions, Action::Create),
        "One completion of a language model: text, wanted tool calls, or JSON by a schema. Goes through routes with fallback, cache and \
         budgets. For vectors use model_embed; to know the cost before, model_count_tokens.",
    )
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let (request, wish) = input.question.asked()?;
        let router = cx.service::<Router>()?;
        let answer = Box::pin(router.complete(&Asker::of(cx), &wish, request)).await?;
        let completion = Arc::unwrap_or_clone(answer.completion);
        let (said, stop) = (completion.parts, word(&completion.stop).to_owned());
        // Parts say all that the others say.
        let (text, tool_calls, reasoning, parts) = if input.as_parts {
            (None, Vec::new(), None, said)
        } else {
            (words(&said, false), calls(&said), words(&said, true), Vec::new())
        };
        Ok(Output {
            text,
            tool_calls,
            reasoning,
            parts,
            stop,
            model: answer.model,
            route: answer.route,
            cache: answer.cache,
            tokens: answer.tokens,
            about: answer.about,
            cost: Cost::of(answer.cost),
            duration_ms: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}
