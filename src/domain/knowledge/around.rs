//! What the graph says of what a question names: the relations of the nodes that its words lead to.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::looking::{briefs, graph_fault, limits, view};
use super::model::Node;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::{Stored, visible_to};
use crate::domain::memory::retrieval::words::{shared, sought, stems};
use crate::kernel::fault::Fault;
use crate::kernel::id::NodeId;
use crate::port::graph::{Around, Direction, Link, NODE, TheGraph};
use crate::port::records::Ranking;

/// So many nodes are looked around.
const MOST_NODES: usize = 4;
/// So many are held against the question.
const LOOKED_AT: u32 = 20;
/// So many nodes around each are held against it.
const MOST_NEIGHBOURS: usize = 200;
/// So many relations are told of all of them.
const MOST_FACTS: usize = 24;

/// Something that the graph says.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fact {
    /// Its number, as an answer cites it.
    pub(super) number: usize,
    /// The relation.
    #[serde(skip)]
    pub(super) relation: Uuid,
    /// The node where the relation begins.
    #[schemars(with = "NodeId")]
    pub(super) from: Uuid,
    /// The node where it ends.
    #[schemars(with = "NodeId")]
    pub(super) to: Uuid,
    /// The relation in words, such as `Anna works_at Bosch`.
    pub(super) text: String,
}

/// What the graph says of what a question names, as far as the caller may see it; numbered from `first` on.
///
/// # Errors
/// When the store fails.
pub(super) async fn facts(cx: &Cx, question: &str, first: usize) -> Result<Vec<Fact>, Fault> {
    let asked = stems(question);
    let ranking = Ranking { words: sought(question), filter: visible_to::<Node>(cx.caller()), limit: LOOKED_AT };
    let ranked = cx.platform().store.rank(cx.tenant(), &NODE, ranking).await.map_err(store_fault)?;
    let mut names: HashMap<Uuid, String> = HashMap::new();
    let mut named = Vec::new();
    for (record, _) in ranked {
        let node = Stored::<Node>::read(record)?;
        // The question names it: every word of its name, or of one that it has besides.
        let called = std::iter::once(&node.value.name).chain(&node.value.aliases);
        let is_named = called.map(|name| stems(name)).any(|name| !name.is_empty() && name.is_subset(&asked));
        if is_named && named.len() < MOST_NODES {
            named.push(node.id);
        }
        names.insert(node.id, node.value.name);
    }
    if named.is_empty() {
        return Ok(Vec::new());
    }
    // As everywhere: what the caller may see, and what holds now.
    let (view, graph) = (view(cx, None, false), cx.service::<TheGraph>()?);
    let mut links: HashMap<Uuid, Link> = HashMap::new();
    for node in named {
        let around = Around { node, depth: 1, types: Vec::new(), direction: Direction::Both, most: MOST_NEIGHBOURS };
        let found = graph.0.around(&view, around, limits(cx)).await.map_err(graph_fault)?;
        links.extend(found.links.into_iter().map(|link| (link.id, link)));
    }
    let mut unknown: Vec<Uuid> = links.values().flat_map(|link| [link.from, link.to]).collect();
    unknown.sort_unstable();
    unknown.dedup();
    unknown.retain(|id| !names.contains_key(id));
    names.extend(briefs(cx, &unknown).await?.into_iter().map(|(id, brief)| (id, brief.name)));
    let mut links: Vec<Link> = links.into_values().collect();
    links.sort_by_key(|link| link.id);
    let told = links.into_iter().filter_map(|link| {
        let Link { id, from, to, of } = link;
        let text = format!("{} {of} {}", names.get(&from)?, names.get(&to)?);
        Some((shared(&stems(&text.replace('_', " ")), &asked), id, from, to, text))
    });
    let mut told: Vec<_> = told.collect();
    told.sort_by(|one, other| other.0.total_cmp(&one.0));
    let numbered = told.into_iter().take(MOST_FACTS).enumerate();
    Ok(numbered
        .map(|(at, (_, relation, from, to, text))| Fact { number: first + at, relation, from, to, text })
        .collect())
}
