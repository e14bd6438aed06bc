//! `event_pull`: takes events from a pull queue and acknowledges those that were taken before.

use std::collections::HashMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::events::engine::taking::{Taking, Verdict, acknowledge, release};
use crate::domain::events::faults::NOT_PULLED;
use crate::domain::events::model::letter::{DeadLetter, LetterState};
use crate::domain::events::model::progress::Progress;
use crate::domain::events::model::subscription::{Delivery, Subscription};
use crate::domain::events::reading::{Reading, wants};
use crate::domain::events::topics::{DEAD_LETTERED, OfLetter};
use crate::kernel::fault::Fault;
use crate::kernel::id::{DeadLetterId, SubscriptionId};
use crate::kernel::time::Timestamp;
use crate::port::logs::Entry;
use crate::port::records::{Filter, Query, Scalar};

/// Redriven dead letters that one call offers.
const MOST_LETTERS: u32 = 100;

/// Takes events.
pub(in crate::domain::events) struct Pull;

/// Which queue, what is done, and how much is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Input {
    /// The subscription, whose target is `pull`.
    id: SubscriptionId,
    /// How many events to take at most; 10 when not given, 0 to take none.
    #[serde(default)]
    #[schemars(range(max = 500))]
    limit: Option<u32>,
    /// For how long they are yours, in seconds: what is not acknowledged by then is given to another. 30 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 43200))]
    visibility_seconds: Option<u64>,
    /// Receipts of events that are done.
    #[serde(default)]
    #[schemars(length(max = 1000), inner(range(min = 0)))]
    acknowledge: Vec<u64>,
    /// Receipts of events that are given back, to be taken again at once. Each counts as a failed attempt.
    #[serde(default)]
    #[schemars(length(max = 1000), inner(range(min = 0)))]
    release: Vec<u64>,
}

/// What was taken.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct Output {
    /// The events, in order.
    events: Vec<TakenView>,
    /// How many were acknowledged.
    acknowledged: usize,
    /// Receipts that are not good any more: their time was over, or they were used before.
    stale: Vec<u64>,
    /// Whether more wait that could not be looked at in this call.
    more: bool,
}

/// An event that was taken.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::events) struct TakenView {
    /// Acknowledge it with this.
    receipt: u64,
    /// Its place in the log.
    position: i64,
    /// Its topic.
    topic: String,
    /// How often it was taken, this time included.
    attempt: u32,
    /// Until when it is yours.
    until: Timestamp,
    /// The event: `id`, `topic`, `subject`, `at`, `data` and more.
    event: Value,
}

impl Capability for Pull {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "event_pull",
        Domain::Events,
        Route::post("/subscriptions/{id}/pull"),
        Permit::on(Resource::Events, Action::Change),
        "Takes the next events from a pull subscription and acknowledges earlier ones by receipt. What is not acknowledged \
         within the visibility time is given out again, in order for each key.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let subscription = cx.load::<Subscription>(input.id.uuid(), Action::Change).await?;
        if subscription.value.delivery != Delivery::Pull {
            let say = format!("the events of subscription '{}' are not taken but delivered", input.id);
            return Err(Fault::new(&NOT_PULLED, say));
        }
        let Some(stored) = cx.get::<Progress>(input.id.uuid()).await? else {
            return Err(Fault::not_found("subscription", input.id));
        };
        cx.about::<Subscription>(subscription.id);
        let now = cx.now();
        let mut progress = stored.value.clone();
        let (acknowledged, done, mut stale) = acknowledge(&mut progress, &input.acknowledge, now);
        stale.extend(release(&mut progress, &input.release, now));
        let mut letters = Letters::of(cx, &subscription, done).await?;
        let until = now.plus(Duration::from_secs(input.visibility_seconds.unwrap_or(30)));
        let limit = input.limit.unwrap_or(10) as usize;
        let (events, more) = take(cx, &subscription, &mut progress, &mut letters, until, limit).await?;
        if progress != stored.value {
            cx.change(&stored, &progress)?;
        }
        letters.keep(cx)?;
        Ok(Output { events, acknowledged, stale, more })
    }
}

