//! `event_publish`: publishes events of one's own.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::events::Event;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::capability::topics::{TopicBook, is_topic};
use crate::domain::events::engine::schemas::Schemas;
use crate::domain::events::faults::{RESERVED_TOPIC, TOO_MANY, TOO_MANY_HOPS};
use crate::domain::events::model::topic::CustomTopic;
use crate::kernel::fault::{Fault, Violation};
use crate::kernel::id::EventId;
use crate::kernel::time::Timestamp;

/// The most bytes that an event's data has.
const MOST_BYTES: usize = 256 * 1024;
/// Clocks go so far apart.
const CLOCKS_APART: Duration = Duration::from_mins(5);
/// The counter of topics of a tenant.
pub(super) const TOPICS: &str = "event_topics";

/// Publishes events.
pub(in crate::domain::events) struct Publish;

/// What happened.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Input {
    /// The event.
    #[serde(flatten)]
    first: Said,
    /// The `hops` of the event that this one answers, where a program outside publishes because of one: a circle is noticed
    /// by it.
    #[serde(default)]
    #[schemars(range(max = 1000))]
    hops: Option<u32>,
    /// Further events, published with it in this order: all or none.
    #[serde(default)]
    #[schemars(length(max = 499))]
    more: Vec<Said>,
}

/// An event to publish.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Said {
    /// What kind of thing happened: words with dots between, such as `order.created`.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"))]
    topic: String,
    /// What there is to say about it: whatever fits the topic's schema, where it has one.
    event: Map<String, Value>,
    /// When it happened; now when not given.
    #[serde(default)]
    timestamp: Option<Timestamp>,
    /// What it happened to: an id or a name.
    #[serde(default)]
    #[schemars(length(max = 200))]
    subject: Option<String>,
    /// Events of one key are delivered in order; the subject when not given.
    #[serde(default)]
    #[schemars(length(max = 200))]
    key: Option<String>,
}

/// What was published.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Output {
    /// The event's id.
    id: EventId,
    /// Its topic.
    topic: String,
    /// When it was published.
    published_at: Timestamp,
    /// The ids of all events, the first one included, in order.
    ids: Vec<EventId>,
}

impl Capability for Publish {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "event_publish",
        Domain::Events,
        Route::post("/events"),
        Permit::on(Resource::Events, Action::Create),
        "Publishes an event of your own, or many at once, on a topic: it is held against the topic's schema, kept, and \
         delivered at least once to every subscription that it fits.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let hops = hops(cx, input.hops)?;
        let topic = input.first.topic.clone();
        let all: Vec<Said> = std::iter::once(input.first).chain(input.more).collect();
        let topics = topics(cx, &all).await?;
        check(cx, &all, &topics)?;
        let mut ids = Vec::with_capacity(all.len());
        for said in all {
            let id = EventId::new(cx.now());
            cx.tell(Event {
                id,
                topic: said.topic,
                tenant_id: cx.tenant(),
                subject: said.subject.unwrap_or_default(),
                at: said.timestamp.unwrap_or_else(|| cx.now()),
                request_id: cx.call().id,
                key: said.key,
                hops,
                traceparent: cx.call().trace,
                publisher: Some(cx.caller().user),
                data: said.event.into(),
            })?;
            ids.push(id);
        }
        let Some(id) = ids.first().copied() else { return Err(Fault::internal("nothing was published")) };
        Ok(Output { id, topic, published_at: cx.now(), ids })
    }
}

/// How far from its beginning a chain of subscriptions is with this call.
fn hops(cx: &Cx, told: Option<u32>) -> Result<u32, Fault> {
    // Who tells the hops of what it answers is one said.
    let hops = told.map_or(0, |told| told.saturating_add(1)).max(cx.hops());
    let most = cx.platform().config.events.most_hops;
    if hops > most {
        let say = format!("the event would be the last of a chain of {hops} subscriptions, at most {most} are allowed");
        return Err(Fault::new(&TOO_MANY_HOPS, say));
    }
    Ok(hops)
}

