//! Retention: entries whose time is over go, what they add up to stays as summaries for longer. What went is declared in an entry
//! of its own, in the same commit, so that the chain stays provable without it; links and tree are never cut.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::engine::hash::Class;
use super::engine::kept::{CHAIN, ChainEnd, platform as own_tenant};
use super::engine::sequencer::head;
use super::engine::verify::RETENTION;
use super::policy::{self, Policy, Progress, SUMMARY, Summary, only_id};
use crate::capability::cx::store_fault;
use crate::capability::gate::audit::{self, AUDIT, AuditEntry, Cut};
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::logs::{Entry, LogQuery};
use crate::port::records::{Comparison, Document, Filter, Place, Query, Scalar, Scope, Visibility};
use crate::port::store::{Batch, Conflict, Expect, Put, Step, StoreFault};

/// Entries that are looked at for one commit.
const PAGE: u32 = 1000;
/// Commits for one tenant in one round; what is left goes in the next.
const PAGES: usize = 50;
/// Few entries wait until a day has passed: each clean-up leaves a declaration.
const GATHER: Duration = Duration::from_hours(24);
/// Unless there are so many.
const MANY: usize = 500;

/// A day.
pub(super) const DAY: Duration = Duration::from_hours(24);

/// Removes of every tenant what its policy does not keep any more; answers how many entries went.
///
/// # Errors
/// When the store fails.
pub async fn clean(platform: &Platform, stop: &CancellationToken) -> Result<u64, Fault> {
    let mut gone = 0;
    for (tenant, end) in tenants(platform).await? {
        for page in 0..PAGES {
            if stop.is_cancelled() {
                return Ok(gone);
            }
            match clean_once(platform, tenant, end.length, page > 0).await? {
                0 => break,
                some => gone += some,
            }
        }
        drop_summaries(platform, tenant).await?;
    }
    Ok(gone)
}

/// Every tenant that has a chain.
async fn tenants(platform: &Platform) -> Result<Vec<(TenantId, ChainEnd)>, Fault> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let query = Query { filter: Filter::All, order: "id", descending: false, after, limit: 500 };
        let page = platform.store.find(Scope::Tenant(own_tenant()), &CHAIN, query).await.map_err(store_fault)?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(Place { key: Scalar::Id(last.id), id: last.id });
        for record in page {
            let (end, _, id) = policy::read::<ChainEnd>(record)?;
            all.push((TenantId::from_uuid(id), end));
        }
    }
}

/// What one commit removes.
struct Going {
    positions: Vec<i64>,
    summaries: BTreeMap<(Timestamp, Uuid, String, String), (u64, u64)>,
    /// The time of the last entry of those kept only in detail that goes.
    last: Option<Timestamp>,
    progress: Progress,
}

