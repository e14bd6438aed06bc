//! One node taken in: what is new of it is added to the node that it is, and where that was only thought, enough is kept to undo it.

use serde_json::{Map, Value};

use super::book::{Book, Found};
use super::input::GivenNode;
use super::{NodeOutcome, Outcome, Writing, fits, in_order, put_properties};
use crate::domain::knowledge::model::{Merge, Node, Origin, Span, add_origin};
use crate::kernel::fault::Fault;
use crate::port::graph::name_key;

/// Takes a node in.
pub(super) fn take(writing: &Writing<'_>, book: &mut Book, given: &GivenNode, at: usize) -> Result<NodeOutcome, Fault> {
    let origin = writing.origin(given.provenance.as_ref());
    let Some(found) = book.find(given, at)? else {
        return create(writing, book, given, origin);
    };
    let told = |outcome, merge_id| NodeOutcome {
        reference: given.reference.clone(),
        id: found.id,
        outcome,
        found_by: Some(found.by),
        likeness: (found.by == "similarity").then_some((found.likeness * 1000.0).round() / 1000.0),
        merge_id,
    };
    let Some(known) = book.entry(found.id).map(|entry| entry.node.clone()) else {
        return Ok(told(Outcome::Unchanged, None));
    };
    let (node, merge) = merged(writing, &known, given, found, &origin)?;
    let merge_id = merge.as_ref().map(|merge| merge.id);
    let outcome = book.put(writing.cx, found.id, node, writing.lenient)?;
    Ok(match outcome {
        Outcome::Changed if merge_id.is_some() => told(Outcome::Merged, merge_id),
        outcome => told(outcome, None),
    })
}

fn create(writing: &Writing<'_>, book: &mut Book, given: &GivenNode, origin: Origin) -> Result<NodeOutcome, Fault> {
    let name = given.name.clone().or_else(|| given.key.clone());
    let name = name.ok_or_else(|| Fault::bad_input("/name", "must be given: there is no such node yet"))?;
    in_order(given.valid_from, given.valid_to)?;
    let mut node = Node {
        of: given.of.clone(),
        key: given.key.clone(),
        name,
        name_key: String::new(),
        aliases: Vec::new(),
        says: String::new(),
        room: writing.room.clone(),
        properties: Map::new(),
        valid_from: given.valid_from,
        valid_to: given.valid_to,
        provenance: vec![origin],
        merges: Vec::new(),
    };
    add_aliases(&mut node, given.aliases.iter());
    put_properties(&mut node.properties, &given.properties);
    fits(&node.properties, node.aliases.len())?;
    node.settle();
    let id = writing.cx.new_id();
    book.add(id, node, writing.belongs);
    Ok(NodeOutcome {
        reference: given.reference.clone(),
        id,
        outcome: Outcome::Created,
        found_by: None,
        likeness: None,
        merge_id: None,
    })
}

/// What the node is with what was given, and the merge where that was only thought to be the same.
fn merged(
    writing: &Writing<'_>,
    known: &Node,
    given: &GivenNode,
    found: Found,
    origin: &Origin,
) -> Result<(Node, Option<Merge>), Fault> {
    let mut node = known.clone();
    let certain = matches!(found.by, "id" | "key");
    let mut added = Vec::new();
    if let Some(name) = &given.name {
        if certain {
            // Whoever names it by id or key says what it is called. The earlier name is still one that it is found by.
            if node.name != *name {
                let before = std::mem::replace(&mut node.name, name.clone());
                add_aliases(&mut node, std::iter::once(&before));
            }
        } else {
            added = add_aliases(&mut node, std::iter::once(name));
        }
    }
    added.extend(add_aliases(&mut node, given.aliases.iter()));
    if node.key.is_none() {
        node.key.clone_from(&given.key);
    }
    let mut replaced = Map::new();
    for name in given.properties.keys() {
        replaced.insert(name.clone(), node.properties.get(name).cloned().unwrap_or(Value::Null));
    }
    let contradicts = given
        .properties
        .iter()
        .any(|(name, value)| node.properties.get(name).is_some_and(|before| before != value && !value.is_null()));
    put_properties(&mut node.properties, &given.properties);
    node.valid_from = given.valid_from.or(node.valid_from);
    node.valid_to = given.valid_to.or(node.valid_to);
    in_order(node.valid_from, node.valid_to)?;
    add_origin(&mut node.provenance, origin);
    // What is called the same and contradicts nothing needs no undoing.
    let doubtful = !certain && (found.by == "similarity" || contradicts) && !is_repeated(known, given);
    let merge = doubtful.then(|| Merge {
        id: writing.cx.new_id(),
        at: writing.cx.now(),
        by: found.by.to_owned(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
        likeness: (found.likeness * 1000.0).round() as u32,
        name: given.name.clone().unwrap_or_default(),
        aliases: given.aliases.clone(),
        properties: given.properties.clone(),
        replaced,
        added_aliases: added,
        key: if known.key.is_none() { given.key.clone() } else { None },
        valid: Span { from: given.valid_from, to: given.valid_to },
        valid_before: Span { from: known.valid_from, to: known.valid_to },
        origin: origin.clone(),
    });
    node.merges.extend(merge.clone());
    fits(&node.properties, node.aliases.len())?;
    node.settle();
    Ok((node, merge))
}

/// Whether the very same was taken for the node before, and nothing of it is new.
fn is_repeated(known: &Node, given: &GivenNode) -> bool {
    let held = given.properties.iter().all(|(name, value)| known.properties.get(name) == Some(value));
    held && given
        .name
        .as_deref()
        .is_some_and(|name| name == known.name || known.aliases.iter().any(|alias| alias == name))
}

/// Adds what a node is also called, and answers what of it was new.
fn add_aliases<'g>(node: &mut Node, aliases: impl Iterator<Item = &'g String>) -> Vec<String> {
    let mut added = Vec::new();
    let name = name_key(&node.name);
    for alias in aliases {
        let key = name_key(alias);
        if key != name && !node.is_called(&key) {
            node.aliases.push(alias.clone());
            added.push(alias.clone());
        }
    }
    added
}