/// Where in the input an event lies.
fn place(number: usize, property: &str) -> String {
    if number == 0 { format!("/{property}") } else { format!("/more/{}/{property}", number - 1) }
}

/// The topics by name, `None` for those that are not known yet. These are made.
async fn topics(cx: &Cx, all: &[Said]) -> Result<BTreeMap<String, Option<Stored<CustomTopic>>>, Fault> {
    let book = cx.service::<TopicBook>()?;
    let mut topics = BTreeMap::new();
    for (number, said) in all.iter().enumerate() {
        if topics.contains_key(&said.topic) {
            continue;
        }
        if !is_topic(&said.topic) {
            return Err(Fault::bad_input(place(number, "topic"), "must be words with dots between"));
        }
        if book.is_reserved(&said.topic) {
            let say = format!("only the program itself tells of '{}'", said.topic);
            let detail = serde_json::json!({ "pointer": place(number, "topic"), "topic": said.topic });
            return Err(Fault::new(&RESERVED_TOPIC, say).with_detail(detail));
        }
        let found = cx.get::<CustomTopic>(CustomTopic::id_of(&said.topic)).await?;
        topics.insert(said.topic.clone(), found);
    }
    let new: Vec<&String> = topics.iter().filter(|(_, known)| known.is_none()).map(|(name, _)| name).collect();
    if !new.is_empty() {
        make(cx, &new).await?;
    }
    // A schema that is set meanwhile makes this call be run again.
    topics.values().flatten().filter(|topic| topic.value.schema.is_some()).for_each(|topic| cx.hold(topic));
    Ok(topics)
}

/// Makes topics that are published to for the first time.
async fn make(cx: &Cx, names: &[&String]) -> Result<(), Fault> {
    room_for(cx, names.len()).await?;
    for name in names {
        cx.create(CustomTopic::id_of(name), cx.belongs_to_caller(), &CustomTopic::named(name, cx.caller().user))?;
    }
    Ok(())
}

/// Counts new topics against what the tenant may have.
pub(super) async fn room_for(cx: &Cx, new: usize) -> Result<(), Fault> {
    let most = i64::try_from(cx.platform().config.events.topics).unwrap_or(i64::MAX);
    let new = i64::try_from(new).unwrap_or(i64::MAX);
    let scope = crate::port::records::Scope::Tenant(cx.tenant());
    let have = cx.platform().store.counter(scope, TOPICS, "").await.map_err(crate::capability::cx::store_fault)?;
    if have.saturating_add(new) > most {
        let say = format!("the tenant has {have} topics of its own and may have {most}");
        return Err(Fault::new(&TOO_MANY, say));
    }
    cx.count(TOPICS, String::new(), new, Some(most));
    Ok(())
}

/// Everything that is wrong with the events, told at once.
fn check(cx: &Cx, all: &[Said], topics: &BTreeMap<String, Option<Stored<CustomTopic>>>) -> Result<(), Fault> {
    let schemas = cx.service::<Schemas>()?;
    let latest = cx.now().plus(CLOCKS_APART);
    let mut wrong = Vec::new();
    for (number, said) in all.iter().enumerate() {
        if said.timestamp.is_some_and(|at| at > latest) {
            let message = "must not lie in the future: an event is what happened".to_owned();
            wrong.push(Violation { pointer: place(number, "timestamp"), message });
        }
        let data = Value::Object(said.event.clone());
        if data.to_string().len() > MOST_BYTES {
            let message =
                format!("must be at most {MOST_BYTES} bytes of JSON: keep what is large elsewhere and name it");
            wrong.push(Violation { pointer: place(number, "event"), message });
            continue;
        }
        if let Some(Some(topic)) = topics.get(&said.topic) {
            wrong.extend(schemas.misfits(cx.tenant(), topic, &data, &place(number, "event"))?);
        }
        if wrong.len() >= 50 {
            break;
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
}
