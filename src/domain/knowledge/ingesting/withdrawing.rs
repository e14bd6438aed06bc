//! What a document says no longer goes out of the graph: a node or relation that nothing else bears out is removed, of the others only the
//! places of that document go.

use std::collections::HashSet;

use serde_json::json;
use uuid::Uuid;

use super::records::{Ingestion, Passage, Support};
use crate::capability::cx::Cx;
use crate::capability::owned::{Owned, Stored, Verdict, judge};
use crate::capability::permit::Action;
use crate::domain::knowledge::model::{Node, Origin, Relation};
use crate::domain::knowledge::topics::{DELETED, RELATION_DELETED};
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Place, Query, Scalar, Visibility};

/// Documents of one read.
const STEP: usize = 100;
const PAGE: u32 = 500;

/// What became of what is borne out no longer.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Withdrawn {
    pub(super) nodes: usize,
    pub(super) relations: usize,
    /// Others bear it out, or it is not the caller's to remove.
    pub(super) kept: usize,
}

/// Which places of a node or relation are over.
pub(super) struct Over<'a> {
    /// Those of these documents.
    pub(super) documents: &'a [Uuid],
    /// Unless they are of this one and were found in one of these ways.
    pub(super) but: Option<(Uuid, &'a HashSet<&'static str>)>,
}

impl Over<'_> {
    fn is_over(&self, origin: &Origin) -> bool {
        let (Some(extracted), Some(document)) = (&origin.extracted, &origin.document) else { return false };
        let is_kept = self.but.as_ref().is_some_and(|(current, methods)| {
            *document == current.to_string() && methods.contains(extracted.method.as_str())
        });
        !is_kept && self.documents.iter().any(|one| *document == one.to_string())
    }

    fn left(&self, origins: &[Origin]) -> Vec<Origin> {
        origins.iter().filter(|origin| !self.is_over(origin)).cloned().collect()
    }
}

/// Withdraws what a document bore out and bears out no longer. Commits in steps: the relations first, so that none leads to nothing.
///
/// # Errors
/// When the store fails, or somebody changed the same meanwhile.
pub(super) async fn withdraw(
    cx: &Cx,
    ingestion: Uuid,
    over: &Over<'_>,
    surplus: Vec<Support>,
) -> Result<Withdrawn, Fault> {
    let mut done = Withdrawn::default();
    let (relations, nodes): (Vec<Support>, Vec<Support>) = surplus.into_iter().partition(|one| one.relation);
    for some in relations.chunks(STEP) {
        let others = others(cx, ingestion, some).await?;
        for stored in documents::<Relation>(cx, some).await? {
            let left = over.left(&stored.value.provenance);
            let others = others.contains(&stored.id);
            if may_go(cx, &stored, &left, others) {
                cx.remove(&stored)?;
                done.relations += 1;
                if stored.visibility == Visibility::Tenant {
                    let about = json!({ "relationId": stored.id, "from": stored.value.from, "to": stored.value.to });
                    cx.emit(RELATION_DELETED, stored.id, &about)?;
                }
            } else {
                done.kept += 1;
                relate(cx, &stored, left)?;
            }
        }
        forget(cx, some);
        cx.checkpoint().await?;
    }
    for some in nodes.chunks(STEP) {
        let others = others(cx, ingestion, some).await?;
        for stored in documents::<Node>(cx, some).await? {
            let left = over.left(&stored.value.provenance);
            let id = stored.id;
            let related = Filter::Or(vec![Filter::is("from", Scalar::Id(id)), Filter::is("to", Scalar::Id(id))]);
            let is_held = others.contains(&id) || !cx.find::<Relation>(Query::newest(related, 1)).await?.is_empty();
            if may_go(cx, &stored, &left, is_held) {
                cx.remove(&stored)?;
                done.nodes += 1;
                if stored.visibility == Visibility::Tenant {
                    cx.emit(DELETED, id, &json!({ "nodeId": id }))?;
                }
            } else {
                done.kept += 1;
                name(cx, &stored, left)?;
            }
        }
        forget(cx, some);
        cx.checkpoint().await?;
    }
    Ok(done)
}

/// Of what a document still bears out the places that are over go.
///
/// # Errors
/// As `withdraw`.
pub(super) async fn refresh(cx: &Cx, over: &Over<'_>, kept: &[Support]) -> Result<(), Fault> {
    for some in kept.chunks(STEP) {
        for stored in documents::<Relation>(cx, some).await? {
            let left = over.left(&stored.value.provenance);
            relate(cx, &stored, left)?;
        }
        for stored in documents::<Node>(cx, some).await? {
            let left = over.left(&stored.value.provenance);
            name(cx, &stored, left)?;
        }
        cx.checkpoint().await?;
    }
    Ok(())
}

