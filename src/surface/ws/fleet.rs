//! Channels that several instances on one store share (`capability::channels`). What is said is written to a log; each instance
//! follows it and tells its own clients, so that all hear the same in the same order. A message's number is its place in the
//! log: it is the same everywhere, and grows with gaps. What came while a client was away is read from the log.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use dashmap::DashMap;
use serde_json::{Value, json};
use tokio::sync::{OnceCell, oneshot};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

use super::channel::{From, KEPT, KEPT_BYTES, Who};
use super::channels::{MOST_OF_TENANT, MOST_PRESENT, check_state, crowded};
use super::outbox::{Outbox, Room, TOO_SLOW};
use crate::capability::caller::Caller;
use crate::capability::channels::{self, CHANNEL_MEMBER, CHANNELS, KEPT_FOR, Member, Said};
use crate::capability::cx::store_fault;
use crate::capability::events::Ways;
use crate::capability::platform::Platform;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, new_uuid};
use crate::kernel::reading;
use crate::kernel::tasks;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Entry, LogQuery};
use crate::port::records::{Filter, Scalar, Scope};
use crate::port::store::{Expect, Step, StoreFault};

/// Entries read at once.
const PAGE: u32 = 500;
/// Also without a sign the log is read so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Channels of one tenant that clients of this instance hear.
const MOST_CHANNELS: usize = 1000;
/// Messages that may come while a client is still being told of what came before.
const MOST_MEANWHILE: usize = 1024;
/// So long whoever says something waits for its number.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far marks are apart, and for how long they are kept: less than the log keeps entries.
const MARK_EVERY: Duration = Duration::from_secs(30);
const MARKS_LAST: Duration = Duration::from_mins(10);

/// The channels of this instance's clients.
pub(super) struct Shared {
    platform: Arc<Platform>,
    instance: i32,
    /// The one life of all channels: that of the log.
    epoch: String,
    begun: OnceCell<()>,
    /// Up to this place everything was told.
    at: AtomicI64,
    tenants: DashMap<TenantId, HashMap<String, HashMap<Uuid, Hearer>>>,
    /// Who waits for the number of what they said.
    waiting: DashMap<Uuid, oneshot::Sender<i64>>,
    joined: Mutex<HashMap<(Uuid, String), Joined>>,
    /// Where the log ended at moments of the last minutes: all that came since is still there.
    marks: Mutex<VecDeque<(Timestamp, i64)>>,
}

/// A client that hears a channel.
struct Hearer {
    outbox: Outbox,
    /// Only what comes after this place is news to it.
    beyond: i64,
    /// What came while it was told of what was before.
    meanwhile: Option<Vec<(i64, Utf8Bytes)>>,
}

/// Where a client is: its document, and what is told of it.
struct Joined {
    id: Uuid,
    member: Value,
}

/// Ends waiting for a number, however that comes.
struct Waits<'a> {
    waiting: &'a DashMap<Uuid, oneshot::Sender<i64>>,
    id: Uuid,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.waiting.remove(&self.id);
    }
}

/// What came while somebody was away.
struct Missed {
    messages: Vec<Utf8Bytes>,
    /// Some of it is not there any more.
    is_lost: bool,
    beyond: i64,
}

impl Shared {
    /// The channels of a program whose store several instances share; `None` where it is alone.
    pub(super) fn begin(platform: &Arc<Platform>) -> Option<Arc<Self>> {
        let instance = platform.store.instance()?;
        let ways = platform.service::<Ways>().ok()?;
        let mut half = [0; 16];
        half.copy_from_slice(&platform.seal.derive("channels", b"epoch")[..16]);
        let shared = Arc::new(Self {
            platform: platform.clone(),
            instance,
            epoch: Uuid::from_bytes(half).to_string(),
            begun: OnceCell::new(),
            at: AtomicI64::new(0),
            tenants: DashMap::new(),
            waiting: DashMap::new(),
            joined: Mutex::default(),
            marks: Mutex::default(),
        });
        drop(tasks::spawn(follow(Arc::downgrade(&shared), ways)));
        Some(shared)
    }

