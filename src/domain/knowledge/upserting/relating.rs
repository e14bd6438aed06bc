//! Relations taken in: their ends found, then each told apart by its ends, its type and the beginning of its validity.

use std::collections::HashMap;

use uuid::Uuid;

use super::book::Book;
use super::input::GivenRelation;
use super::{NodeOutcome, Outcome, RelationOutcome, Writing, fits, in_order, put_properties};
use crate::capability::cx::forbidden;
use crate::capability::owned::{Stored, Verdict, judge, visible_to};
use crate::capability::permit::{Action, Permit, Resource};
use crate::domain::knowledge::model::{Node, Relation, add_origin};
use crate::kernel::fault::{Fault, Violation};
use crate::port::records::{Filter, Query, Scalar, Visibility};

/// Values of one read.
const STEP: usize = 200;

/// An end: the node, and the merge by which it is that one.
#[derive(Debug, Clone, Copy)]
struct End {
    node: Uuid,
    merge: Option<Uuid>,
    /// Whether everybody of the tenant may see the node.
    shared: bool,
}

/// The end at a node that is not of this call.
fn end_at(stored: &Stored<Node>) -> End {
    End { node: stored.id, merge: None, shared: stored.visibility == Visibility::Tenant }
}

/// Takes relations in.
pub(super) async fn take(
    writing: &Writing<'_>,
    book: &mut Book,
    given: &[GivenRelation],
    nodes: &[NodeOutcome],
) -> Result<Vec<RelationOutcome>, Fault> {
    if given.is_empty() {
        return Ok(Vec::new());
    }
    let ends = ends(writing, book, given, nodes).await?;
    let mut new: Vec<([Uuid; 2], Relation)> = Vec::with_capacity(given.len());
    for (at, (relation, (from, to))) in given.iter().zip(&ends).enumerate() {
        let below = |fault: Fault| fault.below(&format!("/relations/{at}"));
        if relation.weight.is_some_and(|weight| !weight.is_finite()) {
            return Err(below(Fault::bad_input("/weight", "must be a finite number")));
        }
        in_order(relation.valid_from, relation.valid_to).map_err(below)?;
        let mut made = Relation {
            from: from.node,
            to: to.node,
            of: relation.of.clone(),
            properties: serde_json::Map::new(),
            weight: relation.weight,
            confidence: relation.confidence,
            valid_from: relation.valid_from,
            valid_to: relation.valid_to,
            provenance: vec![writing.origin(relation.provenance.as_ref())],
            from_merge: from.merge,
            to_merge: to.merge,
        };
        put_properties(&mut made.properties, &relation.properties);
        new.push(([made.id(&writing.room), made.former_id(&writing.room)], made));
    }
    let mut known: HashMap<Uuid, (Option<Stored<Relation>>, Relation, bool)> = HashMap::new();
    let ids: Vec<Scalar> = new.iter().flat_map(|(ids, _)| ids).map(|id| Scalar::Id(*id)).collect();
    for some in ids.chunks(STEP) {
        let limit = u32::try_from(some.len()).unwrap_or(u32::MAX);
        for stored in writing.cx.find::<Relation>(Query::newest(Filter::In("id", some.to_vec()), limit)).await? {
            let value = stored.value.clone();
            known.insert(stored.id, (Some(stored), value, false));
        }
    }
    let mut outcomes = Vec::with_capacity(new.len());
    for (at, ((([id, former], made), relation), ends)) in new.into_iter().zip(given).zip(&ends).enumerate() {
        let id = if known.contains_key(&former) { former } else { id };
        let below = |fault: Fault| fault.below(&format!("/relations/{at}"));
        let (from, to) = (made.from, made.to);
        let own = known.get(&id).and_then(|(stored, ..)| stored.as_ref()).map(|stored| stored.visibility);
        let own = own.unwrap_or(writing.belongs.visibility);
        let shared = own == Visibility::Tenant && ends.0.shared && ends.1.shared;
        let outcome = match known.get_mut(&id) {
            None => {
                fits(&made.properties, 0).map_err(below)?;
                known.insert(id, (None, made, true));
                Outcome::Created
            }
            Some((stored, present, touched)) => {
                let mut after = present.clone();
                put_properties(&mut after.properties, &relation.properties);
                fits(&after.properties, 0).map_err(below)?;
                after.weight = relation.weight.or(after.weight);
                after.confidence = relation.confidence.or(after.confidence);
                after.valid_to = relation.valid_to.or(after.valid_to);
                for origin in &made.provenance {
                    add_origin(&mut after.provenance, origin);
                }
                if after == *present {
                    Outcome::Unchanged
                } else {
                    let may = |stored: &Stored<Relation>| {
                        judge(writing.cx.caller(), stored, Action::Change) == Verdict::Allowed
                    };
                    let allowed = stored.as_ref().is_none_or(may);
                    if !allowed && !writing.lenient {
                        let detail = serde_json::json!({ "relationId": id, "permission": Permit::on(Resource::Graph, Action::Manage) });
                        return Err(forbidden(Permit::on(Resource::Graph, Action::Manage)).with_detail(detail));
                    }
                    if allowed {
                        *present = after;
                        *touched = true;
                        Outcome::Changed
                    } else {
                        Outcome::Unchanged
                    }
                }
            }
        };
        outcomes.push(RelationOutcome { id, from, to, outcome, shared });
    }
    let mut written: Vec<_> = known.into_iter().filter(|(_, (_, _, touched))| *touched).collect();
    written.sort_by_key(|(id, _)| *id);
    for (id, (stored, value, _)) in written {
        match stored {
            Some(stored) => writing.cx.change(&stored, &value)?,
            None => writing.cx.create(id, writing.belongs, &value)?,
        }
    }
    Ok(outcomes)
}

