//! What was found in passages goes into the graph: each node and relation with the document, the passage and the page that say it, in one
//! commit with the note of what it bears out.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::records::{Items, Passage, Support};
use crate::capability::cx::{Belongs, Cx};
use crate::capability::owned::{Stored, visible_to};
use crate::domain::documents::handing::Handed;
use crate::domain::documents::model::chunk::Chunk;
use crate::domain::knowledge::engine::naming::UNKNOWN;
use crate::domain::knowledge::model::{Extracted, Node, room};
use crate::domain::knowledge::upserting::{GivenNode, GivenOrigin, GivenRelation, Input, Outcome, Resolve, take};
use crate::kernel::fault::Fault;
use crate::port::graph::name_key;
use crate::port::records::{Filter, Query, Scalar};

/// So many places of one document are kept of a node or relation.
const MOST_PLACES: usize = 3;
/// So many names are written at once.
pub(super) const MOST_NAMES: usize = 200;
/// The longest quotation that is kept.
const LONGEST_QUOTE: usize = 500;

/// What was written.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Written {
    pub(super) created_nodes: usize,
    pub(super) created_relations: usize,
}

/// A passage that is to be written.
pub(super) struct Ready<'c> {
    pub(super) passage: Passage,
    pub(super) chunk: &'c Chunk,
    /// Whether there is a record of it.
    pub(super) recorded: bool,
}

/// Writes the passages of one document.
pub(super) struct Writer<'a> {
    pub(super) cx: &'a Cx,
    pub(super) document: &'a Handed,
    pub(super) belongs: Belongs,
    pub(super) similar: bool,
    /// What the document bears out already.
    pub(super) supported: HashSet<Uuid>,
    pub(super) written: Written,
    /// How many places of each thing were kept.
    pub(super) places: HashMap<String, usize>,
}

