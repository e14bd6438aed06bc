//! `event_subscribe`: which events go where.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx, forbidden};
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::capability::topics::{Pattern, TopicBook, may_subscribe};
use crate::domain::events::engine::filter::{Condition, nonsense};
use crate::domain::events::engine::targets;
use crate::domain::events::faults::TOO_MANY;
use crate::domain::events::model::progress::Progress;
use crate::domain::events::model::subscription::{Delivery, Order, Retry, State, Subscription};
use crate::domain::events::reading::Reading;
use crate::domain::events::topics::{OfSubscription, SUBSCRIBED};
use crate::domain::events::views::SubscriptionView;
use crate::kernel::fault::{Fault, Violation};
use crate::kernel::id::SubscriptionId;
use crate::kernel::time::Timestamp;
use crate::port::records::Visibility;

/// The counter of subscriptions of a tenant.
pub(super) const SUBSCRIPTIONS: &str = "event_subscriptions";

/// Makes a subscription.
pub(in crate::domain::events) struct Subscribe;

/// Which events, and where they go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Input {
    /// What it is for, as lists show it.
    #[serde(default)]
    #[schemars(length(max = 100))]
    name: Option<String>,
    /// The topics: names in which `*` stands for anything, such as `order.*`.
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.*-]+$")))]
    topics: Vec<String>,
    /// Conditions on an event's fields, all of which must hold.
    #[serde(default)]
    #[schemars(length(max = 20))]
    filter: Vec<Condition>,
    /// Where the events go.
    target: TargetInput,
    /// Which events wait for each other: those of one `key` (or else subject), or `all`.
    #[serde(default)]
    order: Order,
    /// Begin with the events since this moment; with those from now on when neither this nor `fromPosition` is given.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Begin with the event of this position.
    #[serde(default)]
    #[schemars(range(min = 0))]
    from_position: Option<i64>,
    /// How often an event is tried in all before it is a dead letter; 8 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 50))]
    attempts: Option<u32>,
    /// The wait after the first failure, in seconds; each next one is twice as long. 1 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3600))]
    first_retry_seconds: Option<u64>,
    /// No wait is longer, in seconds; 3600 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 86400))]
    longest_retry_seconds: Option<u64>,
    /// How many deliveries may be under way at once, those that wait for each other apart; 8 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 32))]
    concurrency: Option<u32>,
}

/// Where events go.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct TargetInput {
    /// `webhook`: a signed HTTP request to `url`. `tool`: a call of `tool` on your behalf. `channel`: a message on a WebSocket
    /// channel. `pull`: nothing is sent, the events are taken with `event_pull`.
    #[serde(rename = "type")]
    pub kind: Delivery,
    /// A webhook's address.
    #[serde(default)]
    #[schemars(length(max = 2048))]
    pub url: Option<String>,
    /// How long a webhook's answer may take; 15 seconds when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 60))]
    pub timeout_seconds: Option<u64>,
    /// The tool to call.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub tool: Option<String>,
    /// What is always in the tool's input.
    #[serde(default)]
    pub input: Option<Map<String, Value>>,
    /// What of the event goes into the tool's input: by the input's name, where in the event it is, such as `/data/userId`.
    #[serde(default)]
    pub fields: Option<BTreeMap<String, String>>,
    /// The WebSocket channel, such as `channel:orders`.
    #[serde(default)]
    #[schemars(length(max = 128))]
    pub channel: Option<String>,
}

/// The new subscription.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Output {
    /// The subscription.
    #[serde(flatten)]
    view: SubscriptionView,
    /// A webhook's secret, by which the receiver checks the signature. It is shown this once and cannot be read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// What happened after this position is delivered.
    position: i64,
}