/// One commit. What is begun is gone on with.
async fn clean_once(platform: &Platform, tenant: TenantId, length: u64, is_begun: bool) -> Result<u64, Fault> {
    let store = &*platform.store;
    let now = platform.clock.now();
    let config = &platform.config.store;
    let policy = policy::in_force(store, tenant, config.audit_days).await?;
    let stood = policy::only::<Progress>(store, tenant).await?;
    let (progress, expect) = match stood {
        Some((progress, revision)) => (progress, Expect::Revision(revision)),
        None => (Progress::default(), Expect::Absent),
    };
    // What is not in the chain yet cannot go: nothing would show that it was there.
    let chained = head(store).await?.map_or(0, |(head, _)| head.position);
    let before = |days: u32| now.minus(DAY * days);
    let (detailed_before, compliance_before) = (before(policy.detailed_days), before(policy.compliance_days));
    let most = if config.audit_entries == 0 { u64::MAX } else { config.audit_entries };
    let mut over = length.saturating_sub(progress.removed).saturating_sub(most);
    let mut going = Going { positions: Vec::new(), summaries: BTreeMap::new(), last: None, progress };

    for entry in old(platform, tenant, progress.detailed_through).await? {
        if entry.position > chained || (entry.at >= detailed_before && over == 0) {
            break;
        }
        going.progress.detailed_through = entry.position;
        let action = entry.body["action"].as_str().unwrap_or_default();
        if Class::of(&entry.body) == Class::Detailed && !policy.names(action) {
            over = over.saturating_sub(1);
            going.last = Some(entry.at);
            going.count(&entry);
        }
    }
    for entry in old(platform, tenant, progress.compliance_through).await? {
        // Nothing is judged as evidence that has not been judged as a detail.
        if entry.at >= compliance_before || entry.position > going.progress.detailed_through {
            break;
        }
        going.progress.compliance_through = entry.position;
        if Class::of(&entry.body) != Class::Cut && !going.positions.contains(&entry.position) {
            going.count(&entry);
        }
    }
    let few = going.positions.len() < MANY;
    let is_early = few && !is_begun && over == 0 && progress.last_at.is_some_and(|last| now.since(last) < GATHER);
    if going.progress == progress || (is_early && !going.positions.is_empty()) {
        return Ok(0);
    }
    // A declaration speaks of what is older than a moment: also of the newest that had to make room.
    let forced = going.last.map_or(detailed_before, |last| last.plus(Duration::from_millis(1)));
    commit(platform, tenant, going, (detailed_before.max(forced), compliance_before), expect).await
}

async fn old(platform: &Platform, tenant: TenantId, beyond: i64) -> Result<Vec<Entry>, Fault> {
    let query = LogQuery { filter: Filter::All, beyond: Some(beyond), descending: false, limit: PAGE };
    platform.store.entries(Scope::Tenant(tenant), &AUDIT, query).await.map_err(store_fault)
}

impl Going {
    fn count(&mut self, entry: &Entry) {
        self.positions.push(entry.position);
        let text = |name: &str| entry.body[name].as_str().unwrap_or_default().to_owned();
        let actor = text("actor").parse().unwrap_or_default();
        let key = (day_of(entry.at), actor, text("action"), text("resourceType"));
        let (entries, unknown) = self.summaries.entry(key).or_default();
        *entries += 1;
        *unknown += u64::from(entry.body["outcome"] == "unknown");
    }
}

/// The beginning of a moment's day, in UTC.
fn day_of(at: Timestamp) -> Timestamp {
    let day = i64::try_from(DAY.as_millis()).unwrap_or(1);
    Timestamp::from_millis(at.as_millis().div_euclid(day) * day)
}

async fn commit(
    platform: &Platform,
    tenant: TenantId,
    mut going: Going,
    (detailed_before, compliance_before): (Timestamp, Timestamp),
    expect: Expect,
) -> Result<u64, Fault> {
    let now = platform.clock.now();
    let gone = u64::try_from(going.positions.len()).unwrap_or(u64::MAX);
    let mut steps = Vec::new();
    if gone > 0 {
        going.progress.removed += gone;
        going.progress.last_at = Some(now);
        let cut = Cut {
            detailed_through: going.progress.detailed_through,
            detailed_before,
            compliance_through: going.progress.compliance_through,
            compliance_before,
            entries: gone,
        };
        steps.push(audit::plain(&declaration(tenant, cut, now))?);
        steps.push(Step::Cut { log: &AUDIT, positions: going.positions });
    }
    steps.push(put(only_id(), expect, &going.progress)?);
    let oldest = now
        .minus(DAY * policy::in_force(&*platform.store, tenant, platform.config.store.audit_days).await?.summary_days);
    for ((day, actor, action, resource_type), (entries, unknown)) in going.summaries {
        if day >= oldest {
            let actor = UserId::from_uuid(actor);
            let summary = Summary { day, actor, action, resource_type, entries, unknown };
            steps.push(add(platform, tenant, summary).await?);
        }
    }
    match platform.store.commit(vec![Batch { tenant, at: now, steps }]).await {
        Ok(_) => Ok(gone),
        // Another instance cleans up too.
        Err(StoreFault::Conflict(Conflict::Changed { .. })) => Ok(0),
        Err(fault) => Err(store_fault(fault)),
    }
}