    /// Lets a connection hear a channel, first what came after a number, then the answer. `room` holds all of it.
    pub(super) async fn subscribe(
        &self,
        name: &str,
        who: &Who<'_>,
        outbox: &Outbox,
        from: &From<'_>,
        mut room: Room,
        answer: impl FnOnce(Value) -> Utf8Bytes,
    ) -> Result<(), Fault> {
        channels::check(name)?;
        self.begin_once().await.map_err(store_fault)?;
        let tenant = who.caller.tenant;
        let same_life = from.epoch.is_none_or(|epoch| epoch == self.epoch);
        let after = if same_life { from.after } else { from.after.map(|_| 0) };
        // From here on it misses nothing; what it is told of first is what was before.
        let at = {
            let mut heard = self.tenants.entry(tenant).or_default();
            if heard.len() >= MOST_CHANNELS && !heard.contains_key(name) {
                return Err(Fault::new(&codes::RATE_LIMITED, "the tenant has as many channels as it may"));
            }
            let at = self.at.load(Ordering::Acquire);
            let hearer = Hearer { outbox: outbox.clone(), beyond: at, meanwhile: Some(Vec::new()) };
            heard.entry(name.to_owned()).or_default().insert(who.connection, hearer);
            at
        };
        let missed = match after {
            None => Missed { messages: Vec::new(), is_lost: false, beyond: at },
            Some(after) => match self.missed(tenant, name, after, at).await {
                Ok(missed) => missed,
                Err(fault) => {
                    self.unsubscribe(name, who);
                    return Err(store_fault(fault));
                }
            },
        };
        let is_lost = missed.is_lost || !same_life;
        let mut heard = self.tenants.entry(tenant).or_default();
        let hearer = heard.get_mut(name).and_then(|channel| channel.get_mut(&who.connection));
        missed.messages.into_iter().for_each(|text| room.push(text));
        room.push(answer(json!({ "seq": missed.beyond, "epoch": self.epoch, "missed": is_lost })));
        if let Some(hearer) = hearer {
            hearer.beyond = missed.beyond;
            let meanwhile = hearer.meanwhile.take().unwrap_or_default();
            meanwhile.into_iter().filter(|(place, _)| *place > missed.beyond).for_each(|(_, text)| outbox.push(text));
        }
        Ok(())
    }

