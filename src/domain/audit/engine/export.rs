//! Exports: everything of a tenant's that is in the tree of a checkpoint, in order, so that the root can be worked out from it
//! elsewhere. What is of other tenants stands as the hash of a subtree; what retention removed stands as its link.

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::hash::{Class, hex};
use super::kept::{self, KeptNodes, Link, WIDTH};
use super::tree::{Nodes as _, subtrees};
use crate::capability::cx::store_fault;
use crate::capability::gate::audit::AUDIT;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Entry, LogQuery};
use crate::port::records::{Filter, Scope};
use crate::port::store::Store;

/// Bundles that are looked through for one page.
const BUNDLES: u64 = 200;

/// The first line of a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Title {
    /// The form of the file.
    pub convoke_audit_export: u32,
    /// The tenant.
    pub tenant_id: TenantId,
    /// How many entries the tree has, over all tenants.
    pub size: u64,
    /// The signed checkpoint of that tree.
    pub checkpoint: String,
    /// The key that its signature is checked with.
    pub public_key: String,
}

/// What an item of an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// An entry of the tenant.
    Entry,
    /// An entry of the tenant that is not in the log any more.
    Removed,
    /// A subtree with nothing of the tenant's.
    Subtree,
}

/// An item of an export. They stand in the order of the tree.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// The number in the tenant's chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// When the entry was appended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How long it is kept: 0 as details are, 1 as evidence of compliance is, 2 for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<u8>,
    /// The entry as it lies in the log: what it says of people is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The hash of the entry, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_hash: Option<String>,
    /// The hash of its link, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_hash: Option<String>,
    /// The level of the subtree: it has two to this power leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u32>,
    /// The root of the subtree, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
}

impl Item {
    fn of_link(link: &Link, entry: Option<Entry>) -> Self {
        Self {
            kind: if entry.is_some() { ItemKind::Entry } else { ItemKind::Removed },
            number: Some(link.said.number),
            at: Some(entry.as_ref().map_or(link.said.at, |entry| entry.at)),
            class: Some(entry.as_ref().map_or(link.said.class, |entry| Class::of(&entry.body)).byte()),
            entry_hash: Some(hex(&link.said.entry)),
            link_hash: Some(hex(&link.hash)),
            body: entry.map(|entry| entry.body),
            level: None,
            root: None,
        }
    }

    fn subtree(level: u32, root: String) -> Self {
        Self {
            kind: ItemKind::Subtree,
            number: None,
            at: None,
            class: None,
            body: None,
            entry_hash: None,
            link_hash: None,
            level: Some(level),
            root: Some(root),
        }
    }
}

/// What part of the tree is exported.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Stretch {
    /// From this leaf.
    pub from: u64,
    /// The size of the tree.
    pub size: u64,
    /// No subtree reaches over this leaf, so that the root over what lies before it can be worked out too.
    pub split: u64,
}

/// The items of a stretch, some `limit` of them, and where the next ones begin.
///
/// # Errors
/// When the store fails.
pub async fn page(
    store: &Arc<dyn Store>,
    tenant: TenantId,
    stretch: Stretch,
    limit: usize,
) -> Result<(Vec<Item>, Option<Stretch>), Fault> {
    let mut nodes = KeptNodes::new(store.clone());
    let mut items = Vec::new();
    // Where the leaves begin that are not the tenant's and not told yet.
    let mut others = stretch.from;
    let mut at = stretch.from;
    let first = stretch.from / WIDTH;
    'bundles: for number in first..stretch.size.div_ceil(WIDTH).min(first + BUNDLES) {
        let links = kept::bundle(&**store, number).await?;
        let skip = usize::try_from(at - number * WIDTH).unwrap_or(usize::MAX);
        let most = usize::try_from(stretch.size - number * WIDTH).unwrap_or(usize::MAX);
        let wanted = (stretch.size - number * WIDTH).min(WIDTH);
        if u64::try_from(links.len()).unwrap_or(0) < wanted {
            return Err(Fault::internal("links of the audit log's chain are missing: audit_verify tells more"));
        }
        let part = links.get(skip..most.min(links.len())).unwrap_or_default();
        let mut entries = entries_of(&**store, tenant, part).await?;
        for link in part {
            if at == stretch.split {
                tell_others(&mut nodes, &mut items, others, at).await?;
                others = at;
            }
            if link.said.tenant == tenant {
                tell_others(&mut nodes, &mut items, others, at).await?;
                others = at + 1;
                items.push(Item::of_link(link, entries.remove(&link.position)));
            }
            at += 1;
            if items.len() >= limit {
                break 'bundles;
            }
        }
    }
    tell_others(&mut nodes, &mut items, others, at).await?;
    let next = (at < stretch.size).then_some(Stretch { from: at, ..stretch });
    Ok((items, next))
}

async fn tell_others(nodes: &mut KeptNodes, items: &mut Vec<Item>, from: u64, to: u64) -> Result<(), Fault> {
    for (level, index) in subtrees(from, to) {
        let root = nodes.node(level, index).await?;
        items.push(Item::subtree(level, hex(&root)));
    }
    Ok(())
}

/// The tenant's entries that some links are of, by position.
async fn entries_of(store: &dyn Store, tenant: TenantId, links: &[Link]) -> Result<HashMap<i64, Entry>, Fault> {
    let own = || links.iter().filter(|link| link.said.tenant == tenant).map(|link| link.position);
    let (Some(first), Some(last)) = (own().min(), own().max()) else { return Ok(HashMap::new()) };
    let limit = u32::try_from(WIDTH * 2).unwrap_or(u32::MAX);
    let query = LogQuery { filter: Filter::All, beyond: Some(first - 1), descending: false, limit };
    let entries = store.entries(Scope::Tenant(tenant), &AUDIT, query).await.map_err(store_fault)?;
    Ok(entries.into_iter().filter(|entry| entry.position <= last).map(|entry| (entry.position, entry)).collect())
}
