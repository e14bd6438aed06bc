//! How ways go: out of a node to the right, in the gap behind its layer up or down along a track of its own, on through the places that are
//! kept for it, into a node from the left. What goes back goes along the foot of the lane in which it begins.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::blocks::Blocks;
use super::layers::{Course, Line, Net};
use super::{Band, LETTER, LONGEST_LABEL, MARGIN, NodeBox, PADDING, Place, Point, Shape, TITLE, Way, length};
use crate::domain::processes::engine::definition::Definition;

/// Between tracks.
const TRACK: i64 = 8;
/// Before the first track, and behind the last.
const BEFORE: i64 = 14;

/// What is drawn, and how wide it is.
pub(super) struct Drawn {
    pub(super) nodes: Vec<NodeBox>,
    pub(super) edges: Vec<Way>,
    pub(super) links: Vec<Way>,
    pub(super) width: i64,
}

/// A row at the foot of a lane.
pub(super) struct Row {
    pub(super) lane: usize,
    pub(super) height: i64,
    /// The gaps that are taken, from and to.
    taken: Vec<(usize, usize)>,
}

/// The part of a way within a gap.
struct Rung {
    line: usize,
    /// Which of the line's parts it is.
    number: usize,
    from: i64,
    to: i64,
    /// The item from whose side it comes.
    left: Option<usize>,
    /// The item to whose side it goes.
    right: Option<usize>,
}

/// Rungs that share a track, because they leave or reach the same place.
#[derive(Default)]
struct Bundle {
    rungs: Vec<usize>,
    top: i64,
    bottom: i64,
    lefts: Vec<i64>,
    rights: Vec<i64>,
}

/// Lines along the foot of one lane to one node, and the gaps between which they go.
#[derive(Default)]
struct Sharing {
    first: usize,
    last: usize,
    has_label: bool,
    lines: Vec<usize>,
}

/// The rows at the feet of lanes, and the row of each line that goes along one. Lines to one node share a row.
pub(super) fn rows(net: &Net, blocks: &Blocks) -> (Vec<Row>, HashMap<usize, usize>) {
    let mut shared: BTreeMap<(usize, usize), Sharing> = BTreeMap::new();
    for (number, line) in net.lines.iter().enumerate() {
        if !super::heights::goes_along(&line.course) {
            continue;
        }
        let (first, last) = gaps(net, blocks, line);
        let lane = net.items[blocks.of[line.from].0].lane;
        let one = shared.entry((lane, line.to)).or_insert_with(|| Sharing { first, last, ..Sharing::default() });
        one.first = one.first.min(first).min(last);
        one.last = one.last.max(first).max(last);
        one.has_label |= !line.text.is_empty();
        one.lines.push(number);
    }
    let mut groups: Vec<_> = shared.into_iter().collect();
    groups.sort_by_key(|((lane, to), one)| (*lane, one.last - one.first, *to));
    let mut rows: Vec<Row> = Vec::new();
    let mut of = HashMap::new();
    for ((lane, _), Sharing { first, last, has_label, lines }) in groups {
        let free = |row: &Row| row.lane == lane && row.taken.iter().all(|taken| taken.1 < first || last < taken.0);
        let row = rows.iter().position(free).unwrap_or_else(|| {
            rows.push(Row { lane, height: 0, taken: Vec::new() });
            rows.len() - 1
        });
        rows[row].taken.push((first, last));
        rows[row].height = rows[row].height.max(super::heights::row_height(has_label));
        of.extend(lines.into_iter().map(|line| (line, row)));
    }
    (rows, of)
}

/// The gaps in which a line leaves its layer and reaches that of its end.
fn gaps(net: &Net, blocks: &Blocks, line: &Line) -> (usize, usize) {
    (net.items[blocks.of[line.from].0].layer + 1, net.items[blocks.of[line.to].0].layer)
}

