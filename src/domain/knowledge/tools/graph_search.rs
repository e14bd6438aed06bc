//! `graph_search`: nodes by text and type, and by what a measure of the whole graph says of them.

use std::collections::{HashMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::{Stored, visible_to};
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::knowledge::looking::{graph_fault, limits, view};
use crate::domain::knowledge::model::Node;
use crate::domain::knowledge::views::NodeBrief;
use crate::kernel::fault::Fault;
use crate::port::graph::name_key;
use crate::port::graph_measures::{Figure, Measure, Measured, TheMeasures};
use crate::port::records::{Filter, Query, Scalar};

/// So many nodes with the words are ranked, the newest.
const MOST_RANKED: u32 = 500;

/// Searches nodes.
pub(in crate::domain::knowledge) struct GraphSearch;

/// What is looked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Input {
    /// Words of the name, the aliases or the texts in the properties: all of them, the last one also as a beginning. Without it all are told, the
    /// newest first.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    query: Option<String>,
    /// Only nodes of this type.
    #[serde(default, rename = "type")]
    #[schemars(length(min = 1, max = 64))]
    of: Option<String>,
    /// Measures the whole graph as the caller sees it now, and tells the nodes that have relations by it, the foremost first.
    #[serde(default)]
    measure: Option<By>,
    /// With `measure`: only relations of these types count. A graph of more than 200,000 nodes and relations needs it.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 64)))]
    relation_types: Vec<String>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

/// A measure of the whole graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// How many relations a node has.
    Degree,
    /// How much leads to a node from nodes to which much leads (PageRank): parts of 1, along the directions of the relations.
    Pagerank,
    /// How often a node lies on a shortest way between two others, from 0 to 1, whatever the directions: who brings others together.
    Betweenness,
    /// Which nodes have more relations among each other than with the rest (Louvain), whatever the directions: the largest community first,
    /// within it those with most relations.
    Communities,
}

impl From<By> for Figure {
    fn from(by: By) -> Self {
        match by {
            By::Degree => Self::Degree,
            By::Pagerank => Self::PageRank,
            By::Betweenness => Self::Betweenness,
            By::Communities => Self::Communities,
        }
    }
}

/// A node that was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Item {
    /// The node.
    #[serde(flatten)]
    node: NodeBrief,
    /// What else it is called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    /// Where the words were found: `name`, `alias` or `properties`.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'static str>,
    /// With `measure`: what it says of the node; with `communities` how many relations it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    /// With `communities`: the number of its community, 1 for the largest.
    #[serde(skip_serializing_if = "Option::is_none")]
    community: Option<usize>,
    /// With `communities`: how many nodes that one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    community_size: Option<usize>,
    /// With `measure`: whether the score is an estimate from a sample of the nodes, as it is of `betweenness` in large graphs.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated: Option<bool>,
}

