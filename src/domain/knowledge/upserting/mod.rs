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
    let mut splits = Vec::new();
    if !input.splits.is_empty() {
        if !input.nodes.is_empty() || !input.relations.is_empty() {
            let say = "stand alone: give nodes and relations in another call, so that they find what was split off";
            return Err(Fault::bad_input("/splits", say));
        }
        splits = splitting::split(&writing, &input.splits).await?;
    }
    let mut book = Book::read(&writing, &input).await?;
    let mut nodes = Vec::with_capacity(input.nodes.len());
    for (at, given) in input.nodes.iter().enumerate() {
        let outcome =
            merging::take(&writing, &mut book, given, at).map_err(|fault| fault.below(&format!("/nodes/{at}")))?;
        nodes.push(outcome);
    }
    let relations = relating::take(&writing, &mut book, &input.relations, &nodes).await?;
    book.write(cx)?;
    tell(&writing, &nodes, &relations)?;
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

/// Tells of what everybody of the tenant may see.
fn tell(writing: &Writing<'_>, nodes: &[NodeOutcome], relations: &[RelationOutcome]) -> Result<(), Fault> {
    if writing.belongs.visibility != Visibility::Tenant {
        return Ok(());
    }
    let those = |wanted: &[Outcome]| -> Vec<Uuid> {
        nodes.iter().filter(|node| wanted.contains(&node.outcome)).map(|node| node.id).collect()
    };
    let created = those(&[Outcome::Created]);
    let mut changed = those(&[Outcome::Changed, Outcome::Merged]);
    let written = relations.iter().filter(|relation| relation.outcome != Outcome::Unchanged);
    changed.extend(written.clone().flat_map(|relation| [relation.from, relation.to]));
    changed.sort_unstable();
    changed.dedup();
    let count = written.count();
    if created.is_empty() && changed.is_empty() && count == 0 {
        return Ok(());
    }
    let subject = created.first().or_else(|| changed.first()).copied().unwrap_or_default();
    let data = json!({ "created": created, "changed": changed, "relations": count });
    writing.cx.emit(UPSERTED, subject, &data)
}

/// Puts given properties in their places: null removes one.
fn put_properties(properties: &mut Map<String, Value>, given: &Map<String, Value>) {
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
