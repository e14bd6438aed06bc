//! One record as a node: made, changed, or removed with its relations, as the record says now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, json};
use uuid::Uuid;

use super::Mirrors;
use crate::capability::cx::{Belongs, store_fault};
use crate::capability::events::Event;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::domain::knowledge::model::{Node, Origin, Relation, add_origin, room};
use crate::domain::knowledge::topics::{DELETED, UPSERTED};
use crate::domain::knowledge::upserting::put_properties;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId, UserId};
use crate::kernel::seal::sha256;
use crate::port::graph::{NODE, RELATION};
use crate::port::graph_mirror::{Image, Mirrored, Tie};
use crate::port::records::{Document, Filter, Query, Record, Scalar, Scope, Visibility};
use crate::port::store::{Batch, Conflict, Expect, Put, Step, StoreFault};

/// Relations of a node that are read and removed together.
const STEP: u32 = 1_000;
/// Where another was faster it is looked at anew, so often at most; the next look through everything finds it too.
const AGAIN: usize = 3;

/// Where a node comes from.
pub(super) enum Origins {
    /// It is the node of a record.
    Record { kind: String, id: Uuid },
    /// A record names it, and nothing else is known of it.
    Named,
    /// Somebody put it there.
    Own,
}

impl Origins {
    /// Of a node: by what it says of itself where its id follows from that. Nobody else can make one of that id.
    pub(super) fn of(node: &Stored<Node>) -> Self {
        for source in node.value.provenance.iter().filter_map(|origin| origin.source.as_deref()) {
            if let Some((kind, id)) = source.strip_prefix("record:").and_then(|rest| rest.split_once(':'))
                && let Ok(id) = Uuid::parse_str(id)
                && node.id == node_of(kind, id)
            {
                return Self::Record { kind: kind.to_owned(), id };
            }
            if let Some((of, key)) = source.strip_prefix("named:").and_then(|rest| rest.split_once(':'))
                && node.id == node_named(&node.value.room, of, key)
            {
                return Self::Named;
            }
        }
        Self::Own
    }
}

/// The id of the node of a record.
fn node_of(kind: &str, id: Uuid) -> Uuid {
    hashed(&format!("node of\n{kind}\n{id}"))
}

/// The id of the node of something that is only named, within a room.
fn node_named(room: &str, of: &str, key: &str) -> Uuid {
    hashed(&format!("node named\n{room}\n{of}\n{key}"))
}

fn hashed(text: &str) -> Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(&sha256(text.as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}

/// What is written together, and what is told of it.
#[derive(Default)]
struct Writes {
    steps: Vec<Step>,
    created: Vec<Uuid>,
    changed: Vec<Uuid>,
    deleted: Vec<Uuid>,
    relations: usize,
}

/// Puts the nodes of a tenant's records right.
pub(super) struct Standing<'a> {
    pub(super) platform: &'a Platform,
    pub(super) mirrors: Arc<Mirrors>,
    pub(super) tenant: TenantId,
}

