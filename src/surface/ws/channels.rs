//! Channels between the clients of one tenant: messages in one order for all, numbered, the last ones kept so that a client
//! that was away for a moment misses nothing, and who is there. They live in memory: an epoch tells one life from the next.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ws::Utf8Bytes;
use dashmap::DashMap;
use serde_json::{Value, json};
use uuid::Uuid;

use super::outbox::Outbox;
use crate::capability::caller::Caller;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, new_uuid};
use crate::kernel::time::Timestamp;

/// Messages kept for those who come back: so many, and together so many bytes.
const KEPT: usize = 256;
const KEPT_BYTES: usize = 1 << 20;
/// Channels at once, over all tenants.
const MOST_CHANNELS: usize = 10_000;
const LONGEST_NAME: usize = 128;

/// All channels.
#[derive(Default)]
pub(super) struct Channels(DashMap<(TenantId, String), Arc<Mutex<Channel>>>);

struct Channel {
    epoch: Uuid,
    seq: i64,
    kept: VecDeque<(i64, Utf8Bytes)>,
    kept_bytes: usize,
    subscribers: HashMap<Uuid, Outbox>,
    members: BTreeMap<Uuid, Value>,
}

/// Who acts on a channel, and over which connection.
pub(super) struct Who<'a> {
    pub(super) connection: Uuid,
    pub(super) caller: &'a Caller,
    pub(super) at: Timestamp,
}

impl Channels {
    /// Lets a connection hear a channel, first what was kept after a number. Answers what the client must know: the last
    /// number, the epoch, and whether messages in between are lost.
    pub(super) fn subscribe(
        &self,
        name: &str,
        who: &Who<'_>,
        outbox: &Outbox,
        after: Option<i64>,
        epoch: Option<&str>,
    ) -> Result<Value, Fault> {
        self.with(name, who, |channel| {
            let same_life = epoch.is_none_or(|epoch| epoch == channel.epoch.to_string());
            let from = if same_life { after } else { after.map(|_| 0) };
            let missed = from.is_some_and(|from| {
                let first = channel.kept.front().map_or(channel.seq + 1, |(seq, _)| *seq);
                !same_life || from > channel.seq || from + 1 < first
            });
            let told = json!({ "seq": channel.seq, "epoch": channel.epoch, "missed": missed });
            if let Some(from) = from {
                channel.kept.iter().filter(|(seq, _)| *seq > from).for_each(|(_, text)| outbox.push(text.clone()));
            }
            channel.subscribers.insert(who.connection, outbox.clone());
            told
        })
    }

    /// Tells a connection no more of a channel.
    pub(super) fn unsubscribe(&self, name: &str, who: &Who<'_>) -> Result<(), Fault> {
        self.with(name, who, |channel| {
            channel.subscribers.remove(&who.connection);
        })
    }

    /// Sends a message to all who hear the channel; answers its number.
    pub(super) fn publish(&self, name: &str, who: &Who<'_>, data: &Value) -> Result<i64, Fault> {
        self.with(name, who, |channel| {
            let from = json!({ "userId": who.caller.user, "name": who.caller.name });
            channel.tell(json!({ "type": "message", "channel": name, "from": from, "at": who.at, "data": data }))
        })
    }

    /// Says that a connection is there, with whatever it says of itself; answers who is there.
    pub(super) fn join(&self, name: &str, who: &Who<'_>, state: &Value) -> Result<Value, Fault> {
        self.with(name, who, |channel| {
            let member = json!({
                "connectionId": who.connection, "userId": who.caller.user, "name": who.caller.name, "since": who.at,
                "state": state,
            });
            let word =
                if channel.members.insert(who.connection, member.clone()).is_some() { "changed" } else { "joined" };
            channel.tell(json!({ "type": "presence", "channel": name, "change": word, "member": member }));
            channel.present()
        })
    }

    /// Says that a connection is not there any more.
    pub(super) fn leave(&self, name: &str, who: &Who<'_>) -> Result<(), Fault> {
        self.with(name, who, |channel| {
            if let Some(member) = channel.members.remove(&who.connection) {
                channel.tell(json!({ "type": "presence", "channel": name, "change": "left", "member": member }));
            }
        })
    }

    /// Who is there.
    pub(super) fn presence(&self, name: &str, who: &Who<'_>) -> Result<Value, Fault> {
        self.with(name, who, |channel| channel.present())
    }

    fn with<T>(&self, name: &str, who: &Who<'_>, act: impl FnOnce(&mut Channel) -> T) -> Result<T, Fault> {
        check(name)?;
        let slot = (who.caller.tenant, name.to_owned());
        let known = self.0.get(&slot).map(|channel| channel.clone());
        let channel = if let Some(channel) = known {
            channel
        } else {
            if self.0.len() >= MOST_CHANNELS {
                self.0.retain(|_, channel| !lock(channel).is_idle());
            }
            if self.0.len() >= MOST_CHANNELS {
                return Err(Fault::new(&codes::UNAVAILABLE, "the server keeps as many channels as it may"));
            }
            self.0.entry(slot).or_insert_with(|| Arc::new(Mutex::new(Channel::new(who.at)))).clone()
        };
        let mut channel = lock(&channel);
        Ok(act(&mut channel))
    }
}

impl Channel {
    fn new(at: Timestamp) -> Self {
        Self {
            epoch: new_uuid(at),
            seq: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            subscribers: HashMap::new(),
            members: BTreeMap::new(),
        }
    }

    /// Numbers a message, keeps it and lets it wait for each subscriber.
    fn tell(&mut self, mut message: Value) -> i64 {
        self.seq += 1;
        message["seq"] = self.seq.into();
        let text: Utf8Bytes = message.to_string().into();
        self.kept_bytes += text.as_str().len();
        self.kept.push_back((self.seq, text.clone()));
        while self.kept.len() > KEPT || self.kept_bytes > KEPT_BYTES {
            let Some((_, gone)) = self.kept.pop_front() else { break };
            self.kept_bytes -= gone.as_str().len();
        }
        self.subscribers.values().for_each(|outbox| outbox.push(text.clone()));
        self.seq
    }

    fn present(&self) -> Value {
        self.members.values().cloned().collect()
    }

    fn is_idle(&self) -> bool {
        self.subscribers.is_empty() && self.members.is_empty()
    }
}

fn lock(channel: &Mutex<Channel>) -> std::sync::MutexGuard<'_, Channel> {
    channel.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check(name: &str) -> Result<(), Fault> {
    let rest = name.strip_prefix("channel:").unwrap_or_default();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.:/".contains(letter);
    if !rest.is_empty() && rest.len() <= LONGEST_NAME && rest.chars().all(plain) {
        return Ok(());
    }
    Err(Fault::bad_input("/channel", "must be 'channel:' and a name of at most 128 letters, digits and _-.:/"))
}
