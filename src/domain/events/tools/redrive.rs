//! `event_redrive`: tries dead letters again, or sends a subscription the events since an earlier place once more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::events::model::letter::{DeadLetter, LetterState};
use crate::domain::events::model::progress::Progress;
use crate::domain::events::model::subscription::{State, Subscription};
use crate::domain::events::reading::Reading;
use crate::domain::events::topics::{OfSubscription, REDRIVEN, RESUMED};
use crate::kernel::fault::Fault;
use crate::kernel::id::{DeadLetterId, SubscriptionId};
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query, Scalar};

/// Dead letters that one call redrives.
const MOST: u32 = 500;

/// Tries again.
pub(in crate::domain::events) struct Redrive;

/// What to try again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Input {
    /// These dead letters.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    ids: Option<Vec<DeadLetterId>>,
    /// All dead letters of this subscription, at most 500 a call. A suspended one delivers again from then on.
    #[serde(default)]
    subscription_id: Option<SubscriptionId>,
    /// With `subscriptionId`: everything since this moment is delivered once more, instead of its dead letters.
    #[serde(default)]
    from: Option<Timestamp>,
    /// With `subscriptionId`: everything from this position on is delivered once more, instead of its dead letters.
    #[serde(default)]
    #[schemars(range(min = 0))]
    from_position: Option<i64>,
}

/// What is tried again.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Output {
    /// How many dead letters.
    redriven: usize,
    /// Whether the subscription has more of them.
    more: bool,
    /// Whether a subscription was suspended and is active again.
    resumed: bool,
    /// The place after which events are delivered once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<i64>,
}

impl Capability for Redrive {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "event_redrive",
        Domain::Events,
        Route::post("/events/dead-letters/redrive"),
        Permit::on(Resource::Events, Action::Change),
        "Tries dead letters again: some by id, or all of a subscription, which also wakes a suspended one. With a time or \
         position it sets the subscription back instead, so that everything since is sent to it once more.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let back = input.from.is_some() || input.from_position.is_some();
        match (input.ids, input.subscription_id) {
            (Some(_), Some(_)) => Err(Fault::bad_input("/ids", "give either ids or subscriptionId, not both")),
            (None, None) => Err(Fault::bad_input("", "give the ids of dead letters, or subscriptionId")),
            (Some(_), None) if back => {
                Err(Fault::bad_input("/subscriptionId", "a time or position is one of a subscription: name it"))
            }
            (Some(ids), None) => by_id(cx, ids).await,
            (None, Some(named)) => {
                let id = named.uuid();
                let subscription = cx.load::<Subscription>(id, Action::Change).await?;
                cx.about::<Subscription>(subscription.id);
                let resumed = resume(cx, &subscription)?;
                if back {
                    return set_back(cx, &subscription, input.from, input.from_position, resumed).await;
                }
                let filter = Filter::is("subscription", Scalar::Id(id))
                    .and(Filter::is("state", Scalar::Text(LetterState::Dead.name().to_owned())));
                let query = Query { filter, order: "id", descending: false, after: None, limit: MOST + 1 };
                let mut letters = cx.find::<DeadLetter>(query).await?;
                let more = letters.len() > MOST as usize;
                letters.truncate(MOST as usize);
                again(cx, &letters)?;
                if !letters.is_empty() || resumed {
                    let topic = if letters.is_empty() { RESUMED } else { REDRIVEN };
                    cx.emit(topic, id, &OfSubscription { subscription_id: named, reason: None })?;
                }
                Ok(Output { redriven: letters.len(), more, resumed, position: None })
            }
        }
    }
}

async fn by_id(cx: &Cx, mut ids: Vec<DeadLetterId>) -> Result<Output, Fault> {
    ids.sort_unstable();
    ids.dedup();
    let mut letters = Vec::with_capacity(ids.len());
    for id in ids {
        let letter = cx.load::<DeadLetter>(id.uuid(), Action::Change).await?;
        if letter.value.state == LetterState::Dead {
            letters.push(letter);
        }
    }
    again(cx, &letters)?;
    let mut subscriptions: Vec<Uuid> = letters.iter().map(|letter| letter.value.subscription).collect();
    subscriptions.sort_unstable();
    subscriptions.dedup();
    for id in subscriptions {
        cx.emit(REDRIVEN, id, &OfSubscription { subscription_id: SubscriptionId::from_uuid(id), reason: None })?;
    }
    Ok(Output { redriven: letters.len(), more: false, resumed: false, position: None })
}

fn again(cx: &Cx, letters: &[Stored<DeadLetter>]) -> Result<(), Fault> {
    for letter in letters {
        let redriven = DeadLetter { state: LetterState::Redriven, attempts: 0, ..letter.value.clone() };
        cx.change(letter, &redriven)?;
    }
    Ok(())
}

/// Lets a suspended subscription deliver again.
fn resume(cx: &Cx, stored: &Stored<Subscription>) -> Result<bool, Fault> {
    if stored.value.state == State::Active {
        return Ok(false);
    }
    let active = Subscription { state: State::Active, reason: None, ..stored.value.clone() };
    cx.change(stored, &active)?;
    Ok(true)
}

async fn set_back(
    cx: &Cx,
    subscription: &Stored<Subscription>,
    from: Option<Timestamp>,
    position: Option<i64>,
    resumed: bool,
) -> Result<Output, Fault> {
    let id = subscription.id;
    let beginning = Reading::of(cx)?.beginning(from, position).await?.unwrap_or(0);
    let Some(progress) = cx.get::<Progress>(id).await? else { return Err(Fault::not_found("subscription", id)) };
    let mut back = progress.value.clone();
    back.set_back(beginning);
    back.failed_in_row = 0;
    cx.change(&progress, &back)?;
    cx.emit(RESUMED, id, &OfSubscription { subscription_id: SubscriptionId::from_uuid(id), reason: None })?;
    Ok(Output { redriven: 0, more: false, resumed, position: Some(beginning) })
}
