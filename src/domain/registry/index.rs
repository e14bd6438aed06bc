//! The search index over tools, kept until the tools change: one for the built-in tools, shared by every tenant that has
//! added none, and one for each tenant that has.

use std::sync::Arc;

use super::engine::{Document, Index};
use crate::capability::caches::{CacheBook, CountedCache};
use crate::capability::registry::Snapshot;
use crate::capability::tool::Tool;
use crate::kernel::id::TenantId;

/// Indexes that are kept: that of the built-in tools, and those of tenants with tools of their own that searched last. One takes
/// about two megabytes and a moment to make.
const MOST_INDEXES: u64 = 32;

/// An index with the tools that its documents stand for.
pub struct Indexed {
    version: u64,
    index: Index,
    tools: Vec<Arc<Tool>>,
}

impl Indexed {
    /// The tools that fit a need best, best first, with their scores.
    pub fn search(&self, need: &str, most: usize, allowed: impl Fn(&Tool) -> bool) -> Vec<(Arc<Tool>, f32)> {
        let hits = self.index.search(need, most, |document| self.tools.get(document).is_some_and(|tool| allowed(tool)));
        hits.into_iter().filter_map(|hit| Some((self.tools.get(hit.document)?.clone(), hit.score))).collect()
    }
}

/// Indexes by the tenant that has tools of its own.
type Indexes = CountedCache<Option<TenantId>, Arc<Indexed>>;

/// Keeps the indexes.
pub struct ToolIndex {
    kept: Arc<Indexes>,
}

impl Default for ToolIndex {
    fn default() -> Self {
        Self { kept: CountedCache::new(MOST_INDEXES) }
    }
}

impl ToolIndex {
    /// Tells the book of caches of it.
    pub fn list_in(&self, book: &CacheBook) {
        book.list("tool_index", "the search index over tools", &self.kept);
    }

    /// The index over the tools that a tenant has.
    #[must_use]
    pub fn of(&self, snapshot: &Snapshot, tenant: TenantId) -> Arc<Indexed> {
        let (owner, version) = snapshot.version_of(tenant);
        let make = || {
            let tools: Vec<Arc<Tool>> = snapshot.of_tenant(tenant).cloned().collect();
            let documents: Vec<Document> = tools.iter().map(|tool| document(tool)).collect();
            Arc::new(Indexed { version, index: Index::build(&documents), tools })
        };
        let kept = self.kept.get_with(owner, make);
        if kept.version == version {
            return kept;
        }
        let fresh = make();
        self.kept.insert(owner, fresh.clone());
        fresh
    }
}

/// What the index knows of a tool.
#[must_use]
pub fn document(tool: &Tool) -> Document {
    let fields = tool.input().get("properties").and_then(serde_json::Value::as_object);
    Document {
        name: tool.name.to_string(),
        domain: tool.domain.name().to_owned(),
        title: tool.title.clone(),
        description: tool.description.clone(),
        phrases: tool.card.phrases.clone(),
        fields: fields.map(|fields| fields.keys().cloned().collect()).unwrap_or_default(),
    }
}
