//! A store that is lost at a chosen commit, as in a crash: what was to be written is refused, or written and never acknowledged, and nothing
//! is written after it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use convoke::kernel::id::TenantId;
use convoke::kernel::time::Timestamp;
use convoke::port::logs::{Entry, Keep, Kept, Log, LogQuery, Logs, TimeQuery};
use convoke::port::queue::{Lease, Queue};
use convoke::port::records::{Filter, Kind, Query, Ranking, Record, Records, Scalar, Scope, Sharing};
use convoke::port::store::{Batch, Frozen, Migration, Store, StoreFault, StoreHealth, Word};
use tokio::sync::broadcast;
use uuid::Uuid;

/// When a store is lost.
#[derive(Debug)]
pub(crate) struct Break {
    /// So many writes are still made.
    left: AtomicI64,
    /// Whether the last one is on disk although nobody is told so.
    written: AtomicBool,
}

impl Default for Break {
    fn default() -> Self {
        Self { left: AtomicI64::new(i64::MAX), written: AtomicBool::new(false) }
    }
}

impl Break {
    /// The store is lost at the n-th write from now.
    pub(crate) fn at(&self, nth: i64, written: bool) {
        self.written.store(written, Ordering::SeqCst);
        self.left.store(nth, Ordering::SeqCst);
    }

    /// Whether it is lost.
    pub(crate) fn is_broken(&self) -> bool {
        self.left.load(Ordering::SeqCst) <= 0
    }
}

/// The store.
pub(crate) struct BreakingStore {
    store: Arc<dyn Store>,
    breaks: Arc<Break>,
}

impl BreakingStore {
    pub(crate) fn new(store: Arc<dyn Store>, breaks: Arc<Break>) -> Self {
        Self { store, breaks }
    }

    async fn writes<T>(&self, writing: impl Future<Output = Result<T, StoreFault>> + Send) -> Result<T, StoreFault> {
        let left = self.breaks.left.fetch_sub(1, Ordering::SeqCst) - 1;
        if left > 0 {
            return writing.await;
        }
        if left == 0 && self.breaks.written.load(Ordering::SeqCst) {
            writing.await?;
        }
        Err(StoreFault::Unavailable("it is lost, as in a crash".to_owned()))
    }
}

#[async_trait]
impl Records for BreakingStore {
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
impl Logs for BreakingStore {
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
        self.writes(self.store.trim(log, keep, now, limit)).await
    }
}

#[async_trait]
impl Queue for BreakingStore {
    async fn lease(
        &self,
        queue: &'static str,
        now: Timestamp,
        span: Duration,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreFault> {
        self.writes(self.store.lease(queue, now, span, limit)).await
    }

    async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreFault> {
        self.writes(self.store.extend(lease, until)).await
    }

    async fn finish(&self, lease: &Lease) -> Result<bool, StoreFault> {
        self.writes(self.store.finish(lease)).await
    }

    async fn put_back(&self, lease: &Lease, due: Timestamp) -> Result<bool, StoreFault> {
        self.writes(self.store.put_back(lease, due)).await
    }

    async fn depth(&self, queue: &'static str) -> Result<u64, StoreFault> {
        self.store.depth(queue).await
    }

    async fn next_due(&self, queue: &'static str) -> Result<Option<Timestamp>, StoreFault> {
        self.store.next_due(queue).await
    }
}

#[async_trait]
impl Store for BreakingStore {
    async fn commit(&self, batches: Vec<Batch>) -> Result<Vec<i64>, StoreFault> {
        self.writes(self.store.commit(batches)).await
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
        self.store.restore_from(file).await
    }
}
