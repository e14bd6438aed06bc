//! `graph_neighbors`: the nodes around one.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::knowledge::looking::{briefs, graph_fault, limits, view};
use crate::domain::knowledge::model::Node;
use crate::domain::knowledge::views::{LinkView, NodeBrief, Way};
use crate::kernel::fault::Fault;
use crate::kernel::id::NodeId;
use crate::kernel::time::Timestamp;
use crate::port::graph::{Around, TheGraph};

/// Tells what is around a node.
pub(in crate::domain::knowledge) struct GraphNeighbors;

/// Around which node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Input {
    /// The node's id.
    #[schemars(with = "NodeId")]
    id: Uuid,
    /// How many relations away at most; 1 when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 5))]
    depth: Option<u32>,
    /// Only along relations of these types.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 64)))]
    types: Vec<String>,
    /// Which way relations are followed.
    #[serde(default)]
    direction: Way,
    /// Only what was valid at this moment; now when not said.
    #[serde(default)]
    valid_at: Option<Timestamp>,
    /// Along relations and nodes of all times.
    #[serde(default)]
    any_time: bool,
    /// How many nodes to tell at most; 100 when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// A node around the one.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::domain::knowledge) struct Neighbor {
    /// The node.
    #[serde(flatten)]
    node: NodeBrief,
    /// How many relations it is away.
    distance: u32,
}

/// What is around a node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Output {
    /// The nodes, the nearest first.
    nodes: Vec<Neighbor>,
    /// The relations along which they were found.
    relations: Vec<LinkView>,
    /// Whether there is more than was told: raise 'limit', or name types and a direction.
    cut: bool,
}

impl Capability for GraphNeighbors {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "graph_neighbors",
        Domain::Knowledge,
        Route::get("/knowledge/graph/{id}/neighbors"),
        Permit::on(Resource::Graph, Action::Read),
        "The nodes around one, up to five relations away, by type and direction of the relations, now or at another moment, with the relations \
         between them. For everything about one node use graph_get, for how two nodes hang together graph_path.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        cx.load::<Node>(input.id, Action::Read).await?;
        let view = view(cx, input.valid_at, input.any_time);
        let around = Around {
            node: input.id,
            depth: input.depth.unwrap_or(1),
            types: input.types,
            direction: input.direction.into(),
            most: input.limit.unwrap_or(100) as usize,
        };
        let found = cx.service::<TheGraph>()?.0.around(&view, around, limits(cx)).await.map_err(graph_fault)?;
        let ids: Vec<Uuid> = found.nodes.iter().map(|(id, _)| *id).collect();
        let briefs: HashMap<Uuid, NodeBrief> = briefs(cx, &ids).await?;
        let nodes = found
            .nodes
            .iter()
            .filter_map(|(id, distance)| Some(Neighbor { node: briefs.get(id)?.clone(), distance: *distance }))
            .collect();
        Ok(Output { nodes, relations: found.links.into_iter().map(LinkView::of).collect(), cut: found.cut })
    }
}