impl Writer<'_> {
    /// Writes some passages and commits them. Answers their records as they are now.
    ///
    /// # Errors
    /// As `graph_upsert`; when somebody else changed a node meanwhile.
    pub(super) async fn write(&mut self, batch: Vec<Ready<'_>>) -> Result<Vec<Passage>, Fault> {
        let mut input = Input {
            resolve: if self.similar { Resolve::Similar } else { Resolve::Exact },
            visibility: Some(self.belongs.visibility),
            workspace_id: self.belongs.workspace,
            lenient: true,
            ..Input::default()
        };
        let unknown = batch.iter().flat_map(|ready| &ready.passage.finds.names).filter(|found| found.of == UNKNOWN);
        let unknown = unknown.map(|found| name_key(&found.name)).collect();
        let known = types_of(self.cx, self.belongs, unknown).await?;
        // Where each name of each passage, and each relation, stands in what is given.
        let mut at: HashMap<(String, String), usize> = HashMap::new();
        let mut links_at: HashMap<(usize, usize, String), usize> = HashMap::new();
        let mut of_passage: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
        for ready in &batch {
            let finds = &ready.passage.finds;
            let mut nodes = Vec::with_capacity(finds.names.len());
            let mut things = Vec::with_capacity(finds.names.len());
            for found in &finds.names {
                let key = name_key(&found.name);
                let of = known.get(&key).filter(|_| found.of == UNKNOWN).unwrap_or(&found.of).clone();
                let place = format!("{of} {key}");
                let first = at.get(&(of.clone(), key.clone())).copied();
                let provenance = self.origin(&place, ready, &found.quote);
                if first.is_none() || provenance.is_some() {
                    let reference = first.is_none().then(|| format!("n{}", input.nodes.len()));
                    input.nodes.push(GivenNode {
                        reference,
                        of: of.clone(),
                        name: Some(found.name.clone()),
                        provenance,
                        ..GivenNode::default()
                    });
                }
                nodes.push(*at.entry((of, key)).or_insert(input.nodes.len() - 1));
                things.push(place);
            }
            let mut links = Vec::with_capacity(finds.links.len());
            for found in &finds.links {
                let (Some(from), Some(to)) = (nodes.get(found.from), nodes.get(found.to)) else { continue };
                // By their names: places are counted over all that is written of the document, and numbers are of this part of it alone.
                let place = format!("{}\n{}\n{}", things[found.from], found.of, things[found.to]);
                let same = (*from, *to, found.of.clone());
                let first = links_at.get(&same).copied();
                let provenance = self.origin(&place, ready, &found.quote);
                if first.is_none() || provenance.is_some() {
                    input.relations.push(GivenRelation {
                        from: format!("n{from}"),
                        to: format!("n{to}"),
                        of: found.of.clone(),
                        confidence: found.confidence,
                        weight: found.weight,
                        provenance,
                        ..GivenRelation::default()
                    });
                }
                links.push(*links_at.entry(same).or_insert(input.relations.len() - 1));
            }
            of_passage.push((nodes, links));
        }
        let (mut nodes, mut relations) = (Vec::new(), Vec::new());
        if !input.nodes.is_empty() {
            let output = take(self.cx, input).await?;
            self.written.created_nodes += output.nodes.iter().filter(|one| one.outcome == Outcome::Created).count();
            let created = output.relations.iter().filter(|one| one.outcome == Outcome::Created).count();
            self.written.created_relations += created;
            nodes = output.nodes.iter().map(|one| one.id).collect();
            relations = output.relations.iter().map(|one| one.id).collect();
        }
        let mut done = Vec::with_capacity(batch.len());
        for (ready, (of_nodes, of_relations)) in batch.into_iter().zip(of_passage) {
            let ids = |places: Vec<usize>, all: &[Uuid]| -> Vec<Uuid> {
                let mut ids: Vec<Uuid> = places.iter().filter_map(|at| all.get(*at)).copied().collect();
                ids.sort_unstable();
                ids.dedup();
                ids
            };
            let items = Items {
                document: self.document.id,
                nodes: ids(of_nodes, &nodes),
                relations: ids(of_relations, &relations),
            };
            for (item, relation) in
                items.nodes.iter().map(|id| (*id, false)).chain(items.relations.iter().map(|id| (*id, true)))
            {
                if self.supported.insert(item) {
                    let support = Support { ingestion_id: ready.passage.ingestion_id, item_id: item, relation };
                    self.cx.derive(support.id(), self.belongs, &support)?;
                }
            }
            let passage = Passage { items: Some(items), ..ready.passage };
            put(self.cx, self.belongs, &passage, ready.recorded)?;
            done.push(passage);
        }
        self.cx.checkpoint().await?;
        Ok(done)
    }

    /// Where something comes from, unless enough places are kept of it.
    fn origin(&mut self, thing: &str, ready: &Ready<'_>, quote: &str) -> Option<GivenOrigin> {
        let places = self.places.entry(thing.to_owned()).or_default();
        if *places >= MOST_PLACES {
            return None;
        }
        *places += 1;
        let Passage { method, model, wishes, .. } = &ready.passage;
        let extracted = Extracted {
            passage: ready.chunk.number,
            page: ready.chunk.page,
            method: method.name().to_owned(),
            model: model.clone(),
            trust: wishes.trust,
        };
        let note = quote.trim().chars().take(LONGEST_QUOTE).collect::<String>();
        Some(GivenOrigin {
            source: Some(format!("document://{}", self.document.id)),
            document: Some(self.document.id.to_string()),
            note: (!note.is_empty()).then_some(note),
            extracted: Some(extracted),
        })
    }
}

/// Writes the record of a passage, in place of the one that is there.
pub(super) fn put(cx: &Cx, belongs: Belongs, passage: &Passage, recorded: bool) -> Result<(), Fault> {
    if recorded {
        cx.remove_derived::<Passage>(passage.id());
    }
    cx.derive(passage.id(), belongs, passage)
}

/// The types of the nodes that have names of these keys already, by the keys; where all of a name have one.
///
/// # Errors
/// When the store fails.
pub(in crate::domain::knowledge) async fn types_of(
    cx: &Cx,
    belongs: Belongs,
    keys: HashSet<String>,
) -> Result<HashMap<String, String>, Fault> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let Belongs { owner, workspace, visibility } = belongs;
    let filter = Filter::In("nameKey", keys.into_iter().map(Scalar::Text).collect())
        .and(Filter::is("room", Scalar::Text(room(visibility, workspace, owner))))
        .and(visible_to::<Node>(cx.caller()));
    let mut known: HashMap<String, String> = HashMap::new();
    let mut doubtful = HashSet::new();
    for Stored { value: node, .. } in cx.find::<Node>(Query::newest(filter, 1_000)).await? {
        if known.insert(node.name_key.clone(), node.of.clone()).is_some_and(|other| other != node.of) {
            doubtful.insert(node.name_key);
        }
    }
    known.retain(|key, _| !doubtful.contains(key));
    Ok(known)
}
