//! Undoing a merge: what was given becomes a node of its own, the node is as if it had not been given, and the relations that were given with
//! it go with it.

use serde_json::Value;
use uuid::Uuid;

use super::input::GivenSplit;
use super::{SplitOutcome, Writing};
use crate::capability::cx::Belongs;
use crate::capability::permit::Action;
use crate::domain::knowledge::model::{Node, Relation, room};
use crate::kernel::fault::Fault;
use crate::port::graph::name_key;
use crate::port::records::{Filter, Query, Scalar};

/// The most relations of a node that are looked through for those that were given with what is split off.
const MOST_RELATIONS: u32 = 10_000;

/// Undoes merges.
pub(super) async fn split(writing: &Writing<'_>, splits: &[GivenSplit]) -> Result<Vec<SplitOutcome>, Fault> {
    let mut done = Vec::with_capacity(splits.len());
    for (at, split) in splits.iter().enumerate() {
        let below = |fault: Fault| fault.below(&format!("/splits/{at}"));
        if splits[..at].iter().any(|other| other.node_id == split.node_id) {
            return Err(below(Fault::bad_input("/nodeId", "stands twice: split one merge of a node in a call")));
        }
        done.push(one(writing, split).await.map_err(below)?);
    }
    Ok(done)
}

async fn one(writing: &Writing<'_>, split: &GivenSplit) -> Result<SplitOutcome, Fault> {
    let cx = writing.cx;
    let stored = cx.load::<Node>(split.node_id, Action::Change).await?;
    let mut node = stored.value.clone();
    let place = node.merges.iter().position(|merge| merge.id == split.merge_id);
    let merge = match place {
        Some(place) => node.merges.remove(place),
        None => return Err(Fault::bad_input("/mergeId", "is no merge of this node: graph_get tells them")),
    };
    for (name, before) in &merge.replaced {
        // What somebody has changed since stays as it is.
        if node.properties.get(name) == merge.properties.get(name) {
            match before {
                Value::Null => drop(node.properties.remove(name)),
                before => drop(node.properties.insert(name.clone(), before.clone())),
            }
        }
    }
    node.aliases.retain(|alias| !merge.added_aliases.contains(alias));
    node.settle();
    cx.change(&stored, &node)?;

    let belongs = Belongs { owner: stored.owner, workspace: stored.workspace, visibility: stored.visibility };
    let id = cx.new_id();
    let own = name_key(&merge.name);
    let mut apart = Node {
        of: node.of.clone(),
        key: None,
        name: merge.name.clone(),
        name_key: String::new(),
        aliases: merge.aliases.iter().filter(|alias| name_key(alias) != own).cloned().collect(),
        says: String::new(),
        room: node.room.clone(),
        properties: merge
            .properties
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        valid_from: None,
        valid_to: None,
        provenance: vec![merge.origin.clone()],
        merges: Vec::new(),
    };
    apart.settle();
    cx.create(id, belongs, &apart)?;

    let mut moved = 0;
    for end in ["from", "to"] {
        let query = Query::newest(Filter::is(end, Scalar::Id(stored.id)), MOST_RELATIONS);
        for relation in cx.find::<Relation>(query).await? {
            let by = |merged: Option<Uuid>| merged == Some(merge.id);
            let (from, to) = (by(relation.value.from_merge), by(relation.value.to_merge));
            // One of which both ends were given with it is met twice.
            if !(from || to) || (end == "to" && from) {
                continue;
            }
            let mut after = relation.value.clone();
            if from {
                (after.from, after.from_merge) = (id, None);
            }
            if to {
                (after.to, after.to_merge) = (id, None);
            }
            let belongs =
                Belongs { owner: relation.owner, workspace: relation.workspace, visibility: relation.visibility };
            let room = room(belongs.visibility, belongs.workspace, belongs.owner);
            cx.remove(&relation)?;
            cx.create(after.id(&room), belongs, &after)?;
            moved += 1;
        }
    }
    Ok(SplitOutcome { node_id: stored.id, new_node_id: id, relations: moved })
}
