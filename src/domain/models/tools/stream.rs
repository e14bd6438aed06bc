//! `model_stream`: an answer of a model as it comes.

use std::sync::OnceLock;

use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::capability::Streaming;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::conversation::Question;
use crate::domain::models::engine::asker::Asker;
use crate::domain::models::engine::router::{Router, Used, word};
use crate::domain::models::model::call::CacheState;
use crate::domain::models::views::Cost;
use crate::kernel::fault::Fault;
use crate::port::models::{Piece, Tokens};

/// Asks a model and tells its answer as it comes.
pub(in crate::domain::models) struct Stream;

/// A piece of the answer. The first is `start`; the last of a whole answer is `end`, and there is none where it broke off.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(in crate::domain::models) enum Item {
    /// It begins.
    Start {
        /// The model that answers, as `provider/model`.
        model: String,
        /// The route that led to it.
        #[serde(skip_serializing_if = "Option::is_none")]
        route: Option<String>,
        /// What the cache had to do with it.
        cache: CacheState,
    },
    /// More words.
    Text {
        /// The words.
        text: String,
    },
    /// More of the thoughts, as far as the vendor tells them.
    Reasoning {
        /// The thoughts.
        text: String,
        /// What the vendor wants back with all thoughts so far, unread.
        #[serde(skip_serializing_if = "Option::is_none")]
        opaque: Option<Value>,
    },
    /// A tool call begins.
    ToolCall {
        /// Which of the answer's calls, from 0.
        index: u32,
        /// The name that the tool's answer is sent back under.
        id: String,
        /// The tool.
        name: String,
        /// What the vendor wants back with it, unread.
        #[serde(skip_serializing_if = "Option::is_none")]
        opaque: Option<Value>,
    },
    /// More of a tool call's arguments.
    ToolArguments {
        /// Which call.
        index: u32,
        /// A piece of JSON text.
        text: String,
    },
    /// The answer is whole.
    End {
        /// Why it stopped: `end`, `length`, `tool_calls`, `stop_text`, `refused`, or the vendor's own word.
        stop: String,
        /// The model that answered, as `provider/model`.
        model: String,
        /// The route that led to it.
        #[serde(skip_serializing_if = "Option::is_none")]
        route: Option<String>,
        /// What the cache had to do with it: a `hit` costs nothing.
        cache: CacheState,
        /// What was read and written for this call.
        tokens: Tokens,
        /// Whether these are about so many, since the vendor did not count.
        about: bool,
        /// What it cost.
        cost: Cost,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
}

impl Streaming for Stream {
    type Input = Question;
    type Item = Item;
    const SPEC: Spec = Spec::create(
        "model_stream",
        Domain::Models,
        Route::post("/models/stream"),
        Permit::on(Resource::Completions, Action::Create),
        "Asks a language model and answers piece by piece as it writes: words, thoughts, tool calls, and last the tokens and cost. Goes \
         through the same routes, cache and budgets as model_complete, which answers the whole at once.",
    )
    .asks()
    .spends();

    async fn run(
        cx: &Cx,
        input: Question,
    ) -> Result<impl futures::Stream<Item = Result<Item, Fault>> + Send + 'static, Fault> {
        let (request, wish) = input.asked()?;
        let router = cx.service::<Router>()?;
        let clock = cx.platform().clock.clone();
        let began = clock.elapsed();
        let answering = Box::pin(router.stream(&Asker::of(cx), &wish, request)).await?;
        let (model, route, cache) = (answering.model, answering.route, answering.cache);
        let start = Item::Start { model: model.clone(), route: route.clone(), cache };
        let mut last = Some((model, route, answering.used));
        let items = answering.pieces.filter_map(move |piece| {
            let item = piece.map(|piece| match piece {
                // It was told already, by the name that callers know the model by.
                Piece::Start { .. } => None,
                Piece::Text { text } => Some(Item::Text { text }),
                Piece::Reasoning { text, opaque } => Some(Item::Reasoning { text, opaque }),
                Piece::ToolStart { index, id, name, opaque } => Some(Item::ToolCall { index, id, name, opaque }),
                Piece::ToolArguments { index, text } => Some(Item::ToolArguments { index, text }),
                Piece::End { stop, tokens } => last.take().map(|(model, route, used)| {
                    let took = clock.elapsed().saturating_sub(began);
                    let used = used_of(&used, tokens);
                    Item::End {
                        stop: word(&stop).to_owned(),
                        model,
                        route,
                        cache,
                        tokens: used.tokens,
                        about: used.about,
                        cost: Cost::of(used.cost),
                        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                    }
                }),
            });
            std::future::ready(item.transpose())
        });
        Ok(futures::stream::once(std::future::ready(Ok(start))).chain(items))
    }
}

fn used_of(told: &OnceLock<Used>, tokens: Option<Tokens>) -> Used {
    told.get().copied().unwrap_or_else(|| Used {
        tokens: tokens.unwrap_or_default(),
        about: tokens.is_none(),
        cost: None,
    })
}
