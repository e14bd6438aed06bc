//! `event_unsubscribe`: ends a subscription.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::subscribe::SUBSCRIPTIONS;
use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::events::model::letter::DeadLetter;
use crate::domain::events::model::progress::Progress;
use crate::domain::events::model::subscription::Subscription;
use crate::domain::events::topics::{OfSubscription, UNSUBSCRIBED};
use crate::kernel::fault::Fault;
use crate::kernel::id::SubscriptionId;
use crate::port::records::{Filter, Query, Scalar};

/// Dead letters that go with the subscription at once; the rest go when they are old.
const MOST_LETTERS: u32 = 500;

/// Ends a subscription.
pub(in crate::domain::events) struct Unsubscribe;

/// Which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Input {
    /// The subscription.
    id: SubscriptionId,
}

/// What went.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Output {
    /// The subscription.
    id: SubscriptionId,
    /// How many dead letters went with it.
    dead_letters: usize,
}

impl Capability for Unsubscribe {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::remove(
        "event_unsubscribe",
        Domain::Events,
        Route::delete("/subscriptions/{id}"),
        Permit::on(Resource::Events, Action::Remove),
        "Ends a subscription for good: nothing more is delivered, and its place in the log and its dead letters go.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let stored = cx.load::<Subscription>(input.id.uuid(), Action::Remove).await?;
        cx.about::<Subscription>(stored.id);
        cx.remove(&stored)?;
        if let Some(progress) = cx.get::<Progress>(stored.id).await? {
            cx.remove(&progress)?;
        }
        let filter = Filter::is("subscription", Scalar::Id(stored.id));
        let letters = cx.find::<DeadLetter>(Query::newest(filter, MOST_LETTERS)).await?;
        for letter in &letters {
            cx.remove(letter)?;
        }
        cx.count(SUBSCRIPTIONS, String::new(), -1, None);
        cx.emit(UNSUBSCRIBED, stored.id, &OfSubscription { subscription_id: input.id, reason: None })?;
        Ok(Output { id: input.id, dead_letters: letters.len() })
    }
}
