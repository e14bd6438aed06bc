//! A store whose commits tell which nodes and relations they write, so that a projection can follow: the note stands in the same batch as the
//! write, and neither is there without the other.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::kernel::id::{TenantId, new_uuid};
use crate::kernel::time::Timestamp;
use crate::port::graph::{CHANGES, NODE, RELATION};
use crate::port::logs::{Entry, Keep, Kept, Log, LogQuery, Logs, TimeQuery};
use crate::port::queue::{Lease, Queue};
use crate::port::records::{Filter, Kind, Query, Ranking, Record, Records, Scalar, Scope, Sharing};
use crate::port::store::{Batch, Frozen, Migration, Step, Store, StoreFault, StoreHealth, Word};

/// Nodes and relations of one note: as many as fit into what counts as one entry.
const OF_ONE_NOTE: usize = 90;

/// What a note says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Tells this note from one that took its place in the log of another time.
    pub(super) token: Uuid,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) nodes: Vec<Uuid>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) relations: Vec<Uuid>,
}

/// The store.
pub struct FedStore {
    store: Arc<dyn Store>,
    /// How often everything became another.
    restored: Arc<AtomicU64>,
}

impl FedStore {
    /// The store, with notes.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, restored: Arc::default() }
    }

    /// Counts how often everything became another.
    #[must_use]
    pub fn restored(&self) -> Arc<AtomicU64> {
        self.restored.clone()
    }
}

/// The batch with notes of what of the graph it writes.
fn noted(mut batch: Batch) -> Batch {
    let mut touched: Vec<(bool, Uuid)> = Vec::new();
    for step in &batch.steps {
        let (kind, id) = match step {
            Step::Put(put) => (put.kind, put.id),
            Step::Remove { kind, id, .. } => (*kind, *id),
            _ => continue,
        };
        if kind.name == NODE.name || kind.name == RELATION.name {
            touched.push((kind.name == NODE.name, id));
        }
    }
    touched.sort_unstable();
    touched.dedup();
    for some in touched.chunks(OF_ONE_NOTE) {
        let of = |nodes: bool| some.iter().filter(|(is_node, _)| *is_node == nodes).map(|(_, id)| *id).collect();
        let note = Note { token: new_uuid(batch.at), nodes: of(true), relations: of(false) };
        // Three lists of ids are always JSON.
        let body = serde_json::to_value(&note).unwrap_or_default();
        batch.steps.push(Step::Append { log: &CHANGES, stream: String::new(), body });
    }
    batch
}

#[async_trait]
impl Records for FedStore {
    async fn get(&self, scope: Scope, kind: &'static Kind, id: Uuid) -> Result<Option<Record>, StoreFault> {
        self.store.get(scope, kind, id).await
    }

    async fn find(&self, scope: Scope, kind: &'static Kind, query: Query) -> Result<Vec<Record>, StoreFault> {
        self.store.find(scope, kind, query).await
    }

    async fn columns(
        &self,
        scope: Scope,
        kind: &'static Kind,
        names: &'static [&'static str],
        filter: Filter,
        limit: u32,
    ) -> Result<Vec<Vec<Scalar>>, StoreFault> {
        self.store.columns(scope, kind, names, filter, limit).await
    }

    async fn rank(
        &self,
        tenant: TenantId,
        kind: &'static Kind,
        ranking: Ranking,
    ) -> Result<Vec<(Record, f64)>, StoreFault> {
        self.store.rank(tenant, kind, ranking).await
    }

    async fn sharing(
        &self,
        tenant: TenantId,
        kind: &'static Kind,
        sharing: Sharing,
    ) -> Result<Vec<Record>, StoreFault> {
        self.store.sharing(tenant, kind, sharing).await
    }

    async fn count(&self, scope: Scope, kind: &'static Kind, filter: Filter) -> Result<u64, StoreFault> {
        self.store.count(scope, kind, filter).await
    }

    async fn versions(
        &self,
        scope: Scope,
        kind: &'static Kind,
        id: Uuid,
        limit: u32,
    ) -> Result<Vec<Record>, StoreFault> {
        self.store.versions(scope, kind, id, limit).await
    }

    async fn counter(&self, scope: Scope, name: &'static str, key: &str) -> Result<i64, StoreFault> {
        self.store.counter(scope, name, key).await
    }

    async fn counters(
        &self,
        scope: Scope,
        name: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, i64)>, StoreFault> {
        self.store.counters(scope, name, prefix, after, limit).await
    }
}

#[async_trait]
impl Logs for FedStore {
    async fn entries(&self, scope: Scope, log: &'static Log, query: LogQuery) -> Result<Vec<Entry>, StoreFault> {
        self.store.entries(scope, log, query).await
    }