impl Capability for Subscribe {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "event_subscribe",
        Domain::Events,
        Route::post("/subscriptions"),
        Permit::on(Resource::Events, Action::Create),
        "Sends events to a signed webhook, a tool, a WebSocket channel or a pull queue: by topic pattern and field filter, \
         at least once, in order, retried. Only what you may hear is sent. A webhook's secret is shown once.",
    )
    .shows_secret();

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let topics = patterns(cx, &input.topics)?;
        let nonsense = nonsense(&input.filter, "/filter");
        if !nonsense.is_empty() {
            return Err(Fault::violations(nonsense));
        }
        let retry = retry(&input)?;
        let id = cx.new_id();
        let made = targets::target(cx, id, input.target, &topics).await?;
        let reading = Reading::of(cx)?;
        let position = match reading.beginning(input.from, input.from_position).await? {
            Some(position) => position,
            None => reading.newest().await?,
        };
        let subscription = Subscription {
            name: input.name.filter(|name| !name.trim().is_empty()),
            topics,
            filter: input.filter,
            delivery: made.kind,
            target: made.target,
            order: input.order,
            retry,
            concurrency: input.concurrency.unwrap_or(8),
            user: cx.caller().user,
            key: cx.caller().principal.key(),
            bound: cx.caller().bound.as_deref().cloned(),
            state: State::Active,
            reason: None,
        };
        keep(cx, id, &subscription, position).await?;
        let secret = made.secret.map(|secret| secret.reveal().to_owned());
        Ok(Output { view: SubscriptionView::of(stored(cx, id, subscription)), secret, position })
    }
}

async fn keep(cx: &Cx, id: Uuid, subscription: &Subscription, position: i64) -> Result<(), Fault> {
    let most = i64::try_from(cx.platform().config.events.subscriptions).unwrap_or(i64::MAX);
    let scope = crate::port::records::Scope::Tenant(cx.tenant());
    let counted = cx.platform().store.counter(scope, SUBSCRIPTIONS, "").await;
    let have = counted.map_err(crate::capability::cx::store_fault)?;
    if have >= most {
        return Err(Fault::new(&TOO_MANY, format!("the tenant has {have} subscriptions and may have {most}")));
    }
    cx.count(SUBSCRIPTIONS, String::new(), 1, Some(most));
    let owner = Some(cx.caller().user.uuid());
    let belongs = Belongs { owner, workspace: None, visibility: Visibility::Private };
    cx.create(id, belongs, subscription)?;
    cx.create(id, belongs, &Progress::after(position))?;
    cx.emit(SUBSCRIBED, id, &OfSubscription { subscription_id: SubscriptionId::from_uuid(id), reason: None })
}

/// The patterns, if the caller may hear what they name.
fn patterns(cx: &Cx, texts: &[String]) -> Result<Vec<Pattern>, Fault> {
    let book = cx.service::<TopicBook>()?;
    let mut patterns = Vec::with_capacity(texts.len());
    for (number, text) in texts.iter().enumerate() {
        let pointer = format!("/topics/{number}");
        let Some(pattern) = Pattern::parse(text) else {
            return Err(Fault::bad_input(pointer, "must be a topic such as order.created or order.*"));
        };
        if patterns.contains(&pattern) {
            return Err(Fault::bad_input(pointer, format!("'{text}' is there already")));
        }
        if text.split('.').any(str::is_empty) {
            return Err(Fault::bad_input(pointer, "no topic has an empty word: look at the dots"));
        }
        if !may_subscribe(&book, cx.caller(), &pattern) {
            let permit = Permit::on(Resource::Audit, Action::Read);
            let say = format!("'{text}' tells of what the caller may not hear; {permit} lets one hear everything");
            return Err(Fault::new(forbidden(permit).code(), say)
                .with_detail(serde_json::json!({ "pointer": pointer, "topic": text, "permission": permit })));
        }
        patterns.push(pattern);
    }
    Ok(patterns)
}

fn retry(input: &Input) -> Result<Retry, Fault> {
    let first_seconds = input.first_retry_seconds.unwrap_or(1);
    let longest_seconds = input.longest_retry_seconds.unwrap_or_else(|| first_seconds.max(3600));
    if longest_seconds < first_seconds {
        let message = format!("must be at least firstRetrySeconds, {first_seconds}");
        return Err(Fault::violations(vec![Violation { pointer: "/longestRetrySeconds".to_owned(), message }]));
    }
    Ok(Retry { attempts: input.attempts.unwrap_or(8), first_seconds, longest_seconds })
}

fn stored(cx: &Cx, id: Uuid, value: Subscription) -> Stored<Subscription> {
    let (owner, now) = (Some(cx.caller().user.uuid()), cx.now());
    let visibility = Visibility::Private;
    Stored { id, revision: 1, owner, workspace: None, visibility, created_at: now, updated_at: now, value }
}