impl Capability for GraphSearch {
    type Input = Input;
    type Output = Page<Item>;
    const SPEC: Spec = Spec::read(
        "graph_search",
        Domain::Knowledge,
        Route::get("/knowledge/graph/search"),
        Permit::on(Resource::Graph, Action::Read),
        "Finds nodes of the knowledge graph by words of their names, aliases and properties, and by type; exact names first. With 'measure' it tells \
         which nodes are central, or which communities they form. Begin here to learn a node's id. For other questions use graph_query.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<Item>, Fault> {
        if let Some(by) = input.measure {
            return measured(cx, &input, by).await;
        }
        if !input.relation_types.is_empty() {
            return Err(Fault::bad_input("/relationTypes", "goes with 'measure'"));
        }
        let of_type = input.of.clone().map_or(Filter::All, |of| Filter::is("type", Scalar::Text(of)));
        let Some(text) = &input.query else {
            let page = cx.list::<Node>(of_type, "id", true, &input.paging).await?;
            return Ok(page.map(|stored| item(&stored, None)));
        };
        let filter = Filter::Matches(text.clone()).and(of_type).and(visible_to::<Node>(cx.caller()));
        let key = name_key(text);
        let mut found: Vec<(u32, &'static str, Stored<Node>)> = Vec::new();
        for stored in cx.find::<Node>(Query::newest(filter, MOST_RANKED)).await? {
            let (rank, place) = rank(&stored.value, &key);
            found.push((rank, place, stored));
        }
        found.sort_by(|(rank, _, one), (other_rank, _, other)| {
            rank.cmp(other_rank).then(one.value.name.len().cmp(&other.value.name.len())).then(one.id.cmp(&other.id))
        });
        let list = format!("graph {text:?} {:?}", input.of);
        let token = input.paging.page_token.as_deref();
        // A list that is ranked anew each time has places by number.
        let from = token.map(|token| cx.open_page::<usize>(&list, token)).transpose()?.unwrap_or(0);
        let size = input.paging.size() as usize;
        let more = found.len() > from.saturating_add(size);
        let page = found.iter().skip(from).take(size);
        let items = page.map(|(_, place, stored)| item(stored, Some(*place))).collect();
        let next_page_token = if more { Some(cx.seal_page(&list, &(from + size))?) } else { None };
        Ok(Page { items, next_page_token })
    }
}

fn item(stored: &Stored<Node>, found: Option<&'static str>) -> Item {
    Item {
        node: NodeBrief::of(stored),
        aliases: stored.value.aliases.clone(),
        found,
        score: None,
        community: None,
        community_size: None,
        estimated: None,
    }
}

/// One part of the nodes in the order of a measure. It is taken anew for each part.
async fn measured(cx: &Cx, input: &Input, by: By) -> Result<Page<Item>, Fault> {
    let list = format!("graph {by:?} {:?} {:?} {:?}", input.relation_types, input.query, input.of);
    let token = input.paging.page_token.as_deref();
    let from = token.map(|token| cx.open_page::<usize>(&list, token)).transpose()?.unwrap_or(0);
    let measure = Measure { figure: by.into(), types: input.relation_types.clone() };
    let measures = cx.service::<TheMeasures>()?.0.measure(&view(cx, None, false), &measure, limits(cx)).await;
    let measures = measures.map_err(graph_fault)?;
    let mut nodes = measures.nodes;
    if let Some(of) = &input.of {
        nodes.retain(|node| node.of == *of);
    }
    if let Some(text) = &input.query {
        let filter = Filter::Matches(text.clone()).and(visible_to::<Node>(cx.caller()));
        let with = cx.find::<Node>(Query::newest(filter, MOST_RANKED)).await?;
        let with: HashSet<Uuid> = with.into_iter().map(|stored| stored.id).collect();
        nodes.retain(|node| with.contains(&node.id));
    }
    let size = input.paging.size() as usize;
    let more = nodes.len() > from.saturating_add(size);
    let page: Vec<Measured> = nodes.into_iter().skip(from).take(size).collect();
    let ids = Filter::In("id", page.iter().map(|node| Scalar::Id(node.id)).collect());
    let found = cx.find::<Node>(Query::newest(ids.and(visible_to::<Node>(cx.caller())), input.paging.size())).await?;
    let found: HashMap<Uuid, Stored<Node>> = found.into_iter().map(|stored| (stored.id, stored)).collect();
    let told = page.into_iter().filter_map(|node| {
        let item = item(found.get(&node.id)?, None);
        let community = node.community;
        Some(Item {
            score: Some(node.score),
            community: community.map(|community| community.number),
            community_size: community.map(|community| community.size),
            estimated: Some(measures.estimated),
            ..item
        })
    });
    let items = told.collect();
    let next_page_token = if more { Some(cx.seal_page(&list, &(from + size))?) } else { None };
    Ok(Page { items, next_page_token })
}

/// How well a node fits: the same name first, then the same alias, then names that begin so or have the words, then all others.
fn rank(node: &Node, key: &str) -> (u32, &'static str) {
    let words = |name: &str| {
        let has: Vec<&str> = name.split(' ').collect();
        key.split(' ').all(|word| has.iter().any(|one| one.starts_with(word)))
    };
    let aliases: Vec<String> = node.aliases.iter().map(|alias| name_key(alias)).collect();
    if node.name_key == key {
        (0, "name")
    } else if aliases.iter().any(|alias| alias == key) {
        (1, "alias")
    } else if node.name_key.starts_with(key) {
        (2, "name")
    } else if words(&node.name_key) {
        (3, "name")
    } else if aliases.iter().any(|alias| words(alias)) {
        (4, "alias")
    } else {
        (5, "properties")
    }
}
