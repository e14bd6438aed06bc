//! The nodes that one call is about: read together beforehand, found by id, key and name, and written at the end.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::input::{GivenNode, Input, Resolve};
use super::{Outcome, Writing};
use crate::capability::cx::{Belongs, Cx, forbidden};
use crate::capability::owned::{Stored, Verdict, judge, visible_to};
use crate::capability::permit::{Action, Permit, Resource};
use crate::domain::knowledge::engine::names::likeness;
use crate::domain::knowledge::model::Node;
use crate::kernel::fault::Fault;
use crate::port::graph::name_key;
use crate::port::records::{Filter, Query, Scalar, Visibility};

/// Values of one read.
const STEP: usize = 200;
/// Nodes of one name that are looked at.
const MOST_OF_A_NAME: u32 = 50;
/// Nodes that may be alike which are looked at.
const MOST_ALIKE: u32 = 200;
/// How alike names must be where nothing is said.
const THRESHOLD: f64 = 0.9;

/// A node of the call.
pub(super) struct Entry {
    pub(super) node: Node,
    stored: Option<Stored<Node>>,
    belongs: Belongs,
    touched: bool,
}

/// How a node was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) id: Uuid,
    pub(super) by: &'static str,
    pub(super) likeness: f64,
}

/// The nodes of the call.
pub(super) struct Book {
    entries: HashMap<Uuid, Entry>,
    by_key: HashMap<(String, String), Uuid>,
    by_name: HashMap<(String, String), Vec<Uuid>>,
    alike: HashMap<usize, Found>,
    room: String,
    resolve: Resolve,
}

impl Book {
    /// Reads what the call may be about.
    pub(super) async fn read(writing: &Writing<'_>, input: &Input) -> Result<Self, Fault> {
        let cx = writing.cx;
        let mut book = Self {
            entries: HashMap::new(),
            by_key: HashMap::new(),
            by_name: HashMap::new(),
            alike: HashMap::new(),
            room: writing.room.clone(),
            resolve: input.resolve,
        };
        let ids: Vec<Uuid> = input.nodes.iter().filter_map(|node| node.id).collect();
        book.load(cx, "id", ids.into_iter().map(Scalar::Id).collect()).await?;
        let keys = input.nodes.iter().filter(|node| node.id.is_none()).filter_map(|node| node.key.clone());
        book.load(cx, "key", keys.map(Scalar::Text).collect()).await?;
        if input.resolve == Resolve::None {
            return Ok(book);
        }
        let named: Vec<(usize, &GivenNode)> =
            input.nodes.iter().enumerate().filter(|(_, node)| node.id.is_none() && node.name.is_some()).collect();
        let open: Vec<(usize, &GivenNode)> = named
            .into_iter()
            .filter(|(_, node)| node.key.as_ref().is_none_or(|key| !book.has_key(&node.of, key)))
            .collect();
        let names = open.iter().filter_map(|(_, node)| node.name.as_deref()).map(name_key);
        book.load(cx, "nameKey", names.map(Scalar::Text).collect()).await?;
        for (at, node) in open {
            if node.key.is_none() && book.named(node).is_none() {
                book.look_alike(cx, at, node, input).await?;
            }
        }
        Ok(book)
    }

    fn has_key(&self, of: &str, key: &str) -> bool {
        self.by_key.contains_key(&(of.to_owned(), key.to_owned()))
    }

    /// Reads the nodes of these values that the caller may see.
    async fn load(&mut self, cx: &Cx, field: &'static str, mut values: Vec<Scalar>) -> Result<(), Fault> {
        let mut seen = HashSet::new();
        values.retain(|value| seen.insert(format!("{value:?}")));
        for some in values.chunks(STEP) {
            let filter = Filter::In(field, some.to_vec());
            let most = u32::try_from(some.len()).unwrap_or(u32::MAX).saturating_mul(MOST_OF_A_NAME);
            self.keep(cx, filter, most).await?;
        }
        Ok(())
    }

    async fn keep(&mut self, cx: &Cx, filter: Filter, most: u32) -> Result<Vec<Uuid>, Fault> {
        let filter = filter.and(visible_to::<Node>(cx.caller()));
        let query = Query { filter, order: "id", descending: false, after: None, limit: most };
        let mut ids = Vec::new();
        for stored in cx.find::<Node>(query).await? {
            ids.push(stored.id);
            self.enter(stored);
        }
        Ok(ids)
    }

    fn enter(&mut self, stored: Stored<Node>) {
        if self.entries.contains_key(&stored.id) {
            return;
        }
        let belongs = Belongs { owner: stored.owner, workspace: stored.workspace, visibility: stored.visibility };
        let node = stored.value.clone();
        let id = stored.id;
        self.entries.insert(id, Entry { node, stored: Some(stored), belongs, touched: false });
        self.index(id);
    }

    /// Makes a node found by its key and name, among those that are seen like what the call writes.
    fn index(&mut self, id: Uuid) {
        let Some(Entry { node, .. }) = self.entries.get(&id) else { return };
        if node.room != self.room {
            return;
        }
        if let Some(key) = &node.key {
            self.by_key.insert((node.of.clone(), key.clone()), id);
        }
        let of_name = self.by_name.entry((node.of.clone(), node.name_key.clone())).or_default();
        if !of_name.contains(&id) {
            of_name.push(id);
        }
    }

