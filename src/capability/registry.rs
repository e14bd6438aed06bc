//! The registry: every tool that there is, in one fixed order. Rows are built in; tenants add theirs at run time. Doors read
//! an immutable snapshot, so that a list never changes under a reader.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::caller::Caller;
use super::permit::Permit;
use super::tool::Tool;
use crate::kernel::id::TenantId;

/// The version of the tools of a tenant that has added none.
const BUILT: u64 = 1;

/// All tools at one moment.
pub struct Snapshot {
    version: u64,
    built: Arc<[Arc<Tool>]>,
    built_by_name: Arc<HashMap<Arc<str>, Arc<Tool>>>,
    added: HashMap<TenantId, Arc<Added>>,
}

/// The tools that a tenant has added.
#[derive(Default)]
struct Added {
    version: u64,
    tools: BTreeMap<Arc<str>, Arc<Tool>>,
}

impl Snapshot {
    /// Grows with every change, whoever's it is.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The built-in tools, by name.
    #[must_use]
    pub fn built(&self) -> &[Arc<Tool>] {
        &self.built
    }

    /// All tools of a tenant: built in first, then added, each by name.
    pub fn of_tenant(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<Tool>> {
        self.built.iter().chain(self.added.get(&tenant).into_iter().flat_map(|added| added.tools.values()))
    }

    /// Whose tools a tenant's are, and their version: what is made from a tenant's tools is good for all tenants that have
    /// added none, and a change of another tenant's tools leaves it good.
    #[must_use]
    pub fn version_of(&self, tenant: TenantId) -> (Option<TenantId>, u64) {
        match self.added.get(&tenant) {
            Some(added) if !added.tools.is_empty() => (Some(tenant), added.version),
            Some(_) | None => (None, BUILT),
        }
    }

    /// Every tool of every tenant, built in first.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Tool>> {
        self.built.iter().chain(self.added.values().flat_map(|added| added.tools.values()))
    }

    /// The tool of a name that a tenant has.
    #[must_use]
    pub fn find(&self, tenant: TenantId, name: &str) -> Option<&Arc<Tool>> {
        self.built_by_name.get(name).or_else(|| self.added.get(&tenant)?.tools.get(name))
    }

    /// The tools that a caller may call, by name.
    pub fn visible<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = &'a Arc<Tool>> {
        self.of_tenant(caller.tenant).filter(move |tool| may_call(caller, tool))
    }
}

/// Whether a caller may call a tool: permission, the key's toolsets, read-only mode, and the allowance of the agent that acts.
#[must_use]
pub fn may_call(caller: &Caller, tool: &Tool) -> bool {
    let permitted = match tool.permit {
        Permit::Public => true,
        Permit::Own => caller.is_known(),
        Permit::On(resource, action) => caller.may(resource, action),
    };
    let in_toolsets = tool.forwards.is_some()
        || caller.toolsets.as_ref().is_none_or(|sets| sets.contains(&tool.domain) || tool.permit == Permit::Public);
    let allowed = caller.acting.as_ref().is_none_or(|acting| acting.may_use(tool));
    let passes = caller.pass.as_ref().is_none_or(|pass| pass.may_use(&tool.name));
    permitted && allowed && passes && in_toolsets && (!caller.read_only || tool.effect.reads())
}

/// Holds the snapshot in force.
pub struct Registry {
    present: ArcSwap<Snapshot>,
    changes: watch::Sender<u64>,
}

impl Registry {
    /// A registry of built-in tools.
    #[must_use]
    pub fn new(mut tools: Vec<Arc<Tool>>) -> Self {
        tools.sort_by(|one, other| one.name.cmp(&other.name));
        let built_by_name = tools.iter().map(|tool| (tool.name.clone(), tool.clone())).collect();
        Self {
            present: ArcSwap::from_pointee(Snapshot {
                version: BUILT,
                built: tools.into(),
                built_by_name: Arc::new(built_by_name),
                added: HashMap::new(),
            }),
            changes: watch::Sender::new(BUILT),
        }
    }

    /// The snapshot in force.
    #[must_use]
    pub fn present(&self) -> Arc<Snapshot> {
        self.present.load_full()
    }

    /// Tells of every change of the tools: the snapshot's version.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Adds a tool of a tenant, or replaces it; false when a built-in tool has the name.
    #[must_use]
    pub fn add(&self, tenant: TenantId, tool: &Arc<Tool>) -> bool {
        if self.present.load().built_by_name.contains_key(&tool.name) {
            return false;
        }
        self.alter(tenant, |tools| {
            tools.insert(tool.name.clone(), tool.clone());
        });
        true
    }

    /// Withdraws a tool of a tenant.
    pub fn withdraw(&self, tenant: TenantId, name: &str) {
        self.alter(tenant, |tools| {
            tools.remove(name);
        });
    }

    fn alter(&self, tenant: TenantId, alter: impl Fn(&mut BTreeMap<Arc<str>, Arc<Tool>>)) {
        self.present.rcu(|present| {
            let version = present.version + 1;
            let mut added = present.added.clone();
            let mut tools = added.get(&tenant).map(|added| added.tools.clone()).unwrap_or_default();
            alter(&mut tools);
            added.insert(tenant, Arc::new(Added { version, tools }));
            Snapshot { version, built: present.built.clone(), built_by_name: present.built_by_name.clone(), added }
        });
        self.changes.send_replace(self.present.load().version);
    }
}