    /// What was said on a channel after a place, up to where everything was told.
    async fn missed(&self, tenant: TenantId, name: &str, after: i64, at: i64) -> Result<Missed, StoreFault> {
        let store = &self.platform.store;
        if after >= at {
            // Another instance may have told it more than this one knows yet.
            let is_lost = after > at && after > store.last(&CHANNELS).await?;
            return Ok(Missed { messages: Vec::new(), is_lost, beyond: if is_lost { at } else { after } });
        }
        let filter = Filter::is("stream", Scalar::Text(name.to_owned()));
        let limit = u32::try_from(KEPT + 1).unwrap_or(u32::MAX);
        let query = LogQuery { filter, beyond: Some(at.saturating_add(1)), descending: true, limit };
        let newest = store.entries(Scope::Tenant(tenant), &CHANNELS, query).await?;
        let (mut messages, mut bytes, mut is_lost) = (Vec::new(), 0, false);
        for entry in newest.into_iter().filter(|entry| entry.position > after) {
            let Some((_, text)) = told(&entry) else { continue };
            bytes += text.as_str().len();
            if messages.len() == KEPT || bytes > KEPT_BYTES {
                is_lost = true;
                break;
            }
            messages.push(text);
        }
        messages.reverse();
        if !is_lost && self.oldest_mark().is_none_or(|mark| after < mark) {
            // The log may have lost something since: it has not where something is there that is as old.
            let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 1 };
            let first = store.entries(Scope::Platform, &CHANNELS, query).await?;
            is_lost = first.first().is_none_or(|first| first.position > after);
        }
        Ok(Missed { messages, is_lost, beyond: at })
    }

    /// Tells a connection no more of a channel.
    pub(super) fn unsubscribe(&self, name: &str, who: &Who<'_>) {
        self.tenants.remove_if_mut(&who.caller.tenant, |_, heard| {
            if let Some(channel) = heard.get_mut(name) {
                channel.remove(&who.connection);
                if channel.is_empty() {
                    heard.remove(name);
                }
            }
            heard.is_empty()
        });
    }

    /// Sends a message to all who hear the channel; answers its number.
    pub(super) async fn publish(&self, name: &str, who: &Who<'_>, data: &Value) -> Result<i64, Fault> {
        channels::check(name)?;
        let message = channels::message(name, &who.speaker(), data, who.at);
        self.say(name, who.caller.tenant, who.at, message, Vec::new()).await
    }

    /// Says that a connection is there, with whatever it says of itself; answers who is there.
    pub(super) async fn join(&self, name: &str, who: &Who<'_>, state: &Value) -> Result<Value, Fault> {
        channels::check(name)?;
        check_state(state)?;
        let tenant = who.caller.tenant;
        let most = u32::try_from(MOST_PRESENT).unwrap_or(u32::MAX);
        let mut there = channels::members(&self.platform, tenant, name, most).await?;
        let key = (who.connection, name.to_owned());
        let known = self.joined().get(&key).map(|joined| joined.id);
        if known.is_none() && (there.len() >= MOST_PRESENT || self.is_full(tenant).await?) {
            return Err(crowded());
        }
        let (id, word) = known.map_or_else(|| (new_uuid(who.at), "joined"), |id| (id, "changed"));
        let member = who.member(state);
        let noted = Member { channel: name.to_owned(), instance: self.instance, member: member.clone() };
        let steps = vec![channels::put(id, &noted)?];
        // Noted first: whoever goes away meanwhile leaves.
        self.joined().insert(key, Joined { id, member: member.clone() });
        self.say(name, tenant, who.at, channels::presence(name, word, &member), steps).await?;
        there.retain(|(other, _)| *other != id);
        there.push((id, noted));
        Ok(there.into_iter().map(|(_, member)| member.member).collect())
    }

    /// Whether as many are there as may be, over all channels of the tenant.
    async fn is_full(&self, tenant: TenantId) -> Result<bool, Fault> {
        let count = self.platform.store.count(Scope::Tenant(tenant), &CHANNEL_MEMBER, Filter::All).await;
        Ok(count.map_err(store_fault)? >= MOST_OF_TENANT as u64)
    }

    /// Says that a connection is not there any more.
    pub(super) async fn leave(&self, name: &str, who: &Who<'_>) -> Result<(), Fault> {
        let key = (who.connection, name.to_owned());
        let Some((id, member)) = self.joined().get(&key).map(|joined| (joined.id, joined.member.clone())) else {
            return Ok(());
        };
        let steps = vec![channels::remove(id, Expect::Anything)];
        self.say(name, who.caller.tenant, who.at, channels::presence(name, "left", &member), steps).await?;
        // Only now: what could not be written is written when the connection ends.
        self.joined().remove(&key);
        Ok(())
    }

    /// The connection is gone: it is nowhere any more. What has to be written for that outlives it.
    pub(super) fn leave_all(&self, connection: Uuid, caller: &Caller, at: Timestamp) {
        let mut steps = Vec::new();
        self.joined().retain(|(of, name), joined| {
            if *of == connection {
                let said = Said { id: new_uuid(at), message: channels::presence(name, "left", &joined.member) };
                steps.push(channels::remove(joined.id, Expect::Anything));
                steps.extend(channels::step(name, &said));
            }
            *of != connection
        });
        if steps.is_empty() {
            return;
        }
        let (platform, tenant) = (self.platform.clone(), caller.tenant);
        self.platform.running().spawn(async move {
            if let Err(fault) = channels::write(&platform, tenant, at, steps).await {
                // Those who are there are told as long as this instance lives.
                tracing::warn!(%fault, "it could not be told that a client left its channels");
            }
        });
    }

    /// Who is there.
    pub(super) async fn presence(&self, name: &str, who: &Who<'_>) -> Result<Value, Fault> {
        channels::check(name)?;
        let most = u32::try_from(MOST_PRESENT).unwrap_or(u32::MAX);
        let there = channels::members(&self.platform, who.caller.tenant, name, most).await?;
        Ok(there.into_iter().map(|(_, member)| member.member).collect())
    }

    /// Writes what is said and waits until it was told here; answers its number.
    async fn say(
        &self,
        name: &str,
        tenant: TenantId,
        at: Timestamp,
        message: Value,
        mut steps: Vec<Step>,
    ) -> Result<i64, Fault> {
        self.begin_once().await.map_err(store_fault)?;
        let said = Said { id: new_uuid(at), message };
        steps.push(channels::step(name, &said)?);
        let (answer, told) = oneshot::channel();
        self.waiting.insert(said.id, answer);
        let _over = Waits { waiting: &self.waiting, id: said.id };
        channels::write(&self.platform, tenant, at, steps).await.map_err(store_fault)?;
        if let Ok(Ok(place)) = tokio::time::timeout(PATIENCE, told).await {
            return Ok(place);
        }
        Err(Fault::new(&codes::UNAVAILABLE, "it was said, and the log could not be read to tell its number"))
    }

    /// Looks where the log ends, the first time: what was said before is nobody's news.
    async fn begin_once(&self) -> Result<(), StoreFault> {
        self.begun
            .get_or_try_init(|| async {
                let last = self.platform.store.last(&CHANNELS).await?;
                self.at.store(last, Ordering::Release);
                self.mark(last);
                Ok(())
            })
            .await
            .map(drop)
    }

    /// Tells everything that is in the log after what was told last.
    async fn read_on(&self) -> Result<(), StoreFault> {
        self.begin_once().await?;
        loop {
            let beyond = Some(self.at.load(Ordering::Acquire));
            let query = LogQuery { filter: Filter::All, beyond, descending: false, limit: PAGE };
            let entries = self.platform.store.entries(Scope::Platform, &CHANNELS, query).await?;
            let more = entries.len() == PAGE as usize;
            for entry in &entries {
                self.tell(entry);
            }
            if !more {
                self.mark(self.at.load(Ordering::Acquire));
                return Ok(());
            }
        }
    }

    /// Puts a message in line for each who hears.
    fn tell(&self, entry: &Entry) {
        // First: who begins to hear meanwhile takes it for told, and reads it with what was before.
        self.at.store(entry.position, Ordering::Release);
        let Some((id, text)) = told(entry) else { return };
        if let Some(mut heard) = self.tenants.get_mut(&entry.tenant)
            && let Some(channel) = heard.get_mut(&entry.stream)
        {
            for hearer in channel.values_mut().filter(|hearer| entry.position > hearer.beyond) {
                match &mut hearer.meanwhile {
                    None => hearer.outbox.push(text.clone()),
                    Some(meanwhile) if meanwhile.len() < MOST_MEANWHILE => {
                        meanwhile.push((entry.position, text.clone()));
                    }
                    Some(_) => hearer.outbox.cut(TOO_SLOW),
                }
            }
        }
        if let Some((_, waiting)) = self.waiting.remove(&id) {
            // Whoever waited may be gone.
            let _ = waiting.send(entry.position);
        }
    }

    fn mark(&self, at: i64) {
        let now = self.platform.clock.now();
        let mut marks = self.marks();
        if marks.back().is_none_or(|(last, _)| now.since(*last) >= MARK_EVERY) {
            marks.push_back((now, at));
        }
    }

    /// The oldest place of the last minutes that is known.
    fn oldest_mark(&self) -> Option<i64> {
        debug_assert!(MARKS_LAST < KEPT_FOR, "what came after a mark is kept");
        let now = self.platform.clock.now();
        let mut marks = self.marks();
        while marks.front().is_some_and(|(at, _)| now.since(*at) > MARKS_LAST) {
            marks.pop_front();
        }
        marks.front().map(|(_, place)| *place)
    }

    fn marks(&self) -> MutexGuard<'_, VecDeque<(Timestamp, i64)>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn joined(&self) -> MutexGuard<'_, HashMap<(Uuid, String), Joined>> {
        self.joined.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message as clients hear it, and by what whoever said it knows it.
fn told(entry: &Entry) -> Option<(Uuid, Utf8Bytes)> {
    match reading::read::<Said>(entry.body.clone()) {
        Ok(Said { id, mut message }) => {
            message["seq"] = entry.position.into();
            Some((id, message.to_string().into()))
        }
        Err(error) => {
            tracing::error!(position = entry.position, ?error, "a message of a channel cannot be read");
            None
        }
    }
}

/// Follows the log for as long as the door is there.
async fn follow(shared: Weak<Shared>, ways: Arc<Ways>) {
    let mut failing = false;
    loop {
        let read = match shared.upgrade() {
            Some(shared) => shared.read_on().await,
            None => return,
        };
        match &read {
            Err(fault) if !failing => tracing::warn!(%fault, "channels cannot be followed; it is tried again"),
            Ok(()) if failing => tracing::info!("channels are followed again"),
            Ok(()) | Err(_) => {}
        }
        failing = read.is_err();
        tokio::select! {
            () = ways.said.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}
