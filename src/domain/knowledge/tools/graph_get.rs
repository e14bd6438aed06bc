//! `graph_get`: a node with its relations, as of a time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::{Stored, visible_to};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::knowledge::looking::{briefs, view};
use crate::domain::knowledge::model::{Node, Relation};
use crate::domain::knowledge::views::{NodeBrief, NodeView, RelationView};
use crate::kernel::fault::Fault;
use crate::kernel::id::NodeId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Filter, Query, Scalar, Scope};

/// So many versions of one are looked through.
const MOST_VERSIONS: u32 = 200;

/// So many relations are looked through of those that begin, and of those that end at the node.
const MOST_RELATIONS: u32 = 2_000;

/// Tells a node.
pub(in crate::domain::knowledge) struct GraphGet;

/// Which node, and when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Input {
    /// The node's id.
    #[schemars(with = "NodeId")]
    id: Uuid,
    /// Only relations that were valid at this moment; now when not said.
    #[serde(default)]
    valid_at: Option<Timestamp>,
    /// Relations of all times, also those that are over.
    #[serde(default)]
    any_time: bool,
    /// As it was known at this moment: the versions that were recorded then. Relations that were removed since are not known any more.
    #[serde(default)]
    known_at: Option<Timestamp>,
    /// How many relations to tell at most; 50 when not said.
    #[serde(default)]
    #[schemars(range(min = 0, max = 500))]
    limit: Option<u32>,
    /// Also tell the node's earlier versions, the newest first, 20 at most.
    #[serde(default)]
    versions: bool,
}

/// A relation with the node at its other end.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::domain::knowledge) struct Related {
    /// The relation.
    #[serde(flatten)]
    relation: RelationView,
    /// The node at the other end; the node itself where the relation leads back to it.
    other: NodeBrief,
}

/// What is known of a node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Output {
    /// The node.
    #[serde(flatten)]
    node: NodeView,
    /// Its relations, those that were recorded last first.
    relations: Vec<Related>,
    /// Whether it has more relations than were told: `graph_neighbors` finds them by type and direction.
    cut: bool,
    /// Its earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<Vec<NodeView>>,
}

impl Capability for GraphGet {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "graph_get",
        Domain::Knowledge,
        Route::get("/knowledge/graph/{id}"),
        Permit::on(Resource::Graph, Action::Read),
        "Everything known of one node: names, properties, where it comes from, its relations with the nodes at their other ends; at a moment that \
         it was valid, or as it was known at a moment. To go further than one relation use graph_neighbors, to find a node graph_search.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let present = cx.load::<Node>(input.id, Action::Read).await?;
        let all =
            if input.versions || input.known_at.is_some() { versions::<Node>(cx, input.id).await? } else { Vec::new() };
        let node = match input.known_at {
            None => present,
            Some(at) => known(&all, at).ok_or_else(|| Fault::not_found("version of the node recorded by", at))?,
        };
        let most = input.limit.unwrap_or(50) as usize;
        let view = view(cx, input.valid_at.or(input.known_at), input.any_time);
        let (recorded, mut cut) = newest_relations(cx, input.id).await?;
        let mut relations = Vec::new();
        for stored in recorded {
            let stored = match input.known_at {
                None => Some(stored),
                Some(at) if stored.updated_at <= at => Some(stored),
                Some(at) => known(&versions::<Relation>(cx, stored.id).await?, at),
            };
            relations.extend(stored.filter(|stored| valid(&stored.value, view.at)));
        }
        relations.sort_by_key(|stored| std::cmp::Reverse((stored.updated_at, stored.id)));
        let other = |relation: &Relation| if relation.from == input.id { relation.to } else { relation.from };
        let mut others: Vec<Uuid> = relations.iter().map(|stored| other(&stored.value)).collect();
        others.sort_unstable();
        others.dedup();
        let others = briefs(cx, &others).await?;
        // A relation to what the caller may not see is not there.
        let related = |stored: &Stored<Relation>| {
            let other = others.get(&other(&stored.value))?.clone();
            Some(Related { relation: RelationView::of(stored), other })
        };
        let mut relations: Vec<Related> = relations.iter().filter_map(related).collect();
        cut |= relations.len() > most;
        relations.truncate(most);
        let earlier = all.iter().filter(|version| version.revision < node.revision).take(20);
        let versions = input.versions.then(|| earlier.map(NodeView::of).collect());
        Ok(Output { node: NodeView::of(&node), relations, cut, versions })
    }
}

fn valid(relation: &Relation, at: Option<Timestamp>) -> bool {
    at.is_none_or(|at| relation.valid_from.is_none_or(|from| from <= at) && relation.valid_to.is_none_or(|to| to > at))
}

/// The kept versions of one, the newest first.
async fn versions<T: Document>(cx: &Cx, id: Uuid) -> Result<Vec<Stored<T>>, Fault> {
    let scope = Scope::Tenant(cx.tenant());
    let kept = cx.platform().store.versions(scope, T::KIND, id, MOST_VERSIONS).await.map_err(store_fault)?;
    kept.into_iter().map(Stored::read).collect()
}

/// The version that was known at a moment.
fn known<T: Clone>(versions: &[Stored<T>], at: Timestamp) -> Option<Stored<T>> {
    versions.iter().find(|version| version.updated_at <= at).cloned()
}

/// The relations of a node that the caller may see, those that were recorded last, and whether there may be more.
async fn newest_relations(cx: &Cx, node: Uuid) -> Result<(Vec<Stored<Relation>>, bool), Fault> {
    let (mut found, mut cut) = (Vec::new(), false);
    for end in ["from", "to"] {
        let filter = Filter::is(end, Scalar::Id(node)).and(visible_to::<Relation>(cx.caller()));
        let query = Query { filter, order: "updatedAt", descending: true, after: None, limit: MOST_RELATIONS };
        let some = cx.find::<Relation>(query).await?;
        cut |= some.len() >= MOST_RELATIONS as usize;
        // One from the node to itself is met at its beginning.
        found.extend(some.into_iter().filter(|stored| end == "from" || stored.value.from != node));
    }
    Ok((found, cut))
}
