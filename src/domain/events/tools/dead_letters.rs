//! `event_dead_letters`: what could not be delivered, and why.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::events::model::letter::{DeadLetter, LetterState};
use crate::domain::events::views::LetterView;
use crate::kernel::fault::Fault;
use crate::kernel::id::SubscriptionId;
use crate::port::records::{Filter, Scalar};

/// Lists dead letters.
pub(in crate::domain::events) struct DeadLetters;

/// Which dead letters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Input {
    /// Only those of this subscription.
    #[serde(default)]
    subscription_id: Option<SubscriptionId>,
    /// Only events of this topic.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    topic: Option<String>,
    /// Only those that stand so: `dead`, or `redriven` while they are tried again.
    #[serde(default)]
    state: Option<LetterState>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

impl Capability for DeadLetters {
    type Input = Input;
    type Output = Page<LetterView>;
    const SPEC: Spec = Spec::read(
        "event_dead_letters",
        Domain::Events,
        Route::get("/events/dead-letters"),
        Permit::on(Resource::Events, Action::Read),
        "Events that could not be delivered to a subscription, newest first: the event, why it failed and how often it was \
         tried. Try them again with event_redrive.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let mut filter = Filter::All;
        if let Some(subscription) = input.subscription_id {
            filter = filter.and(Filter::is("subscription", Scalar::Id(subscription.uuid())));
        }
        if let Some(topic) = input.topic {
            filter = filter.and(Filter::is("topic", Scalar::Text(topic)));
        }
        if let Some(state) = input.state {
            filter = filter.and(Filter::is("state", Scalar::Text(state.name().to_owned())));
        }
        let page = cx.list::<DeadLetter>(filter, "id", true, &input.paging).await?;
        Ok(page.map(LetterView::of))
    }
}
