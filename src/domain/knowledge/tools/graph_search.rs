//! `graph_search`: nodes by text and type.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::{Stored, visible_to};
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::knowledge::model::Node;
use crate::domain::knowledge::views::NodeBrief;
use crate::kernel::fault::Fault;
use crate::port::graph::name_key;
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
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

/// A node that was found.
#[derive(Debug, Serialize, JsonSchema)]
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
}

impl Capability for GraphSearch {
    type Input = Input;
    type Output = Page<Item>;
    const SPEC: Spec = Spec::read(
        "graph_search",
        Domain::Knowledge,
        Route::get("/knowledge/graph/search"),
        Permit::on(Resource::Graph, Action::Read),
        "Finds nodes of the knowledge graph by words of their names, aliases and properties, and by type; exact names first. Begin here to learn a \
         node's id. For questions about how things hang together use graph_query.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<Item>, Fault> {
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
    Item { node: NodeBrief::of(stored), aliases: stored.value.aliases.clone(), found }
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
