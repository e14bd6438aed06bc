//! Channels between the clients of one tenant, where no other instance shares them. They live in memory, so all of it is bounded: for each channel, for each tenant,
//! and over all. Where there is no room to keep what was said, the tenant that speaks forgets its own oldest, and whoever
//! comes back is told that it missed something. A channel that nobody uses goes after a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

use super::channel::{Channel, From, Who};
use super::outbox::{Outbox, Room};
use crate::capability::caller::Caller;
use crate::capability::channels::{check, message, presence};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::announcer::Announcer;

/// What a client may say of itself where it joins.
const STATE_BYTES: usize = 1024;
/// Clients present in one channel.
pub(super) const MOST_PRESENT: usize = 250;
/// A channel that nobody hears or is in is kept for so long.
const IDLE: Duration = Duration::from_mins(10);
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// How much there may be.
struct Bounds {
    channels: usize,
    /// Bytes of messages kept.
    bytes: usize,
    members: usize,
}

/// Clients present in all channels of a tenant.
pub(super) const MOST_OF_TENANT: usize = 4096;

const OF_TENANT: Bounds = Bounds { channels: 1000, bytes: 16 << 20, members: MOST_OF_TENANT };
const IN_ALL: Bounds = Bounds { channels: 10_000, bytes: 256 << 20, members: 16_384 };

/// All channels.
#[derive(Default)]
pub(super) struct Channels {
    tenants: DashMap<TenantId, Tenant>,
    total: Total,
    swept: AtomicI64,
}

/// How much there is over all tenants.
#[derive(Default)]
struct Total {
    channels: AtomicUsize,
    bytes: AtomicUsize,
    members: AtomicUsize,
}

/// The channels of a tenant.
#[derive(Default)]
struct Tenant {
    channels: HashMap<String, Channel>,
    bytes: usize,
    members: usize,
    /// How often something was said.
    said: u64,
}

impl Announcer for Channels {
    fn announce(&self, tenant: TenantId, channel: &str, data: &Value, at: Timestamp) -> Result<(), Fault> {
        self.tell(channel, tenant, data, at)
    }
}

impl Channels {
    /// Lets a connection hear a channel, first what was kept after a number, then the answer. `room` holds all of it.
    pub(super) fn subscribe(
        &self,
        name: &str,
        who: &Who<'_>,
        outbox: &Outbox,
        from: &From<'_>,
        room: Room,
        answer: impl FnOnce(Value) -> Utf8Bytes,
    ) -> Result<(), Fault> {
        self.at(name, who, |tenant, total| {
            tenant.open(name, who.at, total)?.subscribe(who, outbox, from, room, answer);
            Ok(())
        })
    }

    /// Tells a connection no more of a channel.
    pub(super) fn unsubscribe(&self, name: &str, who: &Who<'_>) {
        if let Some(mut tenant) = self.tenants.get_mut(&who.caller.tenant)
            && let Some(channel) = tenant.channels.get_mut(name)
        {
            channel.unsubscribe(who);
        }
    }

    /// Sends a message to all who hear the channel; answers its number.
    pub(super) fn publish(&self, name: &str, who: &Who<'_>, data: &Value) -> Result<i64, Fault> {
        self.at(name, who, |tenant, total| {
            tenant.open(name, who.at, total)?;
            let message = message(name, &who.speaker(), data, who.at);
            Ok(tenant.tell(name, message, who.at, total))
        })
    }

    /// Tells a message of nobody who is connected: an event that a subscription sends here.
    fn tell(&self, name: &str, tenant: TenantId, data: &Value, at: Timestamp) -> Result<(), Fault> {
        let caller = Caller { tenant, ..Caller::anonymous() };
        self.at(name, &Who { connection: Uuid::nil(), caller: &caller, at }, |tenant, total| {
            tenant.open(name, at, total)?;
            let from = json!({ "name": "events" });
            let message = message(name, &from, data, at);
            tenant.tell(name, message, at, total);
            Ok(())
        })
    }

    /// Says that a connection is there, with whatever it says of itself; answers who is there.
    pub(super) fn join(&self, name: &str, who: &Who<'_>, state: &Value) -> Result<Value, Fault> {
        check_state(state)?;
        self.at(name, who, |tenant, total| {
            let held = tenant.members;
            let channel = tenant.open(name, who.at, total)?;
            let new = !channel.has_member(who.connection);
            if new && (held >= OF_TENANT.members || channel.members().len() >= MOST_PRESENT) {
                return Err(crowded());
            }
            if new && !raise(&total.members, IN_ALL.members) {
                return Err(Fault::new(&codes::UNAVAILABLE, "as many clients are present on the server as may be"));
            }
            let member = who.member(state);
            let word = channel.join(who, member.clone());
            let present = channel.members().values().cloned().collect();
            tenant.members += usize::from(new);
            let told = presence(name, word, &member);
            tenant.tell(name, told, who.at, total);
            Ok(present)
        })
    }

