//! Taking nodes and relations in: found where they are known already, else made; all of one call together.

mod book;
mod input;
mod merging;
mod relating;
mod splitting;

pub(super) use input::{GivenNode, GivenOrigin, GivenRelation, Input, Resolve};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::faults::GRAPH_NODE_TOO_LARGE;
use super::model::{Origin, room};
use super::topics::UPSERTED;
use crate::capability::cx::{Belongs, Cx};
use crate::kernel::fault::Fault;
use crate::kernel::id::NodeId;
use crate::kernel::time::Timestamp;
use crate::port::records::Visibility;
use book::Book;

/// The most characters of the properties of one, as JSON.
const LARGEST: usize = 32_768;
/// The most properties of one.
const MOST_PROPERTIES: usize = 100;

/// What became of what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It is new.
    Created,
    /// It was known and is another now.
    Changed,
    /// It was taken for one that is called otherwise or of which other things were known. It can be split off again.
    Merged,
    /// Nothing of it was new.
    Unchanged,
}

/// What became of everything.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// What became of the nodes, in the order in which they were given.
    pub(super) nodes: Vec<NodeOutcome>,
    /// What became of the relations, in the order in which they were given.
    pub(super) relations: Vec<RelationOutcome>,
    /// What was split off, in the order in which it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    splits: Vec<SplitOutcome>,
}

/// What became of a node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeOutcome {
    /// Its name within the call.
    #[serde(skip_serializing_if = "Option::is_none", rename = "ref")]
    reference: Option<String>,
    /// Its id.
    #[schemars(with = "NodeId")]
    pub(super) id: Uuid,
    /// What became of it.
    pub(super) outcome: Outcome,
    /// By what it was found: `id`, `key`, `name`, `alias` or `similarity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    found_by: Option<&'static str>,
    /// How alike the names are, where it was found by that.
    #[serde(skip_serializing_if = "Option::is_none")]
    likeness: Option<f64>,
    /// The merge, by which it can be split off again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<NodeId>")]
    merge_id: Option<Uuid>,
}

/// What everybody of the tenant learns of: nothing in it is private to somebody or a workspace's.
#[derive(Default)]
struct Shared {
    created: Vec<Uuid>,
    changed: Vec<Uuid>,
    relations: usize,
}

/// What became of a relation.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RelationOutcome {
    /// Its id.
    #[schemars(with = "NodeId")]
    pub(super) id: Uuid,
    /// The node where it begins.
    #[schemars(with = "NodeId")]
    pub(super) from: Uuid,
    /// The node where it ends.
    #[schemars(with = "NodeId")]
    pub(super) to: Uuid,
    /// What became of it.
    pub(super) outcome: Outcome,
    /// Whether everybody of the tenant may see it and its ends.
    #[serde(skip)]
    shared: bool,
}

/// What was split off.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SplitOutcome {
    /// The node that it was taken for.
    #[schemars(with = "NodeId")]
    node_id: Uuid,
    /// The node that it is now.
    #[schemars(with = "NodeId")]
    new_node_id: Uuid,
    /// How many relations went with it.
    relations: usize,
}

/// Where what is written belongs and comes from.
struct Writing<'a> {
    cx: &'a Cx,
    belongs: Belongs,
    room: String,
    origin: Option<GivenOrigin>,
    lenient: bool,
}

impl Writing<'_> {
    /// Where one comes from: what it says itself, else what is said of all.
    fn origin(&self, own: Option<&GivenOrigin>) -> Origin {
        let given = own.or(self.origin.as_ref()).cloned().unwrap_or_default();
        let call = self.cx.call();
        Origin {
            source: given.source,
            document: given.document,
            note: given.note,
            extracted: given.extracted,
            call: call.id,
            by: call.caller.user,
            at: self.cx.now(),
        }
    }
}