/// Draws everything.
pub(super) fn route(definition: &Definition, net: &Net, blocks: &Blocks, bands: &[Band]) -> Drawn {
    let (rows, row_of) = rows(net, blocks);
    let mut feet: Vec<i64> = bands.iter().map(|band| band.rows).collect();
    let row_y: Vec<i64> = rows
        .iter()
        .map(|row| {
            feet[row.lane] += row.height;
            feet[row.lane] - 4
        })
        .collect();
    let mut by_gap: Vec<Vec<Rung>> = (0..=net.layers.len()).map(|_| Vec::new()).collect();
    for (number, line) in net.lines.iter().enumerate() {
        rungs(net, blocks, number, row_of.get(&number).map(|row| row_y[*row]), &mut by_gap, line);
    }
    let mut tracks = HashMap::new();
    let mut x = MARGIN + if definition.lanes.is_empty() { 0 } else { TITLE } + PADDING;
    let mut column = Vec::with_capacity(net.layers.len());
    let mut label_x = Vec::with_capacity(by_gap.len());
    for (gap, rungs) in by_gap.iter().enumerate() {
        let (of, count) = tracked(rungs);
        for (rung, track) in rungs.iter().zip(of) {
            if let Some(track) = track {
                tracks.insert((rung.line, rung.number), x + BEFORE + TRACK * track);
            }
        }
        let outer = gap == 0 || gap == net.layers.len();
        let labels =
            rungs.iter().filter(|rung| rung.number == 0).map(|rung| label_width(&net.lines[rung.line].text)).max();
        let after = x + if outer && count == 0 { 0 } else { BEFORE + TRACK * count.max(1) };
        label_x.push(after);
        x = after + labels.unwrap_or(0).max(if outer && count == 0 { 0 } else { BEFORE });
        if let Some(items) = net.layers.get(gap) {
            let width = items
                .iter()
                .filter_map(|item| net.items[*item].block)
                .map(|block| blocks.all[block].width)
                .max()
                .unwrap_or(0);
            column.push((x, width));
            x += width;
        }
    }
    let corner = |block: usize| {
        let (left, width) = column[net.items[block].layer];
        Point { x: left + (width - blocks.all[block].width) / 2, y: net.items[block].y - blocks.all[block].middle }
    };
    let nodes = nodes(definition, blocks, corner);
    let mut ways: Vec<(usize, Way)> = Vec::new();
    let mut links = Vec::new();
    for (number, line) in net.lines.iter().enumerate() {
        let points = points(net, blocks, line, number, row_of.get(&number).map(|row| row_y[*row]), &tracks, corner);
        let label = label(net, blocks, line, &points, &label_x);
        let id_of = |node: usize| definition.nodes[node].id.clone();
        let (from, to) = (id_of(line.from), id_of(line.to));
        match line.edge {
            Some(edge) => {
                let id = definition.edges[edge].id.clone();
                ways.push((edge, Way { id, from, to, points, text: line.text.clone(), label }));
            }
            None => links.push(Way { id: format!("{from}--{to}"), from, to, points, ..Way::default() }),
        }
    }
    for (number, block) in blocks.all.iter().enumerate() {
        for (from, to, points) in &block.ties {
            let (from, to) = (definition.nodes[*from].id.clone(), definition.nodes[*to].id.clone());
            let points = straightened(moved(points, corner(number)));
            links.push(Way { id: format!("{from}--{to}"), from, to, points, ..Way::default() });
        }
    }
    ways.sort_by_key(|(edge, _)| *edge);
    Drawn { nodes, edges: ways.into_iter().map(|(_, way)| way).collect(), links, width: x + PADDING + MARGIN }
}

fn nodes(definition: &Definition, blocks: &Blocks, corner: impl Fn(usize) -> Point) -> Vec<NodeBox> {
    let placed = definition.nodes.iter().enumerate().map(|(index, node)| {
        let (block, part) = blocks.part(index);
        let corner = corner(blocks.of[index].0);
        let at = |place: Place| Place { x: place.x + corner.x, y: place.y + corner.y, ..place };
        NodeBox {
            id: node.id.clone(),
            kind: node.kind.clone(),
            name: node.name.clone(),
            shape: Shape::of(&node.kind),
            place: at(part.place),
            lane: block.lane.checked_sub(1).map(|lane| definition.lanes[lane].id.clone()),
            on: blocks.on[index].map(|on| definition.nodes[on].id.clone()),
            label: part.label.map(at),
        }
    });
    placed.collect()
}

