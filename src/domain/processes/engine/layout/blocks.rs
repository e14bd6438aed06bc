//! What is placed as one: an activity with what stands on its edge and what it runs. Within a block every node can be reached from the
//! block's left side, and every node can reach its right side, without crossing another node of it.

use std::collections::HashMap;

use super::{LETTER, Place, Point, Shape, length};
use crate::domain::processes::engine::definition::{Definition, Node};

/// The side of an event, its circle's diameter.
const EVENT: i64 = 36;
/// The side of a gateway.
const GATEWAY: i64 = 48;
/// An activity.
const ACTIVITY: (i64, i64) = (136, 64);
/// How wide a name below a shape may be.
const WIDEST_NAME: i64 = 112;
/// Two lines of a name below a shape.
const NAME_HEIGHT: i64 = 28;
/// Between events on one edge.
const APART: i64 = 48;
/// The same where one of them has a name.
const APART_NAMED: i64 = 84;
/// How far what is run stands in from the left.
const INDENT: i64 = 24;
/// Between ways that leave events on an edge.
const CHANNEL: i64 = 8;

/// All blocks of a definition.
pub(super) struct Blocks {
    /// The blocks, in the order of their first nodes.
    pub(super) all: Vec<Block>,
    /// The block of each node, and its place in that.
    pub(super) of: Vec<(usize, usize)>,
    /// What is tied to what across blocks: the node that runs, the node that is run.
    pub(super) ties: Vec<(usize, usize)>,
    /// The node on whose edge a node stands.
    pub(super) on: Vec<Option<usize>>,
    /// The node of an id.
    pub(super) by_id: HashMap<String, usize>,
}

/// A block.
pub(super) struct Block {
    /// 0 for none, else the number of its lane, from 1.
    pub(super) lane: usize,
    pub(super) width: i64,
    pub(super) height: i64,
    /// How far below its top the ways of its first node come in and go out.
    pub(super) middle: i64,
    /// The nodes in it.
    pub(super) parts: Vec<Part>,
    /// What ties its nodes together: from, to, corners.
    pub(super) ties: Vec<(usize, usize, Vec<Point>)>,
}

/// A node in a block; everything is counted from the block's upper left corner.
pub(super) struct Part {
    pub(super) node: usize,
    pub(super) place: Place,
    pub(super) label: Option<Place>,
    /// From the left side of the block to the node.
    pub(super) way_in: Vec<Point>,
    /// From the node to the right side of the block.
    pub(super) way_out: Vec<Point>,
}

/// Who stands on whom, and who is drawn beside whom.
struct Owners {
    on: Vec<Option<usize>>,
    /// What is drawn below an activity: the node that is run, the node that says so.
    below: Vec<Vec<(usize, usize)>>,
    is_below: Vec<bool>,
    ties: Vec<(usize, usize)>,
}

impl Blocks {
    pub(super) fn of(definition: &Definition) -> Self {
        let mut by_id = HashMap::new();
        for (index, node) in definition.nodes.iter().enumerate() {
            by_id.entry(node.id.clone()).or_insert(index);
        }
        let lanes: HashMap<&str, usize> =
            definition.lanes.iter().enumerate().rev().map(|(number, lane)| (lane.id.as_str(), number + 1)).collect();
        let lane_of = |node: &Node| node.lane.as_deref().and_then(|lane| lanes.get(lane).copied());
        let owners = Owners::of(definition, &by_id, lane_of);
        let mut attached: Vec<Vec<usize>> = vec![Vec::new(); definition.nodes.len()];
        for (index, host) in owners.on.iter().enumerate() {
            if let Some(host) = host {
                attached[*host].push(index);
            }
        }
        let mut all = Vec::new();
        let mut of = vec![(0, 0); definition.nodes.len()];
        for (index, node) in definition.nodes.iter().enumerate() {
            if owners.on[index].is_some() || owners.is_below[index] {
                continue;
            }
            let mut on_edge = std::mem::take(&mut attached[index]);
            on_edge.sort_by_key(|one| definition.nodes[*one].kind != "compensation");
            let mut block = match Shape::of(&node.kind) {
                Shape::Event => small(node, index, EVENT),
                Shape::Gateway => small(node, index, GATEWAY),
                Shape::Activity => large(definition, index, &on_edge, &owners.below[index]),
            };
            block.lane = lane_of(node).unwrap_or(0);
            for (number, part) in block.parts.iter().enumerate() {
                of[part.node] = (all.len(), number);
            }
            all.push(block);
        }
        Self { all, of, ties: owners.ties, on: owners.on, by_id }
    }

    pub(super) fn part(&self, node: usize) -> (&Block, &Part) {
        let (block, part) = self.of[node];
        (&self.all[block], &self.all[block].parts[part])
    }
}

