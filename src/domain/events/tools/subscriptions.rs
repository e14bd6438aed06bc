//! `event_subscriptions`: the subscriptions with how far each is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::events::model::progress::Progress;
use crate::domain::events::model::subscription::{Delivery, State, Subscription};
use crate::domain::events::reading::{Reading, wants};
use crate::domain::events::views::{LagView, SubscriptionView};
use crate::kernel::fault::Fault;
use crate::kernel::id::SubscriptionId;
use crate::port::records::{Filter, Scalar};

/// Events that wait are counted up to so many.
const MOST_COUNTED: u64 = 1000;

/// Lists subscriptions.
pub(in crate::domain::events) struct Subscriptions;

/// Which subscriptions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Input {
    /// Only this one.
    #[serde(default)]
    id: Option<SubscriptionId>,
    /// Only those that stand so.
    #[serde(default)]
    state: Option<State>,
    /// Only those with a target of this kind.
    #[serde(default)]
    delivery: Option<Delivery>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

/// A subscription and how far it is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Item {
    /// The subscription.
    #[serde(flatten)]
    view: SubscriptionView,
    /// How far it is.
    lag: LagView,
}

impl Capability for Subscriptions {
    type Input = Input;
    type Output = Page<Item>;
    const SPEC: Spec = Spec::read(
        "event_subscriptions",
        Domain::Events,
        Route::get("/subscriptions"),
        Permit::on(Resource::Events, Action::Read),
        "The caller's subscriptions (everybody's for who manages events), newest first, each with its lag: how many events \
         wait, since when, what was delivered, what failed last, and why one is suspended.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let mut filter = Filter::All;
        if let Some(id) = input.id {
            filter = filter.and(Filter::is("id", Scalar::Id(id.uuid())));
        }
        if let Some(state) = input.state {
            filter = filter.and(Filter::is("state", Scalar::Text(state.name().to_owned())));
        }
        if let Some(delivery) = input.delivery {
            filter = filter.and(Filter::is("delivery", Scalar::Text(delivery.name().to_owned())));
        }
        let page = cx.list::<Subscription>(filter, "id", true, &input.paging).await?;
        let reading = Reading::of(cx)?;
        let newest = reading.newest().await?;
        let mut items = Vec::with_capacity(page.items.len());
        for stored in page.items {
            let lag = lag(cx, &reading, &stored, newest).await?;
            items.push(Item { view: SubscriptionView::of(stored), lag });
        }
        Ok(Page { items, next_page_token: page.next_page_token })
    }
}

async fn lag(cx: &Cx, reading: &Reading<'_>, stored: &Stored<Subscription>, newest: i64) -> Result<LagView, Fault> {
    let progress = cx.get::<Progress>(stored.id).await?.map(|progress| progress.value).unwrap_or_default();
    let mut lag = LagView::of(&progress, newest, cx.now());
    let walked = reading.walk(&stored.value.topics, progress.position, |entry| {
        if wants(&stored.value, &entry) && !progress.done.contains(&entry.position) {
            if lag.waiting == MOST_COUNTED {
                return false;
            }
            lag.waiting += 1;
            lag.oldest_at = lag.oldest_at.or(Some(entry.at));
        }
        true
    });
    let reached = walked.await?;
    lag.more_waiting = reached.more;
    Ok(lag)
}
