//! Events for the executions that wait for one. The log is followed from a place that moves in the commit of what was heard; who reads the
//! same at the same time loses the commit. So each event is heard once, also by what began to wait a moment before, and after a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use uuid::Uuid;

use crate::capability::caller::Caller;
use crate::capability::cx::store_fault;
use crate::capability::events::Ways;
use crate::capability::gate::Gate;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::capability::topics::{TopicBook, is_published, may_hear};
use crate::domain::executions::model::ear::{EXECUTION_EAR, Ear};
use crate::domain::executions::model::execution::{EXECUTION, Execution, Todo};
use crate::domain::executions::model::wait::{EXECUTION_WAIT, Wait};
use crate::domain::executions::playing::job;
use crate::domain::processes::engine::interpreter::Happening;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::logs::Entry;
use crate::port::records::{Filter, Place, Query, Record, Scalar, Scope, Visibility};
use crate::port::store::{Batch, Expect, Put, Step, StoreFault};

use super::Desk;
use super::doing::on_behalf;

/// Waits that are read at once.
const PAGE: u32 = 1_000;
/// Events that are read at once.
const PORTION: u32 = 500;

/// Hears events for executions.
pub struct Hearer {
    gate: Arc<Gate>,
    desk: Arc<Desk>,
    listeners: Mutex<Listeners>,
}

/// Whose executions wait for events. Waits are looked through a page a round, so that however many there are a round is short.
#[derive(Default)]
struct Listeners {
    /// Known to wait.
    known: BTreeSet<TenantId>,
    /// Found to wait since the first page.
    found: BTreeSet<TenantId>,
    /// Where the next page begins.
    after: Option<Place>,
    /// Up to where each has heard, where that is further than what is written.
    heard: BTreeMap<TenantId, i64>,
}

/// A wait with when it began.
type Waiting = (Wait, Timestamp);

impl Hearer {
    /// The ear of the executions behind a gate.
    ///
    /// # Errors
    /// When the program has no desk for it: a fault of the program.
    pub fn new(gate: Arc<Gate>) -> Result<Arc<Self>, Fault> {
        let desk = gate.platform().service::<Desk>()?;
        Ok(Arc::new(Self { gate, desk, listeners: Mutex::default() }))
    }

    /// Hears what has come; answers how much it read.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn round(&self) -> Result<usize, Fault> {
        let platform = self.gate.platform();
        let after = self.listeners().after.clone();
        let query = Query { filter: waits_for_events(), order: "id", descending: false, after, limit: PAGE };
        let page = platform.store.find(Scope::Platform, &EXECUTION_WAIT, query).await.map_err(store_fault)?;
        let tenants = self.listeners().looked_at(&page);
        let mut read = 0;
        for tenant in tenants {
            read += self.hear(platform, tenant).await?;
        }
        Ok(read)
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn hear(&self, platform: &Platform, tenant: TenantId) -> Result<usize, Fault> {
        let scope = Scope::Tenant(tenant);
        let first = Query { filter: waits_for_events(), order: "createdAt", descending: false, after: None, limit: 1 };
        let first = platform.store.find(scope, &EXECUTION_WAIT, first).await.map_err(store_fault)?;
        let Some(earliest) = first.first().map(|record| record.created_at) else { return Ok(0) };
        let ear = platform.store.get(scope, &EXECUTION_EAR, Ear::ID).await.map_err(store_fault)?;
        let ear = ear.map(Stored::<Ear>::read).transpose()?;
        let written = ear.as_ref().map_or(-1, |ear| ear.value.position);
        let bus = platform.service::<Ways>()?.bus.clone();
        // What happened before anything waited is for nobody.
        let floor = bus.before(tenant, earliest).await.map_err(store_fault)?;
        let known = self.listeners().heard.get(&tenant).copied().unwrap_or_default();
        let after = written.max(floor).max(known);
        let heard = bus.read(tenant, &Filter::All, after, PORTION).await.map_err(store_fault)?;
        if heard.scanned <= after {
            return Ok(0);
        }
        // The waits are read after the events: one that was there when an event came is among them.
        let waits = waiting(platform, tenant, &heard.events).await?;
        let mut may = BTreeMap::new();
        let mut steps = Vec::new();
        for entry in &heard.events {
            for (wait, began) in waits.get(&entry.stream).into_iter().flatten() {
                if fits(wait, *began, entry) && self.may_hear(platform, tenant, wait.execution, entry, &mut may).await?
                {
                    let payload = json!({
                        "topic": entry.stream, "subject": entry.body["subject"], "at": entry.at, "data": entry.body["data"],
                    });
                    let happening = Happening::Came { token: wait.token, payload };
                    let now = platform.clock.now();
                    steps.extend(job(wait.execution, Todo::Happening(happening), now, 0, now).map(Step::Enqueue));
                }
            }
        }
        let came = !steps.is_empty();
        // Reading on without having heard anything is written now and then only.
        if !came && heard.scanned - written.max(0) < i64::from(PORTION) {
            self.listeners().heard.insert(tenant, heard.scanned);
            return Ok(usize::from(heard.more));
        }
        steps.push(Step::Put(Put {
            kind: &EXECUTION_EAR,
            id: Ear::ID,
            expect: ear.as_ref().map_or(Expect::Absent, |ear| Expect::Revision(ear.revision)),
            owner: None,
            workspace: None,
            visibility: Visibility::Private,
            body: serde_json::to_value(Ear { position: heard.scanned }).map_err(Fault::internal)?,
        }));
        self.listeners().heard.remove(&tenant);
        match platform.store.commit(vec![Batch { tenant, at: platform.clock.now(), steps }]).await {
            Ok(_) => {}
            // Another instance heard the same.
            Err(StoreFault::Conflict(_)) => return Ok(0),
            Err(fault) => return Err(store_fault(fault)),
        }
        if came {
            self.desk.wake();
        }
        Ok(usize::from(heard.more))
    }