impl Owners {
    fn of(definition: &Definition, by_id: &HashMap<String, usize>, lane_of: impl Fn(&Node) -> Option<usize>) -> Self {
        let nodes = &definition.nodes;
        let named = |node: &Node, field: &str| {
            node.config.get(field).and_then(serde_json::Value::as_str).and_then(|id| by_id.get(id).copied())
        };
        let mut wired = vec![false; nodes.len()];
        for edge in &definition.edges {
            for end in [&edge.from, &edge.to] {
                if let Some(index) = by_id.get(end) {
                    wired[*index] = true;
                }
            }
        }
        let mut owners = Self {
            on: vec![None; nodes.len()],
            below: vec![Vec::new(); nodes.len()],
            is_below: vec![false; nodes.len()],
            ties: Vec::new(),
        };
        let mut is_host = vec![false; nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            if matches!(node.kind.as_str(), "boundary_timeout" | "boundary_error" | "compensation")
                && let Some(host) = named(node, "attachedTo").filter(|host| *host != index)
            {
                if Shape::of(&nodes[host].kind) == Shape::Activity {
                    owners.on[index] = Some(host);
                    is_host[host] = true;
                } else {
                    owners.ties.push((host, index));
                }
            }
        }
        for (index, node) in nodes.iter().enumerate() {
            let run = match node.kind.as_str() {
                "for_each" => named(node, "node"),
                "compensation" => named(node, "by"),
                _ => None,
            };
            let Some(run) = run.filter(|run| *run != index) else { continue };
            let owner = owners.on[index].unwrap_or(index);
            let elsewhere = lane_of(&nodes[run]).is_some_and(|lane| Some(lane) != lane_of(&nodes[owner]));
            let is_leaf =
                Shape::of(&nodes[run].kind) == Shape::Activity && nodes[run].kind != "for_each" && !is_host[run];
            let may_own = Shape::of(&nodes[owner].kind) == Shape::Activity && !owners.is_below[owner] && owner != run;
            if is_leaf && may_own && !elsewhere && !wired[run] && !owners.is_below[run] {
                owners.is_below[run] = true;
                owners.below[owner].push((run, index));
            } else {
                owners.ties.push((index, run));
            }
        }
        owners
    }
}

/// How wide a text is, at most so wide.
fn text_width(text: &str, most: i64) -> i64 {
    length(text.chars().take(200).count()).saturating_mul(LETTER).min(most)
}

/// A shape with its name below.
fn small(node: &Node, index: usize, side: i64) -> Block {
    let named = !node.name.is_empty();
    let name_width = if named { text_width(&node.name, WIDEST_NAME).max(side) } else { side };
    // Even numbers, so that the middle is one.
    let width = name_width + name_width % 2;
    let x = (width - side) / 2;
    let middle = side / 2;
    let part = Part {
        node: index,
        place: Place { x, y: 0, width: side, height: side },
        label: named.then_some(Place { x: 0, y: side + 2, width, height: NAME_HEIGHT }),
        way_in: vec![Point { x: 0, y: middle }, Point { x, y: middle }],
        way_out: vec![Point { x: x + side, y: middle }, Point { x: width, y: middle }],
    };
    let height = if named { side + 2 + NAME_HEIGHT } else { side };
    Block { lane: 0, width, height, middle, parts: vec![part], ties: Vec::new() }
}

/// An activity with what stands on its edge and what is drawn below.
fn large(definition: &Definition, index: usize, on_edge: &[usize], below: &[(usize, usize)]) -> Block {
    let named = on_edge.iter().any(|one| !definition.nodes[*one].name.is_empty());
    let apart = if named { APART_NAMED } else { APART };
    let (width, height) = (ACTIVITY.0.max(24 + length(on_edge.len()) * apart), ACTIVITY.1);
    let full = if below.is_empty() { width } else { width.max(INDENT + ACTIVITY.0) };
    let middle = height / 2;
    let mut parts = vec![Part {
        node: index,
        place: Place { x: 0, y: 0, width, height },
        label: None,
        way_in: vec![Point { x: 0, y: middle }],
        way_out: vec![Point { x: width, y: middle }, Point { x: full, y: middle }],
    }];
    let mut ties = Vec::new();
    let mut bottom = height;
    let mut channels = HashMap::new();
    if !on_edge.is_empty() {
        let first = height + EVENT / 2 + if named { 14 } else { 0 } + CHANNEL;
        for (number, event) in on_edge.iter().enumerate() {
            let middle = Point { x: 18 + EVENT / 2 + length(number) * apart, y: height };
            let foot = Point { x: middle.x, y: height + EVENT / 2 };
            // The first has the lowest: what goes to the right crosses none of the others.
            let channel = first + CHANNEL * length(on_edge.len() - 1 - number);
            channels.insert(*event, (foot, channel));
            let has_name = !definition.nodes[*event].name.is_empty();
            parts.push(Part {
                node: *event,
                place: Place { x: middle.x - EVENT / 2, y: middle.y - EVENT / 2, width: EVENT, height: EVENT },
                label: has_name.then_some(Place { x: foot.x + 3, y: foot.y, width: apart - 8, height: 14 }),
                way_in: vec![Point { x: 0, y: channel }, Point { x: foot.x, y: channel }, foot],
                way_out: vec![foot, Point { x: foot.x, y: channel }, Point { x: full, y: channel }],
            });
        }
        bottom = first + CHANNEL * length(on_edge.len());
    }
    for (run, by) in below {
        let y = bottom + 14;
        let middle = y + ACTIVITY.1 / 2;
        let x = INDENT;
        let from = match channels.get(by) {
            Some((foot, channel)) => vec![*foot, Point { x: foot.x, y: *channel }, Point { x: 8, y: *channel }],
            None => vec![Point { x: 8, y: height }],
        };
        let to = [Point { x: 8, y: middle }, Point { x, y: middle }];
        ties.push((*by, *run, from.into_iter().chain(to).collect()));
        parts.push(Part {
            node: *run,
            place: Place { x, y, width: ACTIVITY.0, height: ACTIVITY.1 },
            label: None,
            way_in: vec![Point { x: 0, y: middle }, Point { x, y: middle }],
            way_out: vec![Point { x: x + ACTIVITY.0, y: middle }, Point { x: full, y: middle }],
        });
        bottom = y + ACTIVITY.1;
    }
    Block { lane: 0, width: full, height: bottom, middle, parts, ties }
}