/// The parts of a line, each in the gap in which it goes up or down.
fn rungs(net: &Net, blocks: &Blocks, number: usize, row: Option<i64>, by_gap: &mut [Vec<Rung>], line: &Line) {
    let (first, last) = gaps(net, blocks, line);
    let (from, to) = (out_y(net, blocks, line.from), in_y(net, blocks, line.to));
    let (left, right) = (blocks.of[line.from].0, blocks.of[line.to].0);
    match &line.course {
        Course::Through(items) => {
            let count = items.len() - 1;
            for step in 0..count {
                let rung = Rung {
                    line: number,
                    number: step,
                    from: if step == 0 { from } else { net.items[items[step]].y },
                    to: if step + 1 == count { to } else { net.items[items[step + 1]].y },
                    left: Some(items[step]),
                    right: Some(items[step + 1]),
                };
                by_gap[first + step].push(rung);
            }
        }
        Course::Along => {
            let row = row.unwrap_or(from);
            by_gap[first].push(Rung { line: number, number: 0, from, to: row, left: Some(left), right: None });
            by_gap[last].push(Rung { line: number, number: 1, from: row, to, left: None, right: Some(right) });
        }
    }
}

fn out_y(net: &Net, blocks: &Blocks, node: usize) -> i64 {
    let (block, part) = blocks.part(node);
    net.items[blocks.of[node].0].y + part.way_out.last().map_or(0, |point| point.y - block.middle)
}

fn in_y(net: &Net, blocks: &Blocks, node: usize) -> i64 {
    let (block, part) = blocks.part(node);
    net.items[blocks.of[node].0].y + part.way_in.first().map_or(0, |point| point.y - block.middle)
}

/// The track of each rung that goes up or down, and how many tracks there are.
fn tracked(rungs: &[Rung]) -> (Vec<Option<i64>>, i64) {
    let bundles = bundled(rungs);
    let mut of = vec![None; rungs.len()];
    let mut count = 0;
    let mut placed: Vec<(i64, i64, i64)> = Vec::new();
    let mut track_of = vec![0; bundles.len()];
    for (number, least) in in_order(&bundles) {
        let bundle = &bundles[number];
        let beside = placed
            .iter()
            .filter(|(top, bottom, _)| *top <= bundle.bottom && bundle.top <= *bottom)
            .map(|one| one.2 + 1);
        let behind = least.iter().map(|before| track_of[*before] + 1);
        let track = beside.chain(behind).max().unwrap_or(0);
        track_of[number] = track;
        placed.push((bundle.top, bundle.bottom, track));
        count = count.max(track + 1);
        for rung in &bundle.rungs {
            of[*rung] = Some(track);
        }
    }
    (of, count)
}

/// Rungs that leave one place share a track; else those that reach one place.
fn bundled(rungs: &[Rung]) -> Vec<Bundle> {
    let bends = |rung: &&Rung| rung.from != rung.to;
    let mut leaving: HashMap<(usize, i64), usize> = HashMap::new();
    for rung in rungs.iter().filter(bends) {
        if let Some(left) = rung.left {
            *leaving.entry((left, rung.from)).or_default() += 1;
        }
    }
    let mut all: BTreeMap<(u8, usize, i64), Bundle> = BTreeMap::new();
    for (number, rung) in rungs.iter().enumerate().filter(|(_, rung)| bends(rung)) {
        let shared = rung.left.filter(|left| leaving.get(&(*left, rung.from)).is_some_and(|count| *count > 1));
        let key = match (shared, rung.right) {
            (Some(left), _) => (0, left, rung.from),
            (None, Some(right)) => (1, right, rung.to),
            (None, None) => (2, number, 0),
        };
        let bundle = all.entry(key).or_insert_with(|| Bundle { top: i64::MAX, bottom: i64::MIN, ..Bundle::default() });
        bundle.rungs.push(number);
        bundle.top = bundle.top.min(rung.from).min(rung.to);
        bundle.bottom = bundle.bottom.max(rung.from).max(rung.to);
        if rung.left.is_some() {
            bundle.lefts.push(rung.from);
        }
        if rung.right.is_some() {
            bundle.rights.push(rung.to);
        }
    }
    all.into_values().collect()
}

