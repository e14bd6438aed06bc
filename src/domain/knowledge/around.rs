//! What the graph says of what a question names: the relations of the nodes that its words lead to.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::model::{Node, Relation};
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::{Stored, visible_to};
use crate::domain::memory::retrieval::words::{shared, sought, stems};
use crate::kernel::fault::Fault;
use crate::kernel::id::NodeId;
use crate::port::graph::NODE;
use crate::port::records::{Comparison, Filter, Query, Ranking, Scalar};

/// So many nodes are looked around.
const MOST_NODES: usize = 4;
/// So many are held against the question.
const LOOKED_AT: u32 = 20;
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
    let visible = visible_to::<Node>(cx.caller());
    let ranking = Ranking { words: sought(question), filter: visible.clone(), limit: LOOKED_AT };
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
    let ids = || named.iter().copied().map(Scalar::Id).collect();
    let now = Scalar::Time(cx.now());
    let holds = Filter::Or(vec![Filter::IsNull("validTo"), Filter::Compare("validTo", Comparison::Greater, now)]);
    let ends = Filter::Or(vec![Filter::In("from", ids()), Filter::In("to", ids())]);
    let filter = visible_to::<Relation>(cx.caller()).and(ends).and(holds);
    let relations = cx.find::<Relation>(Query::newest(filter, 200)).await?;
    let unknown: Vec<Scalar> = relations
        .iter()
        .flat_map(|relation| [relation.value.from, relation.value.to])
        .filter(|id| !names.contains_key(id))
        .map(Scalar::Id)
        .collect();
    if !unknown.is_empty() {
        let most = u32::try_from(unknown.len()).unwrap_or(u32::MAX);
        let others = cx.find::<Node>(Query::newest(Filter::In("id", unknown).and(visible), most)).await?;
        names.extend(others.into_iter().map(|node| (node.id, node.value.name)));
    }
    // A relation to what the caller may not see is not there.
    let told = relations.into_iter().filter_map(|relation| {
        let id = relation.id;
        let Relation { from, to, of, .. } = relation.value;
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