    async fn kept(&self, scope: Scope, log: &'static Log, query: LogQuery) -> Result<Vec<Kept>, StoreFault> {
        self.store.kept(scope, log, query).await
    }

    async fn entries_by_time(
        &self,
        scope: Scope,
        log: &'static Log,
        query: TimeQuery,
    ) -> Result<Vec<Entry>, StoreFault> {
        self.store.entries_by_time(scope, log, query).await
    }

    async fn last(&self, log: &'static Log) -> Result<i64, StoreFault> {
        self.store.last(log).await
    }

    async fn trim(&self, log: &'static Log, keep: Keep, now: Timestamp, limit: u32) -> Result<u64, StoreFault> {
        self.store.trim(log, keep, now, limit).await
    }
}

#[async_trait]
impl Queue for FedStore {
    async fn lease(
        &self,
        queue: &'static str,
        now: Timestamp,
        span: Duration,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreFault> {
        self.store.lease(queue, now, span, limit).await
    }

    async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreFault> {
        self.store.extend(lease, until).await
    }

    async fn finish(&self, lease: &Lease) -> Result<bool, StoreFault> {
        self.store.finish(lease).await
    }

    async fn put_back(&self, lease: &Lease, due: Timestamp) -> Result<bool, StoreFault> {
        self.store.put_back(lease, due).await
    }

    async fn depth(&self, queue: &'static str) -> Result<u64, StoreFault> {
        self.store.depth(queue).await
    }

    async fn next_due(&self, queue: &'static str) -> Result<Option<Timestamp>, StoreFault> {
        self.store.next_due(queue).await
    }
}

#[async_trait]
impl Store for FedStore {
    async fn commit(&self, batches: Vec<Batch>) -> Result<Vec<i64>, StoreFault> {
        self.store.commit(batches.into_iter().map(noted).collect()).await
    }

    async fn health(&self) -> Result<StoreHealth, StoreFault> {
        self.store.health().await
    }

    async fn migrations(&self) -> Result<Vec<Migration>, StoreFault> {
        self.store.migrations().await
    }

    async fn copy_to(&self, file: &Path) -> Result<(), StoreFault> {
        self.store.copy_to(file).await
    }

    async fn is_empty(&self) -> Result<bool, StoreFault> {
        self.store.is_empty().await
    }

    async fn freeze(&self) -> Result<Frozen, StoreFault> {
        self.store.freeze().await
    }

    fn words(&self) -> Option<broadcast::Receiver<Word>> {
        self.store.words()
    }

    async fn tell(&self, word: Word) -> Result<(), StoreFault> {
        self.store.tell(word).await
    }

    fn instance(&self) -> Option<i32> {
        self.store.instance()
    }

    async fn is_open_by(&self, instance: i32) -> Result<bool, StoreFault> {
        self.store.is_open_by(instance).await
    }

    async fn end(self: Arc<Self>) {
        self.store.clone().end().await;
    }

    async fn restore_from(&self, file: &Path) -> Result<(), StoreFault> {
        let restored = self.store.restore_from(file).await;
        // Also after a failure: what is there now is not known.
        self.restored.fetch_add(1, Ordering::SeqCst);
        restored
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::port::records::Visibility;
    use crate::port::store::{Expect, Put};

    static OTHER: Kind = Kind::new("other");

    fn put(kind: &'static Kind, id: u128) -> Step {
        Step::Put(Put {
            kind,
            id: Uuid::from_u128(id),
            expect: Expect::Anything,
            owner: None,
            workspace: None,
            visibility: Visibility::Tenant,
            body: json!({}),
        })
    }

    #[test]
    fn a_batch_notes_what_of_the_graph_it_writes_and_nothing_else() {
        let tenant = TenantId::from_uuid(Uuid::nil());
        let batch = |steps| Batch { tenant, at: Timestamp::from_millis(1), steps };
        assert_eq!(noted(batch(vec![put(&OTHER, 1)])).steps.len(), 1);
        let removed = Step::Remove { kind: &RELATION, id: Uuid::from_u128(3), expect: Expect::Anything };
        let steps = noted(batch(vec![put(&NODE, 2), removed, put(&NODE, 2), put(&OTHER, 4)])).steps;
        let Some(Step::Append { log, body, .. }) = steps.last() else { unreachable!() };
        let note: Note = serde_json::from_value(body.clone()).unwrap();
        assert_eq!((log.name, steps.len()), ("graph_changes", 5));
        assert_eq!((note.nodes, note.relations), (vec![Uuid::from_u128(2)], vec![Uuid::from_u128(3)]));
        let many = noted(batch((0..200).map(|id| put(&NODE, id)).collect())).steps;
        assert_eq!(many.len(), 203);
    }
}
