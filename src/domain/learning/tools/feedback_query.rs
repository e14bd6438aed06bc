//! `feedback_query`: what was said of answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::Paging;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::learning::model::feedback::Feedback;
use crate::domain::learning::reading::Which;
use crate::domain::learning::summary::{Adding, Summary};
use crate::domain::learning::views::FeedbackView;
use crate::kernel::fault::Fault;

/// So much is added up, the newest first.
const MOST_SUMMED: usize = 20_000;

/// Tells feedback.
pub(in crate::domain::learning) struct FeedbackQuery;

/// Which of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Input {
    #[serde(flatten)]
    which: Which,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

/// What was said.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Output {
    /// What was said, the newest first.
    items: Vec<FeedbackView>,
    /// All that fits, added up for each version of each prompt; only with the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Vec<Summary>>,
    /// Whether all of it is in the summary: it counts the newest 20,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_whole: Option<bool>,
    /// Give it as `pageToken` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl Capability for FeedbackQuery {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "feedback_query",
        Domain::Learning,
        Route::get("/feedback"),
        Permit::on(Resource::Feedback, Action::Read),
        "What was said of answers, newest first, by agent, prompt, version, execution, score and time, with a summary for each version: how \
         many, mean ratings, corrections. To compare two periods use drift_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let page = cx.list::<Feedback>(input.which.filter()?, "id", true, &input.paging).await?;
        let page = page.map(FeedbackView::of);
        let (mut summary, mut whole) = (None, None);
        if input.paging.page_token.is_none() {
            let mut adding = Adding::default();
            let all = input.which.each(cx, MOST_SUMMED, |one| adding.add(&one.value, one.created_at)).await?;
            (summary, whole) = (Some(adding.told()), Some(all));
        }
        Ok(Output { items: page.items, summary, summary_whole: whole, next_page_token: page.next_page_token })
    }
}