async fn take(
    cx: &Cx,
    subscription: &Stored<Subscription>,
    progress: &mut Progress,
    letters: &mut Letters,
    until: Timestamp,
    limit: usize,
) -> Result<(Vec<TakenView>, bool), Fault> {
    let (position, most) = (progress.position, subscription.value.retry.attempts);
    let (mut taking, late) = Taking::begin(progress, cx.now(), until, most, limit);
    letters.come_back(late, most, cx.now());
    for (id, failed) in letters.waiting() {
        taking.take_letter(id, failed);
    }
    let mut found: HashMap<i64, Entry> = HashMap::new();
    let mut dead: Vec<Entry> = Vec::new();
    let reading = Reading::of(cx)?;
    let mut before = position;
    let mut full = false;
    let walked = reading.walk(&subscription.value.topics, position, |entry| {
        let place = entry.position;
        if wants(&subscription.value, &entry) && reading.may_hear(&entry) {
            let key = subscription.value.key_of(&entry.stream, &entry.body);
            match taking.look_at(place, &key) {
                Verdict::Taken => drop(found.insert(place, entry)),
                Verdict::Dead => dead.push(entry),
                Verdict::Left => {}
                Verdict::Full => {
                    full = true;
                    return false;
                }
            }
        }
        before = place;
        true
    });
    let reached = walked.await?;
    // What could not be looked at is not passed.
    let scanned = if full { before } else { reached.scanned };
    let (taken, too_often) = taking.end(scanned);
    for entry in dead {
        let attempts = too_often.iter().find(|(place, _)| *place == entry.position).map_or(0, |(_, often)| *often);
        Letters::bury(cx, subscription, progress.round, entry, attempts)?;
    }
    let mut events = Vec::with_capacity(taken.len());
    for one in taken {
        let (place, topic, event) = match one.letter {
            None => match found.remove(&one.position) {
                Some(entry) => (entry.position, entry.stream, entry.body),
                None => continue,
            },
            Some(id) => match letters.event(id) {
                Some(event) => event,
                None => continue,
            },
        };
        let (receipt, attempt, until) = (one.receipt, one.attempts, one.until);
        events.push(TakenView { receipt, position: place, topic, attempt, until, event });
    }
    Ok((events, reached.more))
}

/// The dead letters that are tried again, and what becomes of them.
struct Letters {
    redriven: Vec<Stored<DeadLetter>>,
    changed: HashMap<Uuid, DeadLetter>,
    done: Vec<Uuid>,
}

impl Letters {
    async fn of(cx: &Cx, subscription: &Stored<Subscription>, done: Vec<Uuid>) -> Result<Self, Fault> {
        let filter = Filter::is("subscription", Scalar::Id(subscription.id))
            .and(Filter::is("state", Scalar::Text(LetterState::Redriven.name().to_owned())));
        let query = Query { filter, order: "id", descending: false, after: None, limit: MOST_LETTERS };
        let mut redriven = cx.find::<DeadLetter>(query).await?;
        for id in &done {
            if !redriven.iter().any(|letter| letter.id == *id)
                && let Some(letter) = cx.get::<DeadLetter>(*id).await?
            {
                redriven.push(letter);
            }
        }
        Ok(Self { redriven, changed: HashMap::new(), done })
    }

    /// What was taken and not acknowledged is tried once more, or is dead again.
    fn come_back(&mut self, late: Vec<(Uuid, u32)>, most: u32, now: Timestamp) {
        for (id, attempts) in late {
            let Some(letter) = self.redriven.iter().find(|letter| letter.id == id) else { continue };
            let state = if attempts >= most { LetterState::Dead } else { LetterState::Redriven };
            self.changed.insert(id, DeadLetter { attempts, state, failed_at: now, ..letter.value.clone() });
        }
    }

    fn waiting(&self) -> Vec<(Uuid, u32)> {
        let now = |letter: &Stored<DeadLetter>| self.changed.get(&letter.id).unwrap_or(&letter.value).clone();
        let open = self.redriven.iter().filter(|letter| !self.done.contains(&letter.id));
        let waits = open.map(|letter| (letter.id, now(letter)));
        waits.filter(|(_, now)| now.state == LetterState::Redriven).map(|(id, now)| (id, now.attempts)).collect()
    }

    fn event(&self, id: Uuid) -> Option<(i64, String, Value)> {
        let letter = self.redriven.iter().find(|letter| letter.id == id)?;
        Some((letter.value.position, letter.value.topic.clone(), letter.value.event.clone()))
    }

    /// Keeps an event that was taken too often.
    fn bury(
        cx: &Cx,
        subscription: &Stored<Subscription>,
        round: u32,
        entry: Entry,
        attempts: u32,
    ) -> Result<(), Fault> {
        let (id, topic) = (cx.new_id(), entry.stream);
        let reason = format!("it was taken {attempts} times and never acknowledged");
        let letter = DeadLetter {
            subscription: subscription.id,
            topic: topic.clone(),
            position: entry.position,
            round,
            event: entry.body,
            code: "not_acknowledged".to_owned(),
            reason: reason.clone(),
            attempts,
            failed_at: cx.now(),
            state: LetterState::Dead,
        };
        let belongs = Belongs { owner: subscription.owner, workspace: None, visibility: subscription.visibility };
        cx.create(id, belongs, &letter)?;
        cx.emit(
            DEAD_LETTERED,
            id,
            &OfLetter {
                subscription_id: SubscriptionId::from_uuid(subscription.id),
                letter_id: DeadLetterId::from_uuid(id),
                topic,
                reason,
            },
        )
    }

    fn keep(self, cx: &Cx) -> Result<(), Fault> {
        for letter in &self.redriven {
            if self.done.contains(&letter.id) {
                cx.remove(letter)?;
            } else if let Some(changed) = self.changed.get(&letter.id) {
                cx.change(letter, changed)?;
            }
        }
        Ok(())
    }
}
