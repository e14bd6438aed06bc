//! Which layer each block stands in: cycles are opened at the ways that go back, every other way leads to a later layer, and a way over
//! several layers gets a place in each of them.

use super::blocks::Blocks;
use super::text_of;
use crate::domain::processes::engine::definition::Definition;

/// The most places that long ways get; the longest beyond go along the foot of their lane.
const MOST_PLACES: usize = 10_000;

/// What is ordered and placed: blocks and the places of long ways, layer by layer.
pub(super) struct Net {
    pub(super) items: Vec<Item>,
    pub(super) layers: Vec<Vec<usize>>,
    pub(super) lines: Vec<Line>,
    pub(super) steps: Vec<Step>,
}

/// A block, or the place of a long way.
pub(super) struct Item {
    pub(super) block: Option<usize>,
    pub(super) layer: usize,
    pub(super) lane: usize,
    /// Where its ways come in and go out, from above; below the top of its lane until lanes are placed.
    pub(super) y: i64,
    /// Its place in its layer.
    pub(super) position: usize,
    /// The steps that lead to it.
    pub(super) before: Vec<usize>,
    /// The steps that leave it.
    pub(super) after: Vec<usize>,
}

/// Between two layers that follow each other.
pub(super) struct Step {
    pub(super) from: usize,
    pub(super) to: usize,
    /// How far below the `y` of its item it leaves and comes in.
    pub(super) lower: (i64, i64),
}

/// Something that is drawn from node to node.
pub(super) struct Line {
    /// The number of the edge; none for what ties a node to one that it runs.
    pub(super) edge: Option<usize>,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) text: String,
    pub(super) course: Course,
}

/// How a line goes.
pub(super) enum Course {
    /// Through these items, one in each layer.
    Through(Vec<usize>),
    /// Along the foot of the lane in which it begins.
    Along,
}

impl Net {
    pub(super) fn of(definition: &Definition, blocks: &Blocks) -> Self {
        let mut lines = Vec::new();
        for (number, edge) in definition.edges.iter().enumerate() {
            if let (Some(from), Some(to)) = (blocks.by_id.get(&edge.from), blocks.by_id.get(&edge.to)) {
                let text = text_of(edge).to_owned();
                lines.push(Line { edge: Some(number), from: *from, to: *to, text, course: Course::Along });
            }
        }
        for (from, to) in &blocks.ties {
            lines.push(Line { edge: None, from: *from, to: *to, text: String::new(), course: Course::Along });
        }
        let ends: Vec<(usize, usize)> =
            lines.iter().map(|line| (blocks.of[line.from].0, blocks.of[line.to].0)).collect();
        let forward = opened(definition, blocks, &ends);
        let layer = layered(blocks.all.len(), &forward.iter().map(|line| ends[*line]).collect::<Vec<_>>());
        let mut items: Vec<Item> =
            (0..blocks.all.len()).map(|block| Item::new(Some(block), layer[block], blocks.all[block].lane)).collect();
        let mut steps = Vec::new();
        let mut by_length = forward;
        by_length.sort_by_key(|line| (layer[ends[*line].1] - layer[ends[*line].0], *line));
        let mut places = 0;
        for number in by_length {
            let (from, to) = ends[number];
            let between = layer[to] - layer[from] - 1;
            places += between;
            if places > MOST_PLACES {
                break;
            }
            let mut through = vec![from];
            for layer in layer[from] + 1..layer[to] {
                through.push(items.len());
                items.push(Item::new(None, layer, items[from].lane));
            }
            through.push(to);
            let (out, into) = (lower_out(blocks, lines[number].from), lower_in(blocks, lines[number].to));
            for pair in through.windows(2) {
                let lower = (if pair[0] == from { out } else { 0 }, if pair[1] == to { into } else { 0 });
                items[pair[0]].after.push(steps.len());
                items[pair[1]].before.push(steps.len());
                steps.push(Step { from: pair[0], to: pair[1], lower });
            }
            lines[number].course = Course::Through(through);
        }
        let mut layers = vec![Vec::new(); items.iter().map(|item| item.layer + 1).max().unwrap_or(0)];
        for (number, item) in items.iter().enumerate() {
            layers[item.layer].push(number);
        }
        Self { items, layers, lines, steps }
    }
}

impl Item {
    const fn new(block: Option<usize>, layer: usize, lane: usize) -> Self {
        Self { block, layer, lane, y: 0, position: 0, before: Vec::new(), after: Vec::new() }
    }
}

fn lower_out(blocks: &Blocks, node: usize) -> i64 {
    let (block, part) = blocks.part(node);
    part.way_out.last().map_or(0, |point| point.y - block.middle)
}

fn lower_in(blocks: &Blocks, node: usize) -> i64 {
    let (block, part) = blocks.part(node);
    part.way_in.first().map_or(0, |point| point.y - block.middle)
}

/// The lines that lead forward: a walk in depth from the start leaves out those that come back to where it still is.
fn opened(definition: &Definition, blocks: &Blocks, ends: &[(usize, usize)]) -> Vec<usize> {
    let count = blocks.all.len();
    let mut leaving = vec![Vec::new(); count];
    let mut reached = vec![0_usize; count];
    for (number, (from, to)) in ends.iter().enumerate() {
        if from != to {
            leaving[*from].push(number);
            reached[*to] += 1;
        }
    }
    let mut roots: Vec<usize> = (0..count).collect();
    roots.sort_by_key(|block| {
        let kind = &definition.nodes[blocks.all[*block].parts[0].node].kind;
        (kind != "start", reached[*block] > 0, *block)
    });
    // 0: not seen, 1: under way, 2: left.
    let mut state = vec![0_u8; count];
    let mut forward = Vec::new();
    for root in roots {
        if state[root] != 0 {
            continue;
        }
        state[root] = 1;
        let mut walk = vec![(root, 0)];
        while let Some((block, next)) = walk.last_mut() {
            let Some(number) = leaving[*block].get(*next).copied() else {
                state[*block] = 2;
                walk.pop();
                continue;
            };
            *next += 1;
            let to = ends[number].1;
            if state[to] != 1 {
                forward.push(number);
            }
            if state[to] == 0 {
                state[to] = 1;
                walk.push((to, 0));
            }
        }
    }
    forward
}

/// The layer of each block: one after the last of those before it; what has more ways out than in stands close to what follows.
fn layered(count: usize, forward: &[(usize, usize)]) -> Vec<usize> {
    let mut after = vec![Vec::new(); count];
    let mut missing = vec![0_usize; count];
    for (from, to) in forward {
        after[*from].push(*to);
        missing[*to] += 1;
    }
    let before = missing.clone();
    let mut layer = vec![0; count];
    let mut order: Vec<usize> = (0..count).filter(|block| missing[*block] == 0).collect();
    let mut next = 0;
    while let Some(block) = order.get(next).copied() {
        next += 1;
        for to in &after[block] {
            layer[*to] = layer[*to].max(layer[block] + 1);
            missing[*to] -= 1;
            if missing[*to] == 0 {
                order.push(*to);
            }
        }
    }
    for block in order.into_iter().rev() {
        if after[block].len() > before[block]
            && let Some(first) = after[block].iter().map(|to| layer[*to]).min()
        {
            layer[block] = layer[block].max(first - 1);
        }
    }
    layer
}