    /// The node of the type and name; the first that was made where there are several. One with another key is another node.
    fn named(&self, given: &GivenNode) -> Option<Uuid> {
        let name = name_key(given.name.as_deref()?);
        let of_name = self.by_name.get(&(given.of.clone(), name))?;
        let fits = |id: &&Uuid| {
            let own = self.entries.get(*id).and_then(|entry| entry.node.key.as_ref());
            own.is_none() || given.key.is_none()
        };
        of_name.iter().filter(fits).min().copied()
    }

    /// Looks for a node with that alias, and for one with a name that is alike.
    async fn look_alike(&mut self, cx: &Cx, at: usize, given: &GivenNode, input: &Input) -> Result<(), Fault> {
        let Some(name) = given.name.as_deref() else { return Ok(()) };
        let key = name_key(name);
        let of_type = Filter::is("type", Scalar::Text(given.of.clone()));
        let here = Filter::is("room", Scalar::Text(self.room.clone()));
        let matches = Filter::Matches(name.to_owned());
        for id in self.keep(cx, of_type.clone().and(here.clone()).and(matches), MOST_OF_A_NAME).await? {
            if self.entries.get(&id).is_some_and(|entry| entry.node.is_called(&key)) {
                self.alike.insert(at, Found { id, by: "alias", likeness: 1.0 });
                return Ok(());
            }
        }
        if input.resolve != Resolve::Similar {
            return Ok(());
        }
        let beginnings = key.split(' ').filter(|word| word.chars().count() > 2).take(4);
        let beginnings: Vec<Filter> =
            beginnings.map(|word| Filter::Matches(word.chars().take(3).collect::<String>())).collect();
        let candidates = self.keep(cx, of_type.and(here).and(Filter::Or(beginnings)), MOST_ALIKE).await?;
        let threshold = input.threshold.unwrap_or(THRESHOLD);
        let best = candidates
            .into_iter()
            .filter_map(|id| {
                let node = &self.entries.get(&id)?.node;
                let names =
                    std::iter::once(node.name_key.clone()).chain(node.aliases.iter().map(|alias| name_key(alias)));
                let likeness = names.map(|other| likeness(&key, &other)).fold(0.0, f64::max);
                (likeness >= threshold).then_some(Found { id, by: "similarity", likeness })
            })
            .max_by(|one, other| one.likeness.total_cmp(&other.likeness).then(other.id.cmp(&one.id)));
        self.alike.extend(best.map(|found| (at, found)));
        Ok(())
    }

    /// The node that is meant.
    pub(super) fn find(&self, given: &GivenNode, at: usize) -> Result<Option<Found>, Fault> {
        let certain = |id, by| Found { id, by, likeness: 1.0 };
        if let Some(id) = given.id {
            let found = self.entries.get(&id).filter(|entry| entry.stored.is_some());
            let found = found.ok_or_else(|| Fault::bad_input("/id", "is the id of no node that the caller may see"))?;
            if found.node.of != given.of {
                return Err(Fault::bad_input("/type", format!("the node is of the type '{}'", found.node.of)));
            }
            return Ok(Some(certain(id, "id")));
        }
        if let Some(id) = given.key.as_ref().and_then(|key| self.by_key.get(&(given.of.clone(), key.clone()))) {
            return Ok(Some(certain(*id, "key")));
        }
        if self.resolve == Resolve::None {
            return Ok(None);
        }
        if let Some(found) = self.alike.get(&at) {
            return Ok(Some(*found));
        }
        Ok(self.named(given).map(|id| certain(id, "name")))
    }

    /// A node of the call.
    pub(super) fn entry(&self, id: Uuid) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// Whether a node is one that everybody of the tenant may see.
    pub(super) fn is_shared(&self, id: Uuid) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.belongs.visibility == Visibility::Tenant)
    }

    /// The node of a key.
    pub(super) fn of_key(&self, of: &str, key: &str) -> Option<Uuid> {
        self.by_key.get(&(of.to_owned(), key.to_owned())).copied()
    }

    /// Enters a new node.
    pub(super) fn add(&mut self, id: Uuid, node: Node, belongs: Belongs) {
        self.entries.insert(id, Entry { node, stored: None, belongs, touched: true });
        self.index(id);
    }

    /// Puts another version of a node in its place.
    ///
    /// # Errors
    /// When the caller may not change it.
    pub(super) fn put(&mut self, cx: &Cx, id: Uuid, node: Node, lenient: bool) -> Result<Outcome, Fault> {
        let Some(entry) = self.entries.get_mut(&id) else { return Ok(Outcome::Unchanged) };
        if entry.node == node {
            return Ok(Outcome::Unchanged);
        }
        if let Some(stored) = &entry.stored
            && judge(cx.caller(), stored, Action::Change) != Verdict::Allowed
        {
            if lenient {
                return Ok(Outcome::Unchanged);
            }
            let detail = serde_json::json!({ "nodeId": id, "permission": Permit::on(Resource::Graph, Action::Manage) });
            return Err(forbidden(Permit::on(Resource::Graph, Action::Manage)).with_detail(detail));
        }
        entry.node = node;
        entry.touched = true;
        self.index(id);
        Ok(Outcome::Changed)
    }

    /// Writes what is new.
    pub(super) fn write(self, cx: &Cx) -> Result<(), Fault> {
        let mut touched: Vec<(Uuid, Entry)> = self.entries.into_iter().filter(|(_, entry)| entry.touched).collect();
        touched.sort_by_key(|(id, _)| *id);
        for (id, entry) in touched {
            match &entry.stored {
                Some(stored) => cx.change(stored, &entry.node)?,
                None => cx.create(id, entry.belongs, &entry.node)?,
            }
        }
        Ok(())
    }
}
