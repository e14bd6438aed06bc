//! `event_replay`: events of the past, to the caller.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::capability::topics::Pattern;
use crate::domain::events::model::subscription::Subscription;
use crate::domain::events::reading::{Reading, wants};
use crate::domain::events::views::EventView;
use crate::kernel::fault::Fault;
use crate::kernel::id::SubscriptionId;
use crate::kernel::time::Timestamp;

/// Replays events.
pub(in crate::domain::events) struct Replay;

/// Which events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Input {
    /// Those since this moment; all that are kept when neither this nor `fromPosition` is given.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Those from this position on.
    #[serde(default)]
    #[schemars(range(min = 0))]
    from_position: Option<i64>,
    /// Those before this moment.
    #[serde(default)]
    to: Option<Timestamp>,
    /// Those of this topic, in which `*` stands for anything; all that the caller may hear when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9_.*-]+$"))]
    topic: Option<String>,
    /// Those that fit this subscription.
    #[serde(default)]
    subscription_id: Option<SubscriptionId>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

impl Capability for Replay {
    type Input = Input;
    type Output = Page<EventView>;
    const SPEC: Spec = Spec::read(
        "event_replay",
        Domain::Events,
        Route::get("/events/replay"),
        Permit::on(Resource::Events, Action::Read),
        "Past events in order from a time or position, by topic or as a subscription gets them, answered to you. To send \
         them to a subscription once more, use event_redrive with from or fromPosition.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        if let (Some(from), Some(to)) = (input.from, input.to)
            && from >= to
        {
            return Err(Fault::bad_input("/to", "must be later than 'from'"));
        }
        let subscription = match input.subscription_id {
            Some(id) => Some(cx.load::<Subscription>(id.uuid(), Action::Read).await?.value),
            None => None,
        };
        let mut patterns = subscription.as_ref().map_or_else(Vec::new, |one| one.topics.clone());
        let topic = input.topic.as_deref().map(pattern).transpose()?;
        if let Some(topic) = &topic {
            patterns = vec![topic.clone()];
        }
        let reading = Reading::of(cx)?;
        let list = format!(
            "event_replay {} {:?} {:?} {:?} {:?} {:?}",
            cx.tenant(),
            input.from,
            input.from_position,
            input.to,
            input.topic,
            input.subscription_id
        );
        let beginning = reading.beginning(input.from, input.from_position).await?.unwrap_or(0);
        let after = match input.paging.page_token.as_deref() {
            Some(token) => cx.open_page::<i64>(&list, token)?,
            None => beginning,
        };
        let size = input.paging.size() as usize;
        let mut items: Vec<EventView> = Vec::new();
        let mut over = false;
        let walked = reading.walk(&patterns, after, |entry| {
            if input.to.is_some_and(|to| entry.at >= to) {
                over = true;
                return false;
            }
            let fits = topic.as_ref().is_none_or(|topic| topic.fits(&entry.stream))
                && subscription.as_ref().is_none_or(|one| wants(one, &entry))
                && reading.may_hear(&entry);
            if fits {
                items.push(entry.into());
            }
            items.len() < size
        });
        let reached = walked.await?;
        let next_page_token = if reached.more && !over { Some(cx.seal_page(&list, &reached.scanned)?) } else { None };
        Ok(Page { items, next_page_token })
    }
}

fn pattern(text: &str) -> Result<Pattern, Fault> {
    Pattern::parse(text).ok_or_else(|| Fault::bad_input("/topic", "must be a topic such as order.created or order.*"))
}