    /// Whether whoever started the execution may hear the event.
    async fn may_hear(
        &self,
        platform: &Platform,
        tenant: TenantId,
        id: Uuid,
        entry: &Entry,
        callers: &mut BTreeMap<Uuid, Option<Arc<Caller>>>,
    ) -> Result<bool, Fault> {
        let caller = if let Some(caller) = callers.get(&id) {
            caller.clone()
        } else {
            let caller = self.on_behalf(platform, tenant, id).await?;
            callers.insert(id, caller.clone());
            caller
        };
        let book = platform.service::<TopicBook>()?;
        Ok(caller.is_some_and(|caller| may_hear(&book, &caller, &entry.stream, is_published(&entry.body))))
    }

    /// On whose behalf an execution runs; none where there is neither any more.
    async fn on_behalf(&self, platform: &Platform, tenant: TenantId, id: Uuid) -> Result<Option<Arc<Caller>>, Fault> {
        let found = platform.store.get(Scope::Tenant(tenant), &EXECUTION, id).await.map_err(store_fault)?;
        let Some(stored) = found.map(Stored::<Execution>::read).transpose()? else { return Ok(None) };
        let execution = stored.value;
        match on_behalf(&self.gate, tenant, &execution).await {
            Ok(caller) => Ok(Some(caller)),
            Err(fault) if fault.is(&crate::kernel::codes::KEY_REFUSED) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

impl Listeners {
    /// Takes in a page of waits; answers who is known to wait then.
    fn looked_at(&mut self, page: &[Record]) -> Vec<TenantId> {
        let found: BTreeSet<TenantId> = page.iter().map(|record| record.tenant).collect();
        self.known.extend(&found);
        self.found.extend(found);
        let is_full = page.len() >= PAGE as usize;
        self.after = page.last().filter(|_| is_full).map(|record| Place { key: Scalar::Id(record.id), id: record.id });
        if !is_full {
            self.known = std::mem::take(&mut self.found);
            let known = &self.known;
            self.heard.retain(|tenant, _| known.contains(tenant));
        }
        self.known.iter().copied().collect()
    }
}

fn waits_for_events() -> Filter {
    Filter::Not(Box::new(Filter::IsNull("event")))
}

/// A tenant's waits for the topics of these events, by topic.
async fn waiting(
    platform: &Platform,
    tenant: TenantId,
    events: &[Entry],
) -> Result<BTreeMap<String, Vec<Waiting>>, Fault> {
    let topics: BTreeSet<&str> = events.iter().map(|entry| entry.stream.as_str()).collect();
    let topics: Vec<Scalar> = topics.into_iter().map(|topic| Scalar::Text(topic.to_owned())).collect();
    let mut waits: BTreeMap<String, Vec<Waiting>> = BTreeMap::new();
    let mut after = None;
    loop {
        let filter = Filter::In("event", topics.clone());
        let query = Query { filter, order: "id", descending: false, after, limit: PAGE };
        let page = platform.store.find(Scope::Tenant(tenant), &EXECUTION_WAIT, query).await.map_err(store_fault)?;
        let is_full = page.len() >= PAGE as usize;
        after = page.last().map(|record| Place { key: Scalar::Id(record.id), id: record.id });
        for record in page {
            let began = record.created_at;
            let wait = Stored::<Wait>::read(record)?.value;
            if let Some(event) = wait.event.clone() {
                waits.entry(event).or_default().push((wait, began));
            }
        }
        if !is_full {
            return Ok(waits);
        }
    }
}

/// Whether an event is one that is waited for.
fn fits(wait: &Wait, began: Timestamp, entry: &Entry) -> bool {
    let about = entry.body.get("subject").and_then(serde_json::Value::as_str);
    wait.event.as_deref() == Some(entry.stream.as_str())
        && entry.at >= began
        // What it says of itself would wake it for ever.
        && about != Some(wait.execution.to_string().as_str())
        && wait.key.as_deref().is_none_or(|key| Some(key) == about)
}
