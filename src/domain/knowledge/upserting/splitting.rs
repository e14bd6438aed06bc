//! Undoing a merge: what was given becomes a node of its own, the node is as if it had not been given, and the relations that were given with
//! it go with it.

use std::collections::HashSet;

use serde_json::Value;
use uuid::Uuid;

use super::input::GivenSplit;
use super::{Shared, SplitOutcome, Writing};
use crate::capability::cx::Belongs;
use crate::capability::permit::Action;
use crate::domain::knowledge::model::{Node, Relation, room};
use crate::kernel::fault::Fault;
use crate::port::graph::name_key;
use crate::port::records::{Filter, Query, Scalar, Visibility};

/// The most relations of a node that are looked through for those that were given with what is split off.
const MOST_RELATIONS: u32 = 10_000;

/// Undoes merges.
pub(super) async fn split(
    writing: &Writing<'_>,
    splits: &[GivenSplit],
    shared: &mut Shared,
) -> Result<Vec<SplitOutcome>, Fault> {
    let mut moved = HashSet::new();
    let mut done = Vec::with_capacity(splits.len());
    for (at, split) in splits.iter().enumerate() {
        let below = |fault: Fault| fault.below(&format!("/splits/{at}"));
        if splits[..at].iter().any(|other| other.node_id == split.node_id) {
            return Err(below(Fault::bad_input("/nodeId", "stands twice: split one merge of a node in a call")));
        }
        done.push(one(writing, split, shared, &mut moved).await.map_err(below)?);
    }
    Ok(done)
}

async fn one(
    writing: &Writing<'_>,
    split: &GivenSplit,
    shared: &mut Shared,
    all_moved: &mut HashSet<Uuid>,
) -> Result<SplitOutcome, Fault> {
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
        let given = merge.properties.get(name).filter(|value| !value.is_null());
        if node.properties.get(name) == given {
            match before {
                Value::Null => drop(node.properties.remove(name)),
                before => drop(node.properties.insert(name.clone(), before.clone())),
            }
        }
    }
    if merge.key.is_some() && node.key == merge.key {
        node.key = None;
    }
    if merge.valid.from.is_some() && node.valid_from == merge.valid.from {
        node.valid_from = merge.valid_before.from;
    }
    if merge.valid.to.is_some() && node.valid_to == merge.valid.to {
        node.valid_to = merge.valid_before.to;
    }
    node.aliases.retain(|alias| !merge.added_aliases.contains(alias));
    node.settle();
    cx.change(&stored, &node)?;

    let belongs = Belongs { owner: stored.owner, workspace: stored.workspace, visibility: stored.visibility };
    let id = cx.new_id();
    let own = name_key(&merge.name);
    let mut apart = Node {
        of: node.of.clone(),
        key: merge.key.clone(),
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
        valid_from: merge.valid.from,
        valid_to: merge.valid.to,
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
            // What was moved is not written yet: it cannot be read as it will be.
            if !all_moved.insert(relation.id) {
                let say =
                    "has a relation that goes with another split of this call too: split them in calls of their own";
                return Err(Fault::bad_input("/mergeId", say));
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
    // Relations are told of by the node that they left: how many they are would tell of some that not everybody sees.
    if stored.visibility == Visibility::Tenant {
        shared.created.push(id);
        shared.changed.push(stored.id);
    }
    Ok(SplitOutcome { node_id: stored.id, new_node_id: id, relations: moved })
}
