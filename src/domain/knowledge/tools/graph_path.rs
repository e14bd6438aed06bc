//! `graph_path`: how two nodes hang together.

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
use crate::port::graph::{Between, Path, TheGraph, Which};

/// Finds paths.
pub(in crate::domain::knowledge) struct GraphPath;

/// Which paths are wanted.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::knowledge) enum Kind {
    /// One of the shortest.
    #[default]
    Shortest,
    /// All of the shortest.
    AllShortest,
    /// Those that visit no node twice, the shortest first.
    Simple,
}

/// Between which nodes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Input {
    /// The id of the node where the paths begin.
    #[schemars(with = "NodeId")]
    from: Uuid,
    /// The id of the node where they end.
    #[schemars(with = "NodeId")]
    to: Uuid,
    /// Which paths.
    #[serde(default)]
    which: Kind,
    /// Only along relations of these types.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 64)))]
    types: Vec<String>,
    /// Which way each relation is followed.
    #[serde(default)]
    direction: Way,
    /// How many relations a path has at most; when not said 6, for simple paths 4.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10))]
    depth: Option<u32>,
    /// How many paths to tell at most; 10 when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
    /// Only what was valid at this moment; now when not said.
    #[serde(default)]
    valid_at: Option<Timestamp>,
    /// Along relations and nodes of all times.
    #[serde(default)]
    any_time: bool,
}

/// A path.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::domain::knowledge) struct PathView {
    /// How many relations it has.
    length: usize,
    /// The nodes, from the beginning to the end.
    nodes: Vec<NodeBrief>,
    /// The relations between them, in order.
    relations: Vec<LinkView>,
}

/// The paths.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::domain::knowledge) struct Output {
    /// The paths, the shortest first; none where the nodes do not hang together within the depth.
    paths: Vec<PathView>,
    /// Whether there are more than were told.
    cut: bool,
}

impl Capability for GraphPath {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "graph_path",
        Domain::Knowledge,
        Route::post("/knowledge/graph/path"),
        Permit::on(Resource::Graph, Action::Read),
        "How two nodes of the knowledge graph hang together: the shortest path, all of the shortest, or several paths that visit no node twice, by \
         type and direction of the relations and within a depth. For all that is around one node use graph_neighbors.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        for id in [input.from, input.to] {
            cx.load::<Node>(id, Action::Read).await?;
        }
        let (which, depth) = match input.which {
            Kind::Shortest => (Which::Shortest, 6),
            Kind::AllShortest => (Which::AllShortest, 6),
            Kind::Simple => (Which::Simple, 4),
        };
        let between = Between {
            from: input.from,
            to: input.to,
            types: input.types,
            direction: input.direction.into(),
            depth: input.depth.unwrap_or(depth),
            which,
            most: input.limit.unwrap_or(10) as usize,
        };
        let view = view(cx, input.valid_at, input.any_time);
        let found = cx.service::<TheGraph>()?.0.between(&view, between, limits(cx)).await.map_err(graph_fault)?;
        let mut ids: Vec<Uuid> = found.paths.iter().flat_map(|path| path.nodes.iter().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        let briefs = briefs(cx, &ids).await?;
        let paths = found.paths.into_iter().filter_map(|path| told(path, &briefs)).collect();
        Ok(Output { paths, cut: found.cut })
    }
}

/// A path of which every node is there to be told.
fn told(path: Path, briefs: &HashMap<Uuid, NodeBrief>) -> Option<PathView> {
    let nodes = path.nodes.iter().map(|id| briefs.get(id).cloned()).collect::<Option<Vec<_>>>()?;
    let relations: Vec<LinkView> = path.links.into_iter().map(LinkView::of).collect();
    Some(PathView { length: relations.len(), nodes, relations })
}