fn declaration(tenant: TenantId, cut: Cut, now: Timestamp) -> AuditEntry {
    AuditEntry {
        timestamp: now,
        actor: UserId::from_uuid(Uuid::nil()),
        principal: "retention".to_owned(),
        agent: None,
        action: RETENTION.to_owned(),
        effect: "remove".to_owned(),
        resource_type: "audit".to_owned(),
        resource_id: String::new(),
        changes: serde_json::Value::Null,
        also: serde_json::Value::Null,
        tenant_id: tenant,
        request_id: CallId::new(now),
        door: "inside".to_owned(),
        address: None,
        outcome: "done".to_owned(),
        compliance: true,
        recorded: None,
        cut: Some(cut),
        withheld: None,
    }
}

/// The step that adds to a summary.
async fn add(platform: &Platform, tenant: TenantId, mut summary: Summary) -> Result<Step, Fault> {
    let id = summary_id(&summary);
    let found = platform.store.get(Scope::Tenant(tenant), &SUMMARY, id).await.map_err(store_fault)?;
    let expect = match found {
        None => Expect::Absent,
        Some(record) => {
            let (before, revision, _) = policy::read::<Summary>(record)?;
            summary.entries += before.entries;
            summary.unknown += before.unknown;
            Expect::Revision(revision)
        }
    };
    put(id, expect, &summary)
}

fn summary_id(summary: &Summary) -> Uuid {
    let mut digest = Sha256::new();
    digest.update(summary.day.as_millis().to_be_bytes());
    digest.update(summary.actor.uuid().as_bytes());
    for text in [&summary.action, &summary.resource_type] {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(text.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

pub(super) fn put<T: Document>(id: Uuid, expect: Expect, value: &T) -> Result<Step, Fault> {
    let body = serde_json::to_value(value).map_err(Fault::internal)?;
    let (owner, workspace, visibility) = (None, None, Visibility::Tenant);
    Ok(Step::Put(Put { kind: T::KIND, id, expect, owner, workspace, visibility, body }))
}

async fn drop_summaries(platform: &Platform, tenant: TenantId) -> Result<(), Fault> {
    let store = &*platform.store;
    let now = platform.clock.now();
    let policy = policy::in_force(store, tenant, platform.config.store.audit_days).await?;
    let oldest = Scalar::Time(now.minus(DAY * policy.summary_days));
    let filter = Filter::Compare("day", Comparison::Less, oldest);
    let old = store.find(Scope::Tenant(tenant), &SUMMARY, Query::newest(filter, 500)).await.map_err(store_fault)?;
    if old.is_empty() {
        return Ok(());
    }
    let remove = |id| Step::Remove { kind: &SUMMARY, id, expect: Expect::Anything };
    let steps = old.into_iter().map(|record| remove(record.id)).collect();
    store.commit(vec![Batch { tenant, at: now, steps }]).await.map(drop).map_err(store_fault)
}

/// When a tenant's next entry goes, as things are: the oldest that is kept only in detail.
///
/// # Errors
/// When the store fails.
pub async fn next_clean_up(platform: &Platform, tenant: TenantId, policy: &Policy) -> Result<Option<Timestamp>, Fault> {
    let progress =
        policy::only::<Progress>(&*platform.store, tenant).await?.map_or_else(Progress::default, |(one, _)| one);
    let next = old(platform, tenant, progress.detailed_through).await?.into_iter().find(|entry| {
        Class::of(&entry.body) == Class::Detailed && !policy.names(entry.body["action"].as_str().unwrap_or_default())
    });
    let over = next.map(|entry| entry.at.plus(DAY * policy.detailed_days).max(platform.clock.now()));
    // Few entries wait for the day to be over.
    Ok(over.map(|over| progress.last_at.map_or(over, |last| over.max(last.plus(GATHER)))))
}