/// The order of bundles from left to right, each with those that must stand before it: what comes from the left at a height stands before
/// what goes on to the right at the same. Of those that go down the lower first, of those that go up the upper, so that they cross seldom.
fn in_order(bundles: &[Bundle]) -> Vec<(usize, Vec<usize>)> {
    let mut at_left: HashMap<i64, Vec<usize>> = HashMap::new();
    for (number, bundle) in bundles.iter().enumerate() {
        for y in &bundle.lefts {
            at_left.entry(*y).or_default().push(number);
        }
    }
    let before: Vec<Vec<usize>> = bundles
        .iter()
        .enumerate()
        .map(|(number, bundle)| {
            let ends = bundle.rights.iter().filter_map(|y| at_left.get(y)).flatten().copied();
            ends.filter(|other| *other != number).collect::<BTreeSet<_>>().into_iter().collect()
        })
        .collect();
    let mut after = vec![Vec::new(); bundles.len()];
    let mut missing = vec![0_usize; bundles.len()];
    for (number, others) in before.iter().enumerate() {
        missing[number] = others.len();
        for other in others {
            after[*other].push(number);
        }
    }
    let key = |number: usize| {
        let bundle = &bundles[number];
        let from = bundle.lefts.iter().copied().min().unwrap_or(bundle.top);
        let down = bundle.bottom - from >= from - bundle.top;
        (down, if down { -from } else { from }, number)
    };
    let mut ready: BTreeSet<_> = (0..bundles.len()).filter(|number| missing[*number] == 0).map(key).collect();
    let mut waiting: BTreeSet<_> = (0..bundles.len()).filter(|number| missing[*number] > 0).map(key).collect();
    let mut order: Vec<(usize, Vec<usize>)> = Vec::with_capacity(bundles.len());
    let mut done = vec![false; bundles.len()];
    // Where each waits for another in a ring, one goes first all the same.
    while let Some((.., number)) = ready.pop_first().or_else(|| waiting.pop_first()) {
        done[number] = true;
        order.push((number, before[number].iter().copied().filter(|other| done[*other]).collect()));
        for next in after[number].iter().copied().filter(|next| !done[*next]) {
            missing[next] -= 1;
            if missing[next] == 0 && waiting.remove(&key(next)) {
                ready.insert(key(next));
            }
        }
    }
    order
}

fn points(
    net: &Net,
    blocks: &Blocks,
    line: &Line,
    number: usize,
    row: Option<i64>,
    tracks: &HashMap<(usize, usize), i64>,
    corner: impl Fn(usize) -> Point,
) -> Vec<Point> {
    let (from, to) = (blocks.of[line.from].0, blocks.of[line.to].0);
    let mut all = moved(&blocks.part(line.from).1.way_out, corner(from));
    let (start, end) = (out_y(net, blocks, line.from), in_y(net, blocks, line.to));
    let mut heights = vec![start];
    match &line.course {
        Course::Through(items) => heights.extend(items[1..items.len() - 1].iter().map(|item| net.items[*item].y)),
        Course::Along => heights.push(row.unwrap_or(start)),
    }
    heights.push(end);
    for (part, pair) in heights.windows(2).enumerate() {
        if let Some(x) = tracks.get(&(number, part)) {
            all.extend([Point { x: *x, y: pair[0] }, Point { x: *x, y: pair[1] }]);
        }
    }
    all.extend(moved(&blocks.part(line.to).1.way_in, corner(to)));
    straightened(all)
}

fn moved(points: &[Point], by: Point) -> Vec<Point> {
    points.iter().map(|point| Point { x: point.x + by.x, y: point.y + by.y }).collect()
}

/// Without points twice, and without points on a straight line between others.
fn straightened(points: Vec<Point>) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        if kept.last() == Some(&point) {
            continue;
        }
        while let [.., one, other] = kept.as_slice() {
            let level = one.y == other.y && other.y == point.y && (one.x < other.x) == (other.x < point.x);
            let upright = one.x == other.x && other.x == point.x && (one.y < other.y) == (other.y < point.y);
            if !level && !upright {
                break;
            }
            kept.pop();
        }
        kept.push(point);
    }
    kept
}

fn label_width(text: &str) -> i64 {
    let letters = length(text.chars().take(LONGEST_LABEL).count());
    if letters == 0 { 0 } else { letters * LETTER + 12 }
}

/// Where a line's text stands: behind its first bend, or at its row.
fn label(net: &Net, blocks: &Blocks, line: &Line, points: &[Point], label_x: &[i64]) -> Option<Place> {
    let width = label_width(&line.text);
    if width == 0 {
        return None;
    }
    let (first, _) = gaps(net, blocks, line);
    let place = match &line.course {
        Course::Through(items) => {
            let y = if items.len() == 2 { in_y(net, blocks, line.to) } else { net.items[items[1]].y };
            Place { x: label_x[first], y: y - 15, width, height: 13 }
        }
        Course::Along => {
            let lowest = points.windows(2).filter(|pair| pair[0].y == pair[1].y).max_by_key(|pair| pair[0].y)?;
            Place { x: lowest[0].x.min(lowest[1].x) + 4, y: lowest[0].y - 14, width, height: 13 }
        }
    };
    Some(place)
}
