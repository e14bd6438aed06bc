//! Channels between clients, as far as instances on one store share them. What is said goes into a log, for a short while, and
//! every instance reads it from there to its own clients: so all hear the same in the same order, wherever they are connected, and
//! go on elsewhere where they left off. Who is there is kept in the store, too. An instance that shares its store with nobody keeps
//! channels in memory alone and writes nothing of them.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::cx::store_fault;
use super::events::Ways;
use super::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, new_uuid};
use crate::kernel::reading;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Keep, Log};
use crate::port::records::{Document, Field, FieldType, Filter, Kind, Query, Record, Scalar, Scope, Visibility};
use crate::port::store::{Batch, Expect, Put, Step, StoreFault};

/// For so long what was said is kept for those who come back.
pub const KEPT_FOR: Duration = Duration::from_mins(20);

const LONGEST_NAME: usize = 128;
/// So many leave at once whose instance is gone.
const PAGE: u32 = 200;

/// The log of what is said on channels that all instances share. The stream is the channel.
pub static CHANNELS: Log = Log {
    name: "channel_message",
    fields: &[],
    text: &[],
    keep: Keep { age: KEPT_FOR, entries: u64::MAX },
    followed: true,
};

/// The kind of those who are there.
pub static CHANNEL_MEMBER: Kind = Kind {
    fields: &[Field { name: "channel", of: FieldType::Text }, Field { name: "instance", of: FieldType::Integer }],
    ..Kind::new("channel_member")
};

/// What lies in the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    /// By which whoever said it finds its place.
    pub id: Uuid,
    /// The message, but for its number, which is its place.
    pub message: Value,
}

/// Somebody who is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Member {
    /// Where.
    pub channel: String,
    /// Over which instance.
    pub instance: i32,
    /// What is told of them.
    pub member: Value,
}

impl Document for Member {
    const KIND: &'static Kind = &CHANNEL_MEMBER;
}

/// Whether instances share the channels.
#[must_use]
pub fn are_shared(platform: &Platform) -> bool {
    platform.store.instance().is_some()
}

/// Whether a text names a channel.
///
/// # Errors
/// `bad_input`.
pub fn check(name: &str) -> Result<(), Fault> {
    let rest = name.strip_prefix("channel:").unwrap_or_default();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.:/".contains(letter);
    if !rest.is_empty() && rest.len() <= LONGEST_NAME && rest.chars().all(plain) {
        return Ok(());
    }
    Err(Fault::bad_input("/channel", "must be 'channel:' and a name of at most 128 letters, digits and _-.:/"))
}

/// What somebody says, as clients hear it.
#[must_use]
pub fn message(channel: &str, from: &Value, data: &Value, at: Timestamp) -> Value {
    json!({ "type": "message", "channel": channel, "from": from, "at": at, "data": data })
}

/// Who comes, changes or goes, as clients hear it.
#[must_use]
pub fn presence(channel: &str, change: &str, member: &Value) -> Value {
    json!({ "type": "presence", "channel": channel, "change": change, "member": member })
}

/// Says an event on a channel that all instances share, on behalf of nobody who is connected.
///
/// # Errors
/// When the store fails.
pub async fn announce(platform: &Platform, tenant: TenantId, channel: &str, event: &Value) -> Result<(), Fault> {
    check(channel)?;
    let at = platform.clock.now();
    let said = Said { id: new_uuid(at), message: message(channel, &json!({ "name": "events" }), event, at) };
    write(platform, tenant, at, vec![step(channel, &said)?]).await.map_err(store_fault)
}

/// The step that says something.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn step(channel: &str, said: &Said) -> Result<Step, Fault> {
    let body = serde_json::to_value(said).map_err(Fault::internal)?;
    Ok(Step::Append { log: &CHANNELS, stream: channel.to_owned(), body })
}

/// The step that notes somebody who is there.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn put(id: Uuid, member: &Member) -> Result<Step, Fault> {
    Ok(Step::Put(Put {
        kind: &CHANNEL_MEMBER,
        id,
        expect: Expect::Anything,
        owner: None,
        workspace: None,
        visibility: Visibility::Private,
        body: serde_json::to_value(member).map_err(Fault::internal)?,
    }))
}

/// The step that notes that somebody is gone.
#[must_use]
pub fn remove(id: Uuid, expect: Expect) -> Step {
    Step::Remove { kind: &CHANNEL_MEMBER, id, expect }
}

/// Writes what was said and lets it be read here; other instances hear of it from the store.
///
/// # Errors
/// When the store fails.
pub async fn write(platform: &Platform, tenant: TenantId, at: Timestamp, steps: Vec<Step>) -> Result<(), StoreFault> {
    platform.store.commit(vec![Batch { tenant, at, steps }]).await?;
    if let Ok(ways) = platform.service::<Ways>() {
        ways.said.notify_one();
    }
    Ok(())
}

/// Those who are there, with their documents.
///
/// # Errors
/// When the store fails.
pub async fn members(
    platform: &Platform,
    tenant: TenantId,
    channel: &str,
    most: u32,
) -> Result<Vec<(Uuid, Member)>, Fault> {
    let filter = Filter::is("channel", Scalar::Text(channel.to_owned()));
    find(platform, Scope::Tenant(tenant), filter, most).await?.into_iter().map(read).collect()
}

/// Lets those leave whose instance is gone.
///
/// # Errors
/// When the store fails.
pub async fn leave_gone(platform: &Platform, instance: i32) -> Result<(), Fault> {
    loop {
        let filter = Filter::is("instance", Scalar::Integer(instance.into()));
        let found = find(platform, Scope::Platform, filter, PAGE).await?;
        if found.is_empty() {
            return Ok(());
        }
        let at = platform.clock.now();
        let mut steps: HashMap<TenantId, Vec<Step>> = HashMap::new();
        for record in found {
            let tenant = record.tenant;
            let (id, member) = read(record)?;
            let said = Said { id: new_uuid(at), message: presence(&member.channel, "left", &member.member) };
            steps.entry(tenant).or_default().extend([remove(id, Expect::Present), step(&member.channel, &said)?]);
        }
        for (tenant, steps) in steps {
            match write(platform, tenant, at, steps).await {
                Ok(()) => {}
                // Another instance sees to it.
                Err(StoreFault::Conflict(_)) => return Ok(()),
                Err(fault) => return Err(store_fault(fault)),
            }
        }
    }
}

async fn find(platform: &Platform, scope: Scope, filter: Filter, limit: u32) -> Result<Vec<Record>, Fault> {
    let query = Query { filter, order: "id", descending: false, after: None, limit };
    platform.store.find(scope, &CHANNEL_MEMBER, query).await.map_err(store_fault)
}

fn read(record: Record) -> Result<(Uuid, Member), Fault> {
    Ok((record.id, reading::read(record.body).map_err(Fault::internal)?))
}
