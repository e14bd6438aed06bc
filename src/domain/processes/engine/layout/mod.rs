//! Where everything of a process stands in its picture: layers from left to right in the order of the flow, lanes as bands, ways in right
//! angles around the nodes. Whole numbers throughout, so that the same process is the same picture everywhere.

mod blocks;
mod heights;
mod layers;
mod ordering;
mod routing;

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::processes::engine::definition::{Definition, Edge, condition_of};
use blocks::Blocks;

/// The picture of a process in numbers: pixels from the upper left corner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Layout {
    /// How wide it is.
    pub width: i64,
    /// How high it is.
    pub height: i64,
    /// The lanes, from above; none where the process has none.
    pub lanes: Vec<LaneBox>,
    /// The nodes, in the order of the definition.
    pub nodes: Vec<NodeBox>,
    /// The edges, in the order of the definition.
    pub edges: Vec<Way>,
    /// What ties a node to the one that it runs: for each item, or to undo another.
    pub links: Vec<Way>,
}

/// The band of a lane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LaneBox {
    /// The lane's id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The band, its title at the left included.
    #[serde(flatten)]
    pub place: Place,
}

/// Where a node stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeBox {
    /// The node's id.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// What is drawn.
    pub shape: Shape,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// The lane in whose band it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// The node on whose edge it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Where its name stands, when it is not within the shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Place>,
}

/// How an edge goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Way {
    /// The edge's id.
    pub id: String,
    /// The node that it leaves.
    pub from: String,
    /// The node that it leads to.
    pub to: String,
    /// Its corners, both ends included.
    pub points: Vec<Point>,
    /// What is written on it: its name, else its condition.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Where that stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Place>,
}

/// A rectangle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// From the left.
    pub x: i64,
    /// From above.
    pub y: i64,
    /// How wide.
    pub width: i64,
    /// How high.
    pub height: i64,
}

/// A corner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// From the left.
    pub x: i64,
    /// From above.
    pub y: i64,
}

/// What is drawn of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A circle: something begins, ends, is waited for or happens.
    Event,
    /// A diamond: ways part or meet.
    Gateway,
    /// A box: something is done.
    #[default]
    Activity,
}

impl Shape {
    /// Of a type of node; what is not known is drawn as something that is done.
    #[must_use]
    pub fn of(kind: &str) -> Self {
        match kind {
            "start" | "end" | "timer" | "wait" | "boundary_timeout" | "boundary_error" | "compensation"
            | "compensate" => Self::Event,
            "exclusive" | "parallel" | "inclusive" => Self::Gateway,
            _ => Self::Activity,
        }
    }
}

/// The most that is written on a way; the rest is said when asked for.
pub const LONGEST_LABEL: usize = 26;
/// How wide a letter is taken to be.
pub const LETTER: i64 = 6;

/// Space around everything.
const MARGIN: i64 = 16;
/// The title of a lane.
const TITLE: i64 = 30;
/// Space between what is in a lane and its border.
const PADDING: i64 = 20;
/// The lowest lane.
const LOWEST: i64 = 80;

/// A count as a length.
fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What is written on an edge.
#[must_use]
pub fn text_of(edge: &Edge) -> &str {
    if edge.name.is_empty() { edge.condition.as_deref().map_or("", condition_of) } else { &edge.name }
}

/// Works out where everything stands. A definition that does not stand is drawn as far as it goes: edges to nowhere are left out.
#[must_use]
pub fn lay_out(definition: &Definition) -> Layout {
    let mut named = definition.clone();
    named.name_edges();
    let blocks = Blocks::of(&named);
    let mut net = layers::Net::of(&named, &blocks);
    ordering::order(&mut net);
    let bands = heights::heights(&mut net, &blocks, named.lanes.len());
    let drawn = routing::route(&named, &net, &blocks, &bands);
    let has_lanes = !named.lanes.is_empty();
    let lanes = named.lanes.iter().zip(bands.iter().skip(1)).map(|(lane, band)| LaneBox {
        id: lane.id.clone(),
        name: lane.name.clone(),
        place: Place { x: MARGIN, y: band.top, width: drawn.width - 2 * MARGIN, height: band.height },
    });
    Layout {
        width: drawn.width,
        height: bands.last().map_or(0, |band| band.top + band.height) + MARGIN,
        lanes: if has_lanes { lanes.collect() } else { Vec::new() },
        nodes: drawn.nodes,
        edges: drawn.edges,
        links: drawn.links,
    }
}

/// The band of a lane, from above.
#[derive(Debug, Clone, Default)]
struct Band {
    top: i64,
    height: i64,
    /// Where the rows for ways that go back begin.
    rows: i64,
}
