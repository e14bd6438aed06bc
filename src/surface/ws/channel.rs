//! One channel: its messages in one order and numbered, the last ones kept, those who hear it and those who are there.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

use super::outbox::{Outbox, Room, weight_of};
use crate::capability::caller::Caller;
use crate::kernel::id::new_uuid;
use crate::kernel::time::Timestamp;

/// Messages kept for those who come back: so many, and together so many bytes.
pub(super) const KEPT: usize = 256;
pub(super) const KEPT_BYTES: usize = 1 << 20;
/// What a kept message takes beside its text.
const MESSAGE_BYTES: usize = 64;
/// What hearing a channel puts in line at most: all that is kept, and the answer.
pub(super) const REPLAY: usize = weight_of(KEPT + 1, KEPT_BYTES + 1024);

/// Who acts on a channel, and over which connection.
pub(super) struct Who<'a> {
    pub(super) connection: Uuid,
    pub(super) caller: &'a Caller,
    pub(super) at: Timestamp,
}

impl Who<'_> {
    /// What is told of them where they are.
    pub(super) fn member(&self, state: &Value) -> Value {
        json!({
            "connectionId": self.connection, "userId": self.caller.user, "name": self.caller.name, "since": self.at,
            "state": state,
        })
    }

    /// Whom they are told to be where they say something.
    pub(super) fn speaker(&self) -> Value {
        json!({ "userId": self.caller.user, "name": self.caller.name })
    }
}

/// From where on a client wants to hear a channel, and which life of the channel it knows.
pub(super) struct From<'a> {
    pub(super) after: Option<i64>,
    pub(super) epoch: Option<&'a str>,
}

pub(super) struct Channel {
    epoch: Uuid,
    seq: i64,
    kept: VecDeque<Kept>,
    kept_bytes: usize,
    subscribers: HashMap<Uuid, Outbox>,
    members: BTreeMap<Uuid, Value>,
    /// When it was last used.
    used: Timestamp,
}

struct Kept {
    seq: i64,
    /// Its place among all that was said in the tenant.
    age: u64,
    text: Utf8Bytes,
}

impl Kept {
    fn bytes(&self) -> usize {
        self.text.as_str().len() + MESSAGE_BYTES
    }
}

/// What telling a message changed in the bytes that a channel keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) more: usize,
    pub(super) fewer: usize,
}

impl Channel {
    pub(super) fn new(at: Timestamp) -> Self {
        Self {
            epoch: new_uuid(at),
            seq: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            subscribers: HashMap::new(),
            members: BTreeMap::new(),
            used: at,
        }
    }

    /// Puts what is kept in line, then the answer, and lets the client hear what comes from then on: nothing comes between.
    /// The answer tells the last number, the epoch, and whether messages in between are lost.
    pub(super) fn subscribe(
        &mut self,
        who: &Who<'_>,
        outbox: &Outbox,
        from: &From<'_>,
        mut room: Room,
        answer: impl FnOnce(Value) -> Utf8Bytes,
    ) {
        self.used = who.at;
        let same_life = from.epoch.is_none_or(|epoch| epoch == self.epoch.to_string());
        let after = if same_life { from.after } else { from.after.map(|_| 0) };
        let missed = after.is_some_and(|after| {
            let first = self.kept.front().map_or(self.seq + 1, |kept| kept.seq);
            !same_life || after > self.seq || after.saturating_add(1) < first
        });
        if let Some(after) = after {
            self.kept.iter().filter(|kept| kept.seq > after).for_each(|kept| room.push(kept.text.clone()));
        }
        room.push(answer(json!({ "seq": self.seq, "epoch": self.epoch, "missed": missed })));
        self.subscribers.insert(who.connection, outbox.clone());
    }

    pub(super) fn unsubscribe(&mut self, who: &Who<'_>) {
        self.used = who.at;
        self.subscribers.remove(&who.connection);
    }

    /// Notes that a connection is there; answers the word for it.
    pub(super) fn join(&mut self, who: &Who<'_>, member: Value) -> &'static str {
        if self.members.insert(who.connection, member).is_some() { "changed" } else { "joined" }
    }

    pub(super) fn leave(&mut self, who: &Who<'_>) -> Option<Value> {
        self.used = who.at;
        self.members.remove(&who.connection)
    }

    pub(super) fn has_member(&self, connection: Uuid) -> bool {
        self.members.contains_key(&connection)
    }

    pub(super) fn members(&self) -> &BTreeMap<Uuid, Value> {
        &self.members
    }

    /// Numbers a message, keeps it and puts it in line for each who hears.
    pub(super) fn tell(&mut self, mut message: Value, age: u64, at: Timestamp) -> (i64, Change) {
        self.used = at;
        self.seq += 1;
        message["seq"] = self.seq.into();
        let text: Utf8Bytes = message.to_string().into();
        self.subscribers.values().for_each(|outbox| outbox.push(text.clone()));
        let kept = Kept { seq: self.seq, age, text };
        let mut change = Change { more: kept.bytes(), fewer: 0 };
        self.kept_bytes += kept.bytes();
        self.kept.push_back(kept);
        while self.kept.len() > KEPT || self.kept_bytes > KEPT_BYTES {
            change.fewer += self.forget_one();
        }
        (self.seq, change)
    }

    /// Forgets the oldest message; answers the bytes that it took.
    pub(super) fn forget_one(&mut self) -> usize {
        let bytes = self.kept.pop_front().map_or(0, |kept| kept.bytes());
        self.kept_bytes -= bytes;
        bytes
    }

    /// The age of the oldest message kept.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.kept.front().map(|kept| kept.age)
    }

    pub(super) fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Since when nobody hears it or is there; `None` while somebody does.
    pub(super) fn idle_since(&self) -> Option<Timestamp> {
        (self.subscribers.is_empty() && self.members.is_empty()).then_some(self.used)
    }
}
