//! Events for the executions that wait for one. The log is followed from a place that moves in the commit of what was heard; who reads the
//! same at the same time loses the commit. So each event is heard once, also by what began to wait a moment before, and after a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use crate::capability::caller::Caller;
use crate::capability::cx::store_fault;
use crate::capability::events::{EVENTS, Ways};
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
use crate::port::logs::{Entry, TimeQuery};
use crate::port::records::{Comparison, Filter, Query, Scalar, Scope, Visibility};
use crate::port::store::{Batch, Expect, Put, Step, StoreFault};

use super::Desk;

/// The most waits that are looked at in a round; what is beyond them is looked at in the next, since waits end.
const MOST_WAITS: u32 = 10_000;
/// Events that are read at once.
const PORTION: u32 = 500;

/// Hears events for executions.
pub struct Hearer {
    gate: Arc<Gate>,
    desk: Arc<Desk>,
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
        Ok(Arc::new(Self { gate, desk }))
    }

    /// Hears what has come; answers how much it read.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn round(&self) -> Result<usize, Fault> {
        let platform = self.gate.platform();
        let filter = Filter::Not(Box::new(Filter::IsNull("event")));
        let query = Query { filter, order: "createdAt", descending: false, after: None, limit: MOST_WAITS };
        let found = platform.store.find(Scope::Platform, &EXECUTION_WAIT, query).await.map_err(store_fault)?;
        let mut of_tenants: BTreeMap<TenantId, Vec<Waiting>> = BTreeMap::new();
        for record in found {
            let (tenant, began) = (record.tenant, record.created_at);
            let wait = Stored::<Wait>::read(record)?.value;
            of_tenants.entry(tenant).or_default().push((wait, began));
        }
        let mut read = 0;
        for (tenant, waits) in of_tenants {
            read += self.hear(platform, tenant, &waits).await?;
        }
        Ok(read)
    }

    async fn hear(&self, platform: &Platform, tenant: TenantId, waits: &[Waiting]) -> Result<usize, Fault> {
        let ear = platform.store.get(Scope::Tenant(tenant), &EXECUTION_EAR, Ear::ID).await.map_err(store_fault)?;
        let ear = ear.map(Stored::<Ear>::read).transpose()?;
        // What happened before anything waited is for nobody.
        let earliest = waits.iter().map(|(_, began)| *began).min().unwrap_or_default();
        let before = Filter::Compare("at", Comparison::Less, Scalar::Time(earliest));
        let query = TimeQuery { filter: before, beyond: None, descending: true, limit: 1 };
        let floor = platform.store.entries_by_time(Scope::Tenant(tenant), &EVENTS, query).await.map_err(store_fault)?;
        let floor = floor.first().map_or(0, |entry| entry.position);
        let after = ear.as_ref().map_or(0, |ear| ear.value.position).max(floor);
        let mut topics: Vec<Scalar> =
            waits.iter().filter_map(|(wait, _)| wait.event.clone()).map(Scalar::Text).collect();
        topics.dedup();
        let bus = platform.service::<Ways>()?.bus.clone();
        let heard = bus.read(tenant, &Filter::In("stream", topics), after, PORTION).await.map_err(store_fault)?;
        if heard.scanned <= ear.as_ref().map_or(-1, |ear| ear.value.position) {
            return Ok(0);
        }
        let mut steps = Vec::new();
        for entry in &heard.events {
            for (wait, began) in waits {
                if fits(wait, *began, entry) && self.may_hear(platform, tenant, wait.execution, entry).await? {
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
        if !came && ear.is_some() && heard.scanned - after < i64::from(PORTION) {
            return Ok(0);
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
        match platform.store.commit(vec![Batch { tenant, at: platform.clock.now(), steps }]).await {
            Ok(_) => {}
            // Another instance heard the same.
            Err(StoreFault::Conflict(_)) => return Ok(0),
            Err(fault) => return Err(store_fault(fault)),
        }
        if came {
            self.desk.wake();
        }
        Ok(if heard.more { heard.events.len().max(1) } else { 0 })
    }

    /// Whether whoever started the execution may hear the event.
    async fn may_hear(&self, platform: &Platform, tenant: TenantId, id: Uuid, entry: &Entry) -> Result<bool, Fault> {
        let found = platform.store.get(Scope::Tenant(tenant), &EXECUTION, id).await.map_err(store_fault)?;
        let Some(stored) = found.map(Stored::<Execution>::read).transpose()? else { return Ok(false) };
        let execution = stored.value;
        let caller = self.gate.callers().resume(platform, tenant, execution.user, execution.principal()).await;
        let caller: Arc<Caller> = match caller {
            Ok(caller) => caller,
            Err(fault) if fault.is(&crate::kernel::codes::KEY_REFUSED) => return Ok(false),
            Err(fault) => return Err(fault),
        };
        let book = platform.service::<TopicBook>()?;
        Ok(may_hear(&book, &caller, &entry.stream, is_published(&entry.body)))
    }
}

/// Whether an event is one that is waited for.
fn fits(wait: &Wait, began: Timestamp, entry: &Entry) -> bool {
    let about = entry.body.get("subject").and_then(serde_json::Value::as_str);
    wait.event.as_deref() == Some(entry.stream.as_str())
        && entry.at >= began
        && wait.key.as_deref().is_none_or(|key| Some(key) == about)
}
