//! `event_topics`: the topics with their schemas and how much is told on them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::events::EVENTS;
use crate::capability::owned::Stored;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::capability::topics::{Topic, TopicBook, may_hear};
use crate::domain::events::model::topic::CustomTopic;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::logs::TimeQuery;
use crate::port::records::{Comparison, Filter, Query, Scalar, Scope};

/// The rate is reckoned from at most so many of the last events.
const SAMPLE: u32 = 100;
/// The rate is that of so many last minutes.
const MINUTES: u32 = 60;

/// Lists topics.
pub(in crate::domain::events) struct Topics;

/// Which topics.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Input {
    /// Only those whose names begin so, such as `order.`.
    #[serde(default)]
    #[schemars(length(max = 128))]
    prefix: Option<String>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

/// A topic.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct TopicView {
    /// Its name.
    topic: String,
    /// What its events are about.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Whether the program itself tells of it; else somebody publishes to it.
    built_in: bool,
    /// The JSON Schema of its events' data, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Map<String, Value>>,
    /// Counts its schemas from 1; 0 without one.
    version: u32,
    /// Events a minute over the last hour; where there were many, over the time of the last 100.
    per_minute: f64,
    /// When the last one was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_at: Option<Timestamp>,
}

/// A topic of either kind.
enum Either {
    BuiltIn(&'static Topic),
    Custom(Box<Stored<CustomTopic>>),
}

impl Either {
    fn name(&self) -> &str {
        match self {
            Self::BuiltIn(topic) => topic.name,
            Self::Custom(stored) => &stored.value.topic,
        }
    }
}

impl Capability for Topics {
    type Input = Input;
    type Output = Page<TopicView>;
    const SPEC: Spec = Spec::read(
        "event_topics",
        Domain::Events,
        Route::get("/events/topics"),
        Permit::on(Resource::Events, Action::Read),
        "The topics that the caller may hear, by name: what each tells, its JSON Schema, how many events a minute and \
         when the last one was.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let prefix = input.prefix.unwrap_or_default();
        let list = format!("event_topics {} {prefix}", cx.tenant());
        let after: Option<String> =
            input.paging.page_token.as_deref().map(|token| cx.open_page(&list, token)).transpose()?;
        let size = input.paging.size() as usize;
        let mut found = built_in(cx, &prefix, after.as_deref())?;
        found.extend(custom(cx, &prefix, after.as_deref(), input.paging.size() + 1).await?);
        found.sort_by(|one, other| one.name().cmp(other.name()));
        let more = found.len() > size;
        found.truncate(size);
        let next_page_token = match found.last() {
            Some(last) if more => Some(cx.seal_page(&list, &last.name())?),
            _ => None,
        };
        let mut items = Vec::with_capacity(found.len());
        for topic in found {
            items.push(view(cx, topic).await?);
        }
        Ok(Page { items, next_page_token })
    }
}

fn built_in(cx: &Cx, prefix: &str, after: Option<&str>) -> Result<Vec<Either>, Fault> {
    let book = cx.service::<TopicBook>()?;
    let shown = |topic: &&'static Topic| {
        topic.name.starts_with(prefix)
            && after.is_none_or(|after| topic.name > after)
            && may_hear(&book, cx.caller(), topic.name, false)
    };
    Ok(book.iter().filter(shown).map(Either::BuiltIn).collect())
}

async fn custom(cx: &Cx, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<Either>, Fault> {
    if !may_hear(&*cx.service::<TopicBook>()?, cx.caller(), "", true) {
        return Ok(Vec::new());
    }
    let mut filter = Filter::All;
    if !prefix.is_empty() {
        filter = filter.and(Filter::StartsWith("topic", prefix.to_owned()));
    }
    if let Some(after) = after {
        filter = filter.and(Filter::Compare("topic", Comparison::Greater, Scalar::Text(after.to_owned())));
    }
    let query = Query { filter, order: "topic", descending: false, after: None, limit };
    Ok(cx.find::<CustomTopic>(query).await?.into_iter().map(|topic| Either::Custom(Box::new(topic))).collect())
}

async fn view(cx: &Cx, topic: Either) -> Result<TopicView, Fault> {
    let (per_minute, last_at) = rate(cx, topic.name()).await?;
    Ok(match topic {
        Either::BuiltIn(topic) => TopicView {
            topic: topic.name.to_owned(),
            description: Some(topic.about.to_owned()),
            built_in: true,
            schema: Some((*(topic.data)()).clone()),
            version: 1,
            per_minute,
            last_at,
        },
        Either::Custom(stored) => TopicView {
            topic: stored.value.topic,
            description: stored.value.description,
            built_in: false,
            schema: stored.value.schema,
            version: stored.value.version,
            per_minute,
            last_at,
        },
    })
}

/// How many events a minute, and when the last one was.
async fn rate(cx: &Cx, topic: &str) -> Result<(f64, Option<Timestamp>), Fault> {
    let now = cx.now();
    let filter = Filter::is("stream", Scalar::Text(topic.to_owned()));
    let query = TimeQuery { filter, beyond: None, descending: true, limit: SAMPLE };
    let scope = Scope::Tenant(cx.tenant());
    let entries = cx.platform().store.entries_by_time(scope, &EVENTS, query).await.map_err(store_fault)?;
    let hour_ago = now.minus(std::time::Duration::from_secs(60 * u64::from(MINUTES)));
    let recent = entries.iter().take_while(|entry| entry.at >= hour_ago).count();
    let recent = u32::try_from(recent).unwrap_or(u32::MAX);
    let oldest = entries.last().map_or(now, |entry| entry.at);
    let minutes = if recent == SAMPLE {
        // As many as were looked at: over the time that they took, of a second at least.
        (now.since(oldest).as_secs_f64() / 60.0).max(1.0 / 60.0)
    } else {
        f64::from(MINUTES)
    };
    let per_minute = (f64::from(recent) / minutes * 100.0).round() / 100.0;
    Ok((per_minute, entries.first().map(|entry| entry.at)))
}
