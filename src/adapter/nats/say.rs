//! What instances tell each other besides events: that something was committed, and who copies the log. Nothing hangs on it but
//! how soon something is done: who copies is fenced by the stream itself.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use bytes::Bytes;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::{NatsBus, locked};
use crate::port::bus::Arrival;

/// How often the one who copies says so.
pub(super) const EVERY: Duration = Duration::from_millis(250);
/// What the one who copies said is worth so much time.
const WORTH: Duration = Duration::from_secs(1);
/// One who has said nothing for so long is gone.
pub(super) const GONE: Duration = Duration::from_millis(1500);
/// That something was committed is not told more often.
const TELL_EVERY: Duration = Duration::from_millis(1);

/// What the one who copies says.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    by: Uuid,
    /// Up to this place of the log everything is in the stream, and nothing more was committed.
    to: Option<i64>,
    /// Copies no more.
    #[serde(default)]
    gone: bool,
}

/// Who copies, as far as it was heard.
#[derive(Debug)]
pub(super) struct Leader {
    by: Uuid,
    at: Option<Instant>,
    to: i64,
    told: Option<Instant>,
    /// It has said that it goes.
    left: bool,
}

impl Leader {
    pub(super) fn nobody() -> Self {
        Self { by: Uuid::nil(), at: None, to: 0, told: None, left: false }
    }

    /// Whether there was one who is not there any more.
    pub(super) fn is_gone(&self) -> bool {
        self.left || self.at.is_some_and(|at| at.elapsed() >= GONE)
    }

    /// Whether what was told lately goes no further than this.
    pub(super) fn has_told_all(&self, through: i64) -> bool {
        self.to <= through && self.told.is_some_and(|told| told.elapsed() < WORTH)
    }

    /// Whether the stream goes further than this, as it was told.
    pub(super) fn has_told_more(&self, through: i64) -> bool {
        self.to > through && self.told.is_some()
    }

    /// Who was heard in the last moments.
    pub(super) fn heard(&self, within: Duration) -> Option<Uuid> {
        self.at.filter(|at| at.elapsed() < within).map(|_| self.by)
    }
}

fn subject(bus: &NatsBus, word: &str) -> String {
    format!("{}.s-{}.{word}", bus.settings.stream, bus.settings.voice)
}

/// Hears what others say, and what this one says itself.
pub(super) async fn hear(bus: &NatsBus, client: &Client) {
    let (all, lead) = (subject(bus, "*"), subject(bus, "lead"));
    loop {
        let Ok(mut words) = client.subscribe(all.clone()).await else {
            tokio::time::sleep(EVERY).await;
            continue;
        };
        while let Some(word) = words.next().await {
            if word.subject.as_str() != lead {
                bus.nudged.notify_one();
            } else if let Ok(said) = serde_json::from_slice::<Said>(&word.payload) {
                take(bus, &said);
            }
        }
    }
}

fn take(bus: &NatsBus, said: &Said) {
    let mut leader = locked(&bus.leader);
    // Of two who copy the one with the lower number goes on; what the other says counts until it has heard so.
    let lower = leader.heard(GONE).is_some_and(|by| by < said.by);
    if said.gone {
        if leader.by == said.by {
            *leader = Leader { left: true, ..Leader::nobody() };
            bus.nudged.notify_one();
        }
        return;
    }
    if !lower {
        (leader.by, leader.at, leader.left) = (said.by, Some(Instant::now()), false);
    }
    if let Some(to) = said.to {
        (leader.to, leader.told) = (to, Some(Instant::now()));
    }
}

/// Tells whoever copies that something was committed here.
pub(super) async fn tell(bus: &NatsBus, client: &Client) {
    let wrote = subject(bus, "wrote");
    loop {
        bus.committed.notified().await;
        if bus.leads.load(Ordering::Acquire) {
            bus.nudged.notify_one();
        } else if bus.line.is_up() {
            // One that is lost is made up for when the one who copies looks by itself.
            let _ = client.publish(wrote.clone(), Bytes::new()).await;
        }
        tokio::time::sleep(TELL_EVERY).await;
    }
}

/// Says that this instance copies, and how far it is where it knows of nothing beyond.
pub(super) async fn lead(bus: &NatsBus, client: &Client, to: Option<i64>) {
    say(bus, client, &Said { by: bus.settings.instance, to, gone: false }).await;
}

/// Says that this instance copies no more, so that another takes over at once.
pub(super) async fn go(bus: &NatsBus, client: &Client) {
    if bus.line.is_up() {
        say(bus, client, &Said { by: bus.settings.instance, to: None, gone: true }).await;
        let _ = tokio::time::timeout(EVERY, client.flush()).await;
    }
}

async fn say(bus: &NatsBus, client: &Client, said: &Said) {
    let Ok(payload) = serde_json::to_vec(said) else { return };
    let _ = client.publish(subject(bus, "lead"), payload.into()).await;
}

/// Lets everybody look who waits for events.
pub(super) fn wake_all(bus: &NatsBus) {
    // Nobody waiting is not a fault.
    let _ = bus.arrivals.send(Arrival::Anything);
}
