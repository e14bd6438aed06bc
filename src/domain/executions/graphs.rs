//! The graphs that executions run: each version is read and linked once and kept for as long as it is used. A version never changes, so
//! what is kept is never wrong.

use std::sync::Arc;

use crate::capability::bound::Bound;
use crate::capability::caches::CountedCache;
use crate::capability::cx::store_fault;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::nodes::{Config, node_type};
use crate::domain::processes::reading;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::records::{Document as _, Scope};

/// The most graphs that are kept.
const MOST: u64 = 2_000;

/// Of a tenant's process, the definition of a number.
type Key = (TenantId, String, u32);

/// A graph, and within what it is done.
type Known = (Arc<Graph>, Option<Arc<Bound>>);

/// The graphs.
pub struct Graphs {
    cache: Arc<CountedCache<Key, Known>>,
}

impl Default for Graphs {
    fn default() -> Self {
        Self { cache: CountedCache::new(MOST) }
    }
}

impl Graphs {
    /// The graph of a definition.
    ///
    /// # Errors
    /// Where there is none, or the store fails.
    pub(super) async fn of(
        &self,
        platform: &Platform,
        tenant: TenantId,
        process: &str,
        revision: u32,
    ) -> Result<Arc<Graph>, Fault> {
        self.known(platform, tenant, process, revision).await.map(|(graph, _)| graph)
    }

    /// The graph of a definition, and what may be done by it at most.
    ///
    /// # Errors
    /// Where there is none, or the store fails.
    pub(super) async fn known(
        &self,
        platform: &Platform,
        tenant: TenantId,
        process: &str,
        revision: u32,
    ) -> Result<Known, Fault> {
        let key = (tenant, process.to_owned(), revision);
        if let Some(known) = self.cache.get(&key) {
            return Ok(known);
        }
        let id = reading::Revision::id(process, revision);
        let found =
            platform.store.get(Scope::Tenant(tenant), reading::Revision::KIND, id).await.map_err(store_fault)?;
        let found = found.map(Stored::<reading::Revision>::read).transpose()?;
        let found = found.ok_or_else(|| Fault::not_found("version of the process", process))?.value;
        let (bound, definition) = (found.bound().map(Arc::new), found.definition);
        let configs: Option<Vec<Config>> =
            definition.nodes.iter().map(|node| node_type(&node.kind)?.read(&node.config).ok()).collect();
        let graph = configs.and_then(|configs| Graph::of(Arc::new(definition), configs));
        let graph = Arc::new(graph.ok_or_else(|| Fault::internal("a published definition has a graph"))?);
        self.cache.insert(key, (graph.clone(), bound.clone()));
        Ok((graph, bound))
    }
}