    /// Says that a connection is not there any more.
    pub(super) fn leave(&self, name: &str, who: &Who<'_>) {
        let Some(mut tenant) = self.tenants.get_mut(&who.caller.tenant) else { return };
        let Some(member) = tenant.channels.get_mut(name).and_then(|channel| channel.leave(who)) else { return };
        tenant.members -= 1;
        self.total.members.fetch_sub(1, Ordering::Relaxed);
        let told = presence(name, "left", &member);
        tenant.tell(name, told, who.at, &self.total);
    }

    /// Who is there.
    pub(super) fn presence(&self, name: &str, who: &Who<'_>) -> Result<Value, Fault> {
        check(name)?;
        let tenant = self.tenants.get(&who.caller.tenant);
        let channel = tenant.as_ref().and_then(|tenant| tenant.channels.get(name));
        Ok(channel.map_or_else(|| json!([]), |channel| channel.members().values().cloned().collect()))
    }

    /// Lets go of channels that nobody has used for a while; looks only so often.
    pub(super) fn tidy(&self, now: Timestamp) {
        let last = self.swept.load(Ordering::Relaxed);
        if now.since(Timestamp::from_millis(last)) < SWEEP_EVERY {
            return;
        }
        if self.swept.compare_exchange(last, now.as_millis(), Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        self.tenants.retain(|_, tenant| {
            tenant.forget(&self.total, |channel| channel.idle_since().is_some_and(|since| now.since(since) >= IDLE));
            !tenant.channels.is_empty()
        });
    }

    fn at<T>(
        &self,
        name: &str,
        who: &Who<'_>,
        act: impl FnOnce(&mut Tenant, &Total) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        check(name)?;
        self.tidy(who.at);
        act(&mut self.tenants.entry(who.caller.tenant).or_default(), &self.total)
    }
}

impl Tenant {
    /// The channel, made where there is none yet. Where there are too many, the one goes that nobody has used for longest.
    fn open(&mut self, name: &str, at: Timestamp, total: &Total) -> Result<&mut Channel, Fault> {
        if !self.channels.contains_key(name) {
            let full = self.channels.len() >= OF_TENANT.channels;
            if full || total.channels.load(Ordering::Relaxed) >= IN_ALL.channels {
                self.forget_idle(total);
            }
            if self.channels.len() >= OF_TENANT.channels {
                return Err(Fault::new(&codes::RATE_LIMITED, "the tenant has as many channels as it may"));
            }
            if !raise(&total.channels, IN_ALL.channels) {
                return Err(Fault::new(&codes::UNAVAILABLE, "the server keeps as many channels as it may"));
            }
        }
        Ok(self.channels.entry(name.to_owned()).or_insert_with(|| Channel::new(at)))
    }

    /// Tells a message in a channel that there is, and forgets the oldest that was said anywhere in the tenant where that is
    /// more than may be kept.
    fn tell(&mut self, name: &str, message: Value, at: Timestamp, total: &Total) -> i64 {
        let Some(channel) = self.channels.get_mut(name) else { return 0 };
        self.said += 1;
        let (seq, change) = channel.tell(message, self.said, at);
        self.bytes = self.bytes + change.more - change.fewer;
        total.bytes.fetch_add(change.more, Ordering::Relaxed);
        total.bytes.fetch_sub(change.fewer, Ordering::Relaxed);
        while self.bytes > OF_TENANT.bytes || total.bytes.load(Ordering::Relaxed) > IN_ALL.bytes {
            let kept = self.channels.values_mut().filter_map(|channel| Some((channel.oldest()?, channel)));
            let Some((_, oldest)) = kept.min_by_key(|(age, _)| *age) else { break };
            let fewer = oldest.forget_one();
            self.bytes -= fewer;
            total.bytes.fetch_sub(fewer, Ordering::Relaxed);
        }
        seq
    }

    fn forget_idle(&mut self, total: &Total) {
        let idle = self.channels.iter().filter_map(|(name, channel)| Some((channel.idle_since()?, name)));
        if let Some((_, name)) = idle.min() {
            let name = name.clone();
            if let Some(gone) = self.channels.remove(&name) {
                self.account_gone(&gone, total);
            }
        }
    }

    fn forget(&mut self, total: &Total, superfluous: impl Fn(&Channel) -> bool) {
        let going: Vec<String> =
            self.channels.iter().filter(|(_, channel)| superfluous(channel)).map(|(name, _)| name.clone()).collect();
        for name in going {
            if let Some(gone) = self.channels.remove(&name) {
                self.account_gone(&gone, total);
            }
        }
    }

    fn account_gone(&mut self, channel: &Channel, total: &Total) {
        self.bytes -= channel.kept_bytes();
        total.bytes.fetch_sub(channel.kept_bytes(), Ordering::Relaxed);
        total.channels.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts one more unless there are as many as there may be.
fn raise(count: &AtomicUsize, most: usize) -> bool {
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| (held < most).then_some(held + 1)).is_ok()
}

/// Whether a client may say so much of itself.
pub(super) fn check_state(state: &Value) -> Result<(), Fault> {
    if state.to_string().len() <= STATE_BYTES {
        return Ok(());
    }
    Err(Fault::bad_input("/state", format!("must be at most {STATE_BYTES} bytes of JSON")))
}

/// As many are there as may be.
pub(super) fn crowded() -> Fault {
    Fault::new(&codes::RATE_LIMITED, "as many clients are present as may be")
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_000_000_000_000);