/// The ends of all: a name of this call, an id, or a type and key.
async fn ends(
    writing: &Writing<'_>,
    book: &Book,
    given: &[GivenRelation],
    nodes: &[NodeOutcome],
) -> Result<Vec<(End, End)>, Fault> {
    let mut known: HashMap<String, End> = HashMap::new();
    for node in nodes {
        let end = End { node: node.id, merge: node.merge_id, shared: book.is_shared(node.id) };
        known.insert(node.id.to_string(), end);
        if let Some(name) = &node.reference
            && known.insert(name.clone(), end).is_some_and(|other| other.node != end.node)
        {
            return Err(Fault::bad_input("/nodes", format!("two nodes have the ref '{name}'")));
        }
    }
    let said: Vec<&String> =
        given.iter().flat_map(|one| [&one.from, &one.to]).filter(|one| !known.contains_key(*one)).collect();
    let (mut ids, mut keys) = (Vec::new(), Vec::new());
    for text in said {
        if let Ok(id) = Uuid::parse_str(text) {
            ids.push((text.clone(), id));
        } else if let Some((of, key)) = text.split_once(':') {
            match book.of_key(of, key) {
                Some(node) => {
                    known.insert(text.clone(), End { node, merge: None, shared: book.is_shared(node) });
                }
                None => keys.push((text.clone(), of.to_owned(), key.to_owned())),
            }
        }
    }
    let visible = visible_to::<Node>(writing.cx.caller());
    for some in ids.chunks(STEP) {
        let filter = Filter::In("id", some.iter().map(|(_, id)| Scalar::Id(*id)).collect()).and(visible.clone());
        for stored in writing.cx.find::<Node>(Query::newest(filter, 2 * u32::try_from(STEP).unwrap_or(1))).await? {
            for (text, _) in some.iter().filter(|(_, id)| *id == stored.id) {
                known.insert(text.clone(), end_at(&stored));
            }
        }
    }
    for some in keys.chunks(STEP) {
        let filter =
            Filter::In("key", some.iter().map(|(.., key)| Scalar::Text(key.clone())).collect()).and(visible.clone());
        for stored in writing.cx.find::<Node>(Query::newest(filter, 10_000)).await? {
            let node = &stored.value;
            let meant = some.iter().filter(|(_, of, key)| *of == node.of && node.key.as_ref() == Some(key));
            for (text, ..) in meant {
                // Of the room that is written into before those of others.
                if node.room == writing.room || !known.contains_key(text) {
                    known.insert(text.clone(), end_at(&stored));
                }
            }
        }
    }
    let mut wrong = Vec::new();
    let mut found = Vec::with_capacity(given.len());
    for (at, relation) in given.iter().enumerate() {
        let mut end = |name: &str, text: &String| {
            let end = known.get(text).copied();
            if end.is_none() {
                let pointer = format!("/relations/{at}/{name}");
                let message =
                    "is no ref of this call, and no id or 'Type:key' of a node that the caller may see".to_owned();
                wrong.push(Violation { pointer, message });
            }
            end
        };
        let (from, to) = (end("from", &relation.from), end("to", &relation.to));
        found.extend(from.zip(to));
    }
    if wrong.is_empty() { Ok(found) } else { Err(Fault::violations(wrong)) }
}
