//! What was forgotten stays forgotten: each memory that goes is told in a log, the shelf of backups takes that in, and what a restore brings
//! back of it goes once more. A memory that was said anew after it was forgotten has its id again and stays.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::memory::{MEMORY, Memory};
use super::retrieval::{gone, removal};
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, UserId};
use crate::kernel::reading;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Keep, Log, LogQuery};
use crate::port::records::{Filter, Place, Query, Record, Scalar, Scope};
use crate::port::store::{Batch, Expect, Step};

/// Memories that were forgotten, one entry each.
pub(super) static FORGOTTEN: Log = Log {
    name: "forgotten",
    fields: &[],
    text: &[],
    keep: Keep { age: std::time::Duration::from_secs(400 * 86_400), entries: 10_000_000 },
    followed: false,
};

/// So many are read or removed at a time.
const PORTION: u32 = 500;

/// What the log says of one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    memory_id: Uuid,
}

/// A memory that was forgotten, as it is kept apart from the store. It says nothing of what the memory said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gone {
    /// Whose.
    pub tenant_id: TenantId,
    /// Which.
    pub memory_id: Uuid,
    /// When.
    pub at: Timestamp,
}

/// Removes a memory with all that was made of it, and tells that it is gone.
///
/// # Errors
/// When the store fails.
pub(super) async fn forget(cx: &Cx, stored: &Stored<Memory>) -> Result<(), Fault> {
    cx.remove(stored)?;
    gone(cx, &MEMORY, stored.id).await?;
    cx.append(&FORGOTTEN, "", &Told { memory_id: stored.id })
}

/// What was forgotten beyond a position of the log, at most 500; and the position of the last.
///
/// # Errors
/// When the store fails.
pub async fn since(platform: &Platform, beyond: i64) -> Result<(Vec<Gone>, i64), Fault> {
    let query = LogQuery { filter: Filter::All, beyond: Some(beyond), descending: false, limit: PORTION };
    let entries = platform.store.entries(Scope::Platform, &FORGOTTEN, query).await.map_err(store_fault)?;
    let last = entries.last().map_or(beyond, |entry| entry.position);
    let mut gone = Vec::new();
    for entry in entries {
        let told: Told = reading::read(entry.body).map_err(|error| Fault::internal(error.to_string()))?;
        gone.push(Gone { tenant_id: entry.tenant, memory_id: told.memory_id, at: entry.at });
    }
    Ok((gone, last))
}

/// Forgets once more what is there although it was forgotten; answers how many.
///
/// # Errors
/// When the store fails.
pub async fn forget_again(platform: &Platform, gone: &[Gone]) -> Result<usize, Fault> {
    // Of what was forgotten more than once, the last time counts.
    let mut tenants: BTreeMap<TenantId, BTreeMap<Uuid, Timestamp>> = BTreeMap::new();
    for one in gone {
        let last = tenants.entry(one.tenant_id).or_default().entry(one.memory_id).or_insert(one.at);
        *last = one.at.max(*last);
    }
    let mut again = 0;
    for (tenant, gone) in tenants {
        let ids: Vec<Uuid> = gone.keys().copied().collect();
        for portion in ids.chunks(PORTION as usize) {
            let filter = Filter::In("id", portion.iter().map(|id| Scalar::Id(*id)).collect());
            let found = platform.store.find(Scope::Tenant(tenant), &MEMORY, Query::newest(filter, PORTION)).await;
            let found = found.map_err(store_fault)?.into_iter();
            again += remove_all(platform, tenant, found.filter(|record| record.created_at <= gone[&record.id])).await?;
        }
    }
    Ok(again)
}

/// Forgets what is a person's own and in their conversations; answers how many went.
///
/// # Errors
/// When the store fails.
pub async fn forget_of(platform: &Platform, tenant: TenantId, user: UserId) -> Result<usize, Fault> {
    let own = Filter::is("part", Scalar::Text(format!("user:{}", user.uuid())));
    let sessions = Filter::StartsWith("part", format!("session:{}:", user.uuid()));
    let mut gone = 0;
    let mut after: Option<Place> = None;
    loop {
        let filter = Filter::Or(vec![own.clone(), sessions.clone()]);
        let query = Query { filter, order: "id", descending: false, after, limit: PORTION };
        let page = platform.store.find(Scope::Tenant(tenant), &MEMORY, query).await.map_err(store_fault)?;
        after = page.last().map(|last| Place { key: Scalar::Id(last.id), id: last.id });
        let ends = page.len() < PORTION as usize;
        gone += remove_all(platform, tenant, page.into_iter()).await?;
        if ends {
            return Ok(gone);
        }
    }
}

/// Removes memories, whatever became of them since they were read.
async fn remove_all(
    platform: &Platform,
    tenant: TenantId,
    records: impl Iterator<Item = Record>,
) -> Result<usize, Fault> {
    let mut steps = Vec::new();
    let mut count = 0;
    for record in records {
        steps.push(Step::Remove { kind: &MEMORY, id: record.id, expect: Expect::Anything });
        steps.extend(removal(platform, tenant, &MEMORY, record.id).await?);
        let body = serde_json::to_value(Told { memory_id: record.id }).map_err(Fault::internal)?;
        steps.push(Step::Append { log: &FORGOTTEN, stream: String::new(), body });
        count += 1;
    }
    if count > 0 {
        let batch = Batch { tenant, at: platform.clock.now(), steps };
        platform.store.commit(vec![batch]).await.map_err(store_fault)?;
    }
    Ok(count)
}