/// Takes everything in.
pub(super) async fn take(cx: &Cx, input: Input) -> Result<Output, Fault> {
    if input.nodes.is_empty() && input.relations.is_empty() && input.splits.is_empty() {
        return Err(Fault::bad_input("/nodes", "give at least one node, relation or split"));
    }
    let belongs = belongs(cx, &input)?;
    let room = room(belongs.visibility, belongs.workspace, belongs.owner);
    let writing = Writing { cx, belongs, room, origin: input.provenance.clone(), lenient: input.lenient };
    let (mut splits, mut shared) = (Vec::new(), Shared::default());
    if !input.splits.is_empty() {
        if !input.nodes.is_empty() || !input.relations.is_empty() {
            let say = "stand alone: give nodes and relations in another call, so that they find what was split off";
            return Err(Fault::bad_input("/splits", say));
        }
        splits = splitting::split(&writing, &input.splits, &mut shared).await?;
    }
    let mut book = Book::read(&writing, &input).await?;
    let mut nodes = Vec::with_capacity(input.nodes.len());
    for (at, given) in input.nodes.iter().enumerate() {
        let outcome =
            merging::take(&writing, &mut book, given, at).map_err(|fault| fault.below(&format!("/nodes/{at}")))?;
        nodes.push(outcome);
    }
    let relations = relating::take(&writing, &mut book, &input.relations, &nodes).await?;
    add_shared(&mut shared, &book, &nodes, &relations);
    book.write(cx)?;
    tell(cx, shared)?;
    Ok(Output { nodes, relations, splits })
}

fn belongs(cx: &Cx, input: &Input) -> Result<Belongs, Fault> {
    let visibility = input.visibility.unwrap_or_default();
    let workspace = match (visibility, input.workspace_id) {
        (Visibility::Workspace, Some(id)) if cx.caller().workspaces.contains(&id) => Some(id),
        (Visibility::Workspace, Some(_)) => {
            return Err(Fault::bad_input("/workspaceId", "must be a workspace that the caller is a member of"));
        }
        (Visibility::Workspace, None) => {
            return Err(Fault::bad_input("/workspaceId", "must be given with the visibility 'workspace'"));
        }
        (_, Some(_)) => return Err(Fault::bad_input("/workspaceId", "is of the visibility 'workspace'")),
        (_, None) => None,
    };
    Ok(Belongs { owner: Some(cx.caller().user.uuid()), workspace, visibility })
}

/// Adds what everybody of the tenant may see of what became of nodes and relations: by how each of them is seen, not by what the call says.
fn add_shared(shared: &mut Shared, book: &Book, nodes: &[NodeOutcome], relations: &[RelationOutcome]) {
    for node in nodes.iter().filter(|node| book.is_shared(node.id)) {
        match node.outcome {
            Outcome::Created => shared.created.push(node.id),
            Outcome::Changed | Outcome::Merged => shared.changed.push(node.id),
            Outcome::Unchanged => {}
        }
    }
    for relation in relations.iter().filter(|relation| relation.shared && relation.outcome != Outcome::Unchanged) {
        shared.changed.extend([relation.from, relation.to]);
        shared.relations += 1;
    }
}

/// Tells of what everybody of the tenant may see.
fn tell(cx: &Cx, shared: Shared) -> Result<(), Fault> {
    let Shared { created, mut changed, relations } = shared;
    changed.sort_unstable();
    changed.dedup();
    let Some(subject) = created.first().or_else(|| changed.first()).copied() else { return Ok(()) };
    let data = json!({ "created": created, "changed": changed, "relations": relations });
    cx.emit(UPSERTED, subject, &data)
}

/// Puts given properties in their places: null removes one.
pub(super) fn put_properties(properties: &mut Map<String, Value>, given: &Map<String, Value>) {
    for (name, value) in given {
        if value.is_null() {
            properties.remove(name);
        } else {
            properties.insert(name.clone(), value.clone());
        }
    }
}

/// Fails where there is more than one may have.
fn fits(properties: &Map<String, Value>, aliases: usize) -> Result<(), Fault> {
    let size: usize = properties.iter().map(|(name, value)| name.len() + value.to_string().len()).sum();
    if properties.len() > MOST_PROPERTIES || size > LARGEST || aliases > MOST_PROPERTIES {
        let say = format!("it would have {} properties of {size} characters and {aliases} aliases", properties.len());
        return Err(Fault::new(&GRAPH_NODE_TOO_LARGE, say));
    }
    Ok(())
}

/// Fails where something would end before it begins.
fn in_order(from: Option<Timestamp>, to: Option<Timestamp>) -> Result<(), Fault> {
    match (from, to) {
        (Some(from), Some(to)) if from >= to => Err(Fault::bad_input("/validTo", "must be after 'validFrom'")),
        _ => Ok(()),
    }
}