impl Standing<'_> {
    /// Makes the node of a record as the record is; answers whether it was not.
    pub(super) async fn put_right(&self, mirrored: &Mirrored, id: Uuid) -> Result<bool, Fault> {
        let mut with_key = true;
        for _ in 0..AGAIN {
            let record = self.platform.store.get(self.scope(), mirrored.kind, id).await.map_err(store_fault)?;
            let image = record.as_ref().and_then(|record| Some((record, (mirrored.image)(record)?)));
            let mut writes = Writes::default();
            let node = node_of(mirrored.kind.name, id);
            match image {
                Some((record, image)) => self.make(mirrored, record, &image, with_key, &mut writes).await?,
                None => self.remove(node, &mut writes).await?,
            }
            if writes.steps.is_empty() {
                return Ok(false);
            }
            match self.commit(writes).await {
                Ok(()) => return Ok(true),
                // Somebody has put in a node of that type and key: theirs keeps it.
                Err(StoreFault::Conflict(Conflict::Taken { .. })) => with_key = false,
                Err(StoreFault::Conflict(_)) => {}
                Err(fault) => return Err(store_fault(fault)),
            }
        }
        tracing::debug!(kind = mirrored.kind.name, %id, "the node of a record changes all the time and is looked at later");
        Ok(false)
    }

    /// Whether there is no such record any more.
    pub(super) async fn is_gone(&self, mirrored: &Mirrored, id: Uuid) -> Result<bool, Fault> {
        Ok(self.platform.store.get(self.scope(), mirrored.kind, id).await.map_err(store_fault)?.is_none())
    }

    /// Removes a node that was only named where nothing leads to it any more.
    pub(super) async fn drop_unneeded(&self, node: &Stored<Node>) -> Result<bool, Fault> {
        for end in ["to", "from"] {
            if !self.relations(end, node.id, 1).await?.is_empty() {
                return Ok(false);
            }
        }
        let mut writes = Writes::default();
        removed(node, &mut writes);
        match self.commit(writes).await {
            Ok(()) => Ok(true),
            Err(StoreFault::Conflict(_)) => Ok(false),
            Err(fault) => Err(store_fault(fault)),
        }
    }

    fn scope(&self) -> Scope {
        Scope::Tenant(self.tenant)
    }

    async fn node(&self, id: Uuid) -> Result<Option<Stored<Node>>, Fault> {
        let found = self.platform.store.get(self.scope(), &NODE, id).await.map_err(store_fault)?;
        found.map(Stored::read).transpose()
    }

    async fn relations(&self, end: &'static str, node: Uuid, most: u32) -> Result<Vec<Stored<Relation>>, Fault> {
        let query = Query::newest(Filter::is(end, Scalar::Id(node)), most);
        let found = self.platform.store.find(self.scope(), &RELATION, query).await.map_err(store_fault)?;
        found.into_iter().map(Stored::read).collect()
    }

    fn origin(&self, source: String, owner: Option<Uuid>) -> Origin {
        let by = UserId::from_uuid(owner.unwrap_or_else(Uuid::nil));
        // No call made it: it follows from the record.
        let call = CallId::from_uuid(Uuid::nil());
        Origin {
            source: Some(source),
            document: None,
            note: None,
            extracted: None,
            call,
            by,
            at: self.platform.clock.now(),
        }
    }

    async fn make(
        &self,
        mirrored: &Mirrored,
        record: &Record,
        image: &Image,
        with_key: bool,
        writes: &mut Writes,
    ) -> Result<(), Fault> {
        let belongs = Belongs { owner: record.owner, workspace: record.workspace, visibility: record.visibility };
        let source = format!("record:{}:{}", mirrored.kind.name, record.id);
        let origin = self.origin(source.clone(), record.owner);
        let id = node_of(mirrored.kind.name, record.id);
        let present = self.node(id).await?;
        let mut node = present.as_ref().map_or_else(|| bare(mirrored.of, &image.key), |node| node.value.clone());
        node.room = room(belongs.visibility, belongs.workspace, belongs.owner);
        node.name.clone_from(&image.name);
        if !with_key {
            node.key = None;
        }
        put_properties(&mut node.properties, &image.properties);
        if !node.provenance.iter().any(|known| known.source.as_ref() == Some(&source)) {
            add_origin(&mut node.provenance, &origin);
        }
        node.settle();
        let as_it_is = |stored: &Stored<Node>| {
            let same = (stored.owner, stored.workspace, stored.visibility);
            stored.value == node && same == (belongs.owner, belongs.workspace, belongs.visibility)
        };
        if !present.as_ref().is_some_and(as_it_is) {
            let expect = present.as_ref().map_or(Expect::Absent, |stored| Expect::Revision(stored.revision));
            writes.steps.push(put(id, belongs, expect, &node)?);
            if belongs.visibility == Visibility::Tenant {
                if present.is_some() { writes.changed.push(id) } else { writes.created.push(id) }
            }
        }
        self.tie(id, &node.room, belongs, image, &source, &origin, writes).await?;
        if !writes.steps.is_empty() {
            // What was read of the record holds still when this is written.
            let expect = Expect::Revision(record.revision);
            writes.steps.insert(0, Step::Check { kind: mirrored.kind, id: record.id, expect });
        }
        Ok(())
    }

    /// Makes the relations of a node as its record says. Those that somebody else put there stay.
    #[expect(clippy::too_many_arguments, reason = "what a node is made of")]
    async fn tie(
        &self,
        id: Uuid,
        room: &str,
        belongs: Belongs,
        image: &Image,
        source: &str,
        origin: &Origin,
        writes: &mut Writes,
    ) -> Result<(), Fault> {
        let mut present = BTreeMap::new();
        for stored in self.relations("from", id, STEP).await? {
            present.insert(stored.id, stored);
        }
        let wanted: BTreeSet<&Tie> = image.ties.iter().collect();
        let mut made = BTreeSet::new();
        for tie in wanted {
            let to = self.other(tie, room, belongs, writes).await?;
            let relation = Relation {
                from: id,
                to,
                of: tie.of.to_owned(),
                properties: Map::new(),
                weight: None,
                confidence: None,
                valid_from: None,
                valid_to: None,
                provenance: vec![origin.clone()],
                from_merge: None,
                to_merge: None,
            };
            let of_tie = relation.id(room);
            if made.insert(of_tie) && !present.contains_key(&of_tie) {
                writes.steps.push(put(of_tie, belongs, Expect::Absent, &relation)?);
                writes.relations += usize::from(belongs.visibility == Visibility::Tenant);
            }
        }
        let by_record = |stored: &&Stored<Relation>| {
            stored.value.provenance.iter().any(|origin| origin.source.as_deref() == Some(source))
        };
        let over = present.values().filter(|stored| !made.contains(&stored.id)).filter(by_record);
        for stored in over {
            writes.steps.push(gone::<Relation>(stored));
            writes.relations += usize::from(stored.visibility == Visibility::Tenant);
        }
        Ok(())
    }

    /// The node that a tie leads to: that of the record of the key, else one that is only named. It is seen like what names it.
    async fn other(&self, tie: &Tie, room: &str, belongs: Belongs, writes: &mut Writes) -> Result<Uuid, Fault> {
        if let Some(mirrored) = self.mirrors.0.iter().find(|one| one.of == tie.to)
            && let Some(record) = (mirrored.record)(&tie.key)
            && self.node(node_of(mirrored.kind.name, record)).await?.is_some()
        {
            return Ok(node_of(mirrored.kind.name, record));
        }
        let id = node_named(room, tie.to, &tie.key);
        let is_new = !writes.steps.iter().any(|step| matches!(step, Step::Put(put) if put.id == id));
        if is_new && self.node(id).await?.is_none() {
            let mut node = bare(tie.to, &tie.key);
            // A key names one: where a record of it comes, that has it.
            (node.key, node.room) = (None, room.to_owned());
            node.provenance.push(self.origin(format!("named:{}:{}", tie.to, tie.key), belongs.owner));
            node.settle();
            writes.steps.push(put(id, belongs, Expect::Absent, &node)?);
            if belongs.visibility == Visibility::Tenant {
                writes.created.push(id);
            }
        }
        Ok(id)
    }

    /// Removes a node with every relation that it has.
    async fn remove(&self, id: Uuid, writes: &mut Writes) -> Result<(), Fault> {
        let Some(node) = self.node(id).await? else { return Ok(()) };
        let mut met = BTreeSet::new();
        for end in ["from", "to"] {
            loop {
                let some = self.relations(end, id, STEP).await?;
                for stored in &some {
                    if met.insert(stored.id) {
                        writes.steps.push(gone::<Relation>(stored));
                    }
                }
                if some.len() < STEP as usize {
                    break;
                }
                // What leads to a node that is not there any more is told to nobody: the node may go last.
                let part = Writes { steps: std::mem::take(&mut writes.steps), ..Writes::default() };
                self.commit(part).await.map_err(store_fault)?;
            }
        }
        removed(&node, writes);
        Ok(())
    }

    async fn commit(&self, writes: Writes) -> Result<(), StoreFault> {
        let at = self.platform.clock.now();
        let Writes { mut steps, created, mut changed, deleted, relations } = writes;
        changed.dedup();
        let mut events = Vec::new();
        let event = |topic, subject: Uuid, data| Event::by_itself(self.tenant, at, topic, subject.to_string(), data);
        if let Some(subject) = created.first().or_else(|| changed.first()).copied() {
            let data = json!({ "created": created, "changed": changed, "relations": relations });
            events.push(event(UPSERTED, subject, data));
        }
        events.extend(deleted.into_iter().map(|id| event(DELETED, id, json!({ "nodeId": id }))));
        for event in &events {
            steps.push(event.step().map_err(|fault| StoreFault::Broken(fault.to_string()))?);
        }
        self.platform.store.commit(vec![Batch { tenant: self.tenant, at, steps }]).await?;
        for event in events {
            self.platform.tell(Arc::new(event));
        }
        Ok(())
    }
}

/// A node of which nothing is known but what it is and what names it.
fn bare(of: &str, key: &str) -> Node {
    Node {
        of: of.to_owned(),
        key: Some(key.to_owned()),
        name: key.to_owned(),
        name_key: String::new(),
        aliases: Vec::new(),
        says: String::new(),
        room: String::new(),
        properties: Map::new(),
        valid_from: None,
        valid_to: None,
        provenance: Vec::new(),
        merges: Vec::new(),
    }
}

fn put<T: Document>(id: Uuid, belongs: Belongs, expect: Expect, value: &T) -> Result<Step, Fault> {
    let body = serde_json::to_value(value).map_err(Fault::internal)?;
    let Belongs { owner, workspace, visibility } = belongs;
    Ok(Step::Put(Put { kind: T::KIND, id, expect, owner, workspace, visibility, body }))
}

fn gone<T: Document>(stored: &Stored<T>) -> Step {
    Step::Remove { kind: T::KIND, id: stored.id, expect: Expect::Revision(stored.revision) }
}

fn removed(node: &Stored<Node>, writes: &mut Writes) {
    writes.steps.push(gone::<Node>(node));
    if node.visibility == Visibility::Tenant {
        writes.deleted.push(node.id);
    }
}