/// Everything that documents taken in bear out by this document goes, as far as nothing else does and the caller may: it is being deleted.
///
/// # Errors
/// As `withdraw`.
pub(crate) async fn withdraw_document(cx: &Cx, document: Uuid) -> Result<(), Fault> {
    let filter = Filter::is("documentId", Scalar::Id(document));
    for stored in cx.find::<Ingestion>(Query::newest(filter, PAGE)).await? {
        let surplus = supports(cx, stored.id).await?;
        let mut documents = vec![document];
        documents.extend(stored.value.earlier.iter().map(|(earlier, _)| *earlier));
        withdraw(cx, stored.id, &Over { documents: &documents, but: None }, surplus).await?;
        for passage in passages(cx, stored.id).await? {
            cx.remove_derived::<Passage>(passage.id());
        }
        cx.remove_derived::<Ingestion>(stored.id);
    }
    Ok(())
}

/// What a document taken in bears out.
///
/// # Errors
/// When the store fails.
pub(super) async fn supports(cx: &Cx, ingestion: Uuid) -> Result<Vec<Support>, Fault> {
    Ok(all::<Support>(cx, ingestion).await?.into_iter().map(|one| one.value).collect())
}

/// The records of the passages of a document taken in.
///
/// # Errors
/// When the store fails.
pub(super) async fn passages(cx: &Cx, ingestion: Uuid) -> Result<Vec<Passage>, Fault> {
    Ok(all::<Passage>(cx, ingestion).await?.into_iter().map(|one| one.value).collect())
}

async fn all<T: crate::port::records::Document>(cx: &Cx, ingestion: Uuid) -> Result<Vec<Stored<T>>, Fault> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let filter = Filter::is("ingestionId", Scalar::Id(ingestion));
        let found = cx.find::<T>(Query { filter, order: "id", descending: false, after, limit: PAGE }).await?;
        let whole = found.len() < PAGE as usize;
        after = found.last().map(|last| Place { key: Scalar::Id(last.id), id: last.id });
        all.extend(found);
        if whole {
            return Ok(all);
        }
    }
}

/// Those of these that other documents bear out, too.
async fn others(cx: &Cx, ingestion: Uuid, some: &[Support]) -> Result<HashSet<Uuid>, Fault> {
    let mut found = HashSet::new();
    for one in some {
        let filter = Filter::is("itemId", Scalar::Id(one.item_id));
        let two = cx.find::<Support>(Query::newest(filter, 2)).await?;
        if two.iter().any(|other| other.value.ingestion_id != ingestion) {
            found.insert(one.item_id);
        }
    }
    Ok(found)
}

async fn documents<T: Owned>(cx: &Cx, some: &[Support]) -> Result<Vec<Stored<T>>, Fault> {
    let ids = some.iter().map(|one| Scalar::Id(one.item_id)).collect();
    cx.find::<T>(Query::newest(Filter::In("id", ids), u32::try_from(STEP).unwrap_or(u32::MAX))).await
}

/// Whether it goes: nobody said it, nothing else bears it out, and the caller may remove it.
fn may_go<T: Owned>(cx: &Cx, stored: &Stored<T>, left: &[Origin], is_held: bool) -> bool {
    // What was learned of a conversation is of no document.
    let said = left.iter().any(|origin| origin.extracted.is_none() || origin.document.is_none());
    !is_held && !said && judge(cx.caller(), stored, Action::Remove) == Verdict::Allowed
}

fn name(cx: &Cx, stored: &Stored<Node>, left: Vec<Origin>) -> Result<(), Fault> {
    if is_another(cx, stored, &stored.value.provenance, &left) {
        cx.change(stored, &Node { provenance: left, ..stored.value.clone() })?;
    }
    Ok(())
}

fn relate(cx: &Cx, stored: &Stored<Relation>, left: Vec<Origin>) -> Result<(), Fault> {
    if is_another(cx, stored, &stored.value.provenance, &left) {
        cx.change(stored, &Relation { provenance: left, ..stored.value.clone() })?;
    }
    Ok(())
}

/// Whether places went and some are left, and the caller may say so.
fn is_another<T: Owned>(cx: &Cx, stored: &Stored<T>, before: &[Origin], left: &[Origin]) -> bool {
    before.len() != left.len() && !left.is_empty() && judge(cx.caller(), stored, Action::Change) == Verdict::Allowed
}

fn forget(cx: &Cx, some: &[Support]) {
    for one in some {
        cx.remove_derived::<Support>(one.id());
    }
}