    fn somebody(tenant: u128) -> Caller {
        Caller { tenant: TenantId::from_uuid(Uuid::from_u128(tenant)), ..Caller::anonymous() }
    }

    fn who(caller: &Caller, connection: u128) -> Who<'_> {
        Who { connection: Uuid::from_u128(connection), caller, at: AT }
    }

    fn bytes(channels: &Channels) -> usize {
        channels.total.bytes.load(Ordering::Relaxed)
    }

    #[test]
    fn what_is_kept_is_bounded_for_each_tenant_and_its_oldest_goes_first() {
        let channels = Channels::default();
        let (loud, quiet) = (somebody(1), somebody(2));
        channels.publish("channel:quiet", &who(&quiet, 1), &json!("kept")).unwrap();
        let held = bytes(&channels);
        let data = json!("x".repeat(500_000));
        for number in 0..100 {
            channels.publish(&format!("channel:{number}"), &who(&loud, 2), &data).unwrap();
        }
        let tenant = channels.tenants.get(&loud.tenant).unwrap();
        let kept = |name: &str| tenant.channels[name].kept_bytes();
        assert_eq!((kept("channel:0"), kept("channel:99") > 500_000), (0, true));
        assert!(tenant.bytes <= OF_TENANT.bytes && tenant.bytes > OF_TENANT.bytes - 600_000);
        assert_eq!(tenant.bytes, tenant.channels.values().map(Channel::kept_bytes).sum::<usize>());
        assert_eq!(bytes(&channels), tenant.bytes + held);
        drop(tenant);
        // All of it is given back.
        channels.tidy(AT.plus(IDLE));
        assert_eq!((channels.tenants.len(), bytes(&channels)), (0, 0));
        assert_eq!(channels.total.channels.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_kept_is_bounded_over_all() {
        let channels = Channels::default();
        let caller = somebody(1);
        // What other tenants keep leaves little.
        channels.total.bytes.store(IN_ALL.bytes - 250_000, Ordering::Relaxed);
        let data = json!("x".repeat(100_000));
        for number in 0..5 {
            channels.publish(&format!("channel:{number}"), &who(&caller, 1), &data).unwrap();
            assert!(bytes(&channels) <= IN_ALL.bytes);
        }
        let tenant = channels.tenants.get(&caller.tenant).unwrap();
        assert_eq!(
            (tenant.channels["channel:2"].kept_bytes(), tenant.channels["channel:4"].kept_bytes() > 0),
            (0, true)
        );
    }

    #[test]
    fn channels_are_bounded_for_each_tenant() {
        let channels = Channels::default();
        let (caller, other) = (somebody(1), somebody(2));
        for number in 0..OF_TENANT.channels + 10 {
            channels.publish(&format!("channel:{number}"), &who(&caller, 1), &json!(1)).unwrap();
        }
        assert_eq!(channels.tenants.get(&caller.tenant).unwrap().channels.len(), OF_TENANT.channels);
        // Those that are in use stay.
        for number in 0..OF_TENANT.channels {
            channels.join(&format!("channel:used:{number}"), &who(&caller, 1), &Value::Null).unwrap();
        }
        let refused = channels.publish("channel:more", &who(&caller, 1), &json!(1)).unwrap_err();
        assert!(refused.is(&codes::RATE_LIMITED));
        channels.publish("channel:more", &who(&other, 1), &json!(1)).unwrap();
    }

    #[test]
    fn those_who_are_present_are_bounded() {
        let channels = Channels::default();
        let caller = somebody(1);
        for connection in 0..MOST_PRESENT as u128 {
            channels.join("channel:full", &who(&caller, connection), &Value::Null).unwrap();
        }
        assert!(channels.join("channel:full", &who(&caller, 9999), &Value::Null).unwrap_err().is(&codes::RATE_LIMITED));
        channels.join("channel:full", &who(&caller, 0), &json!("changed")).unwrap();
        channels.leave("channel:full", &who(&caller, 0));
        channels.leave("channel:full", &who(&caller, 0));
        let present = channels.join("channel:full", &who(&caller, 9999), &Value::Null).unwrap();
        assert_eq!(present.as_array().map(Vec::len), Some(MOST_PRESENT));
        assert_eq!(channels.total.members.load(Ordering::Relaxed), MOST_PRESENT);
        // Looking makes nothing.
        assert_eq!(channels.presence("channel:unknown", &who(&caller, 1)).unwrap(), json!([]));
        assert_eq!(channels.tenants.get(&caller.tenant).unwrap().channels.len(), 1);
    }
}
