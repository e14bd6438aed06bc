//! How far from above each item stands: as near to its neighbours as those beside it in the layer leave room, the places of long ways first,
//! so that they are straight. Then the bands of the lanes, one below the other.

use super::blocks::Blocks;
use super::layers::{Course, Net};
use super::{Band, LOWEST, MARGIN, PADDING, length};

/// Rounds of forth and back.
const ROUNDS: usize = 6;
/// Between blocks.
const APART: i64 = 26;
/// Between a way and what is beside it.
const BESIDE: i64 = 16;

/// Places everything; answers the bands of the lanes, that of no lane first.
pub(super) fn heights(net: &mut Net, blocks: &Blocks, lanes: usize) -> Vec<Band> {
    let count = net.layers.len();
    for layer in 0..count {
        settle(net, blocks, layer, None);
    }
    for _ in 0..ROUNDS {
        for layer in (0..count).rev() {
            settle(net, blocks, layer, Some(false));
        }
        for layer in 0..count {
            settle(net, blocks, layer, Some(true));
        }
    }
    bands(net, blocks, lanes)
}

/// How far an item reaches above and below its `y`.
fn reach(net: &Net, blocks: &Blocks, item: usize) -> (i64, i64) {
    net.items[item].block.map_or((0, 0), |block| {
        let block = &blocks.all[block];
        (block.middle, block.height - block.middle)
    })
}

/// Places the items of a layer, lane by lane, where their neighbours on one side would have them.
fn settle(net: &mut Net, blocks: &Blocks, layer: usize, forth: Option<bool>) {
    let items = std::mem::take(&mut net.layers[layer]);
    let lanes: Vec<&[usize]> = items.chunk_by(|one, other| net.items[*one].lane == net.items[*other].lane).collect();
    for run in lanes {
        let mut pools: Vec<Pool> = Vec::new();
        let mut offset = 0;
        let mut offsets = Vec::with_capacity(run.len());
        for (number, item) in run.iter().enumerate() {
            if let Some(above) = number.checked_sub(1).map(|number| run[number]) {
                let is_way = net.items[above].block.is_none() || net.items[*item].block.is_none();
                offset +=
                    reach(net, blocks, above).1 + reach(net, blocks, *item).0 + if is_way { BESIDE } else { APART };
            }
            offsets.push(offset);
            let (sum, weight) = wish(net, *item, forth);
            let place = (2 * sum + weight).div_euclid(2 * weight) - offset;
            pools.push(Pool { wishes: vec![(place, weight)], place, count: 1 });
            while let [.., above, below] = pools.as_mut_slice() {
                if above.place <= below.place {
                    break;
                }
                above.take(below);
                pools.pop();
            }
        }
        let places = pools.iter().flat_map(|pool| std::iter::repeat_n(pool.place, pool.count));
        for ((item, place), offset) in run.iter().zip(places).zip(offsets) {
            net.items[*item].y = place + offset;
        }
    }
    net.layers[layer] = items;
}

/// Items that push each other. They stand where the one in the middle would by weight, so that some of them stand exactly where they would: the
/// mean would bend every way a little.
struct Pool {
    /// Where each would have the first stand, in order, and how much that weighs.
    wishes: Vec<(i64, i64)>,
    place: i64,
    count: usize,
}

impl Pool {
    #[expect(
        clippy::stable_sort_primitive,
        reason = "the wishes are two runs in order, which this sort takes as they are"
    )]
    fn take(&mut self, other: &mut Self) {
        self.wishes.append(&mut other.wishes);
        self.wishes.sort();
        self.count += other.count;
        let half = self.wishes.iter().map(|wish| wish.1).sum::<i64>() / 2;
        let mut seen = 0;
        for (place, weight) in &self.wishes {
            seen += weight;
            if seen > half {
                self.place = *place;
                break;
            }
        }
    }
}

/// Where an item would stand, times how much that weighs, and the weight.
fn wish(net: &Net, number: usize, forth: Option<bool>) -> (i64, i64) {
    let item = &net.items[number];
    let mut all = (0, 0);
    let steps: &[usize] = match forth {
        Some(true) => &item.before,
        Some(false) => &item.after,
        None => &[],
    };
    for step in steps {
        let step = &net.steps[*step];
        let other = &net.items[if step.to == number { step.from } else { step.to }];
        if other.lane != item.lane {
            continue;
        }
        let place = if step.to == number {
            other.y + step.lower.0 - step.lower.1
        } else {
            other.y + step.lower.1 - step.lower.0
        };
        let weight = match (item.block, other.block) {
            (None, None) => 4_000,
            (None, Some(_)) | (Some(_), None) => 200,
            (Some(_), Some(_)) => 300,
        };
        all = (all.0 + place * weight, all.1 + weight);
    }
    // Whom nobody asks for stays.
    if all.1 == 0 { (item.y, 1) } else { all }
}

/// Puts the bands below each other and everything into them.
fn bands(net: &mut Net, blocks: &Blocks, lanes: usize) -> Vec<Band> {
    let mut reached: Vec<Option<(i64, i64)>> = vec![None; lanes + 1];
    for number in 0..net.items.len() {
        let (above, below) = reach(net, blocks, number);
        let item = &net.items[number];
        let (top, bottom) = (item.y - above, item.y + below);
        let band = &mut reached[item.lane];
        *band = Some(band.map_or((top, bottom), |(first, last)| (first.min(top), last.max(bottom))));
    }
    // At most a row for each way that goes along; those that can share one do, which leaves some room.
    let mut along = vec![0; lanes + 1];
    for row in super::routing::rows(net, blocks).0 {
        along[row.lane] += row.height;
    }
    let mut top = MARGIN;
    let mut bands = Vec::with_capacity(lanes + 1);
    let mut moved = Vec::with_capacity(lanes + 1);
    for (number, reached) in reached.iter().enumerate() {
        let (first, last) = reached.unwrap_or((0, 0));
        let is_there = number > 0 || reached.is_some();
        let rows = top + PADDING + (last - first) + if along[number] > 0 { 8 } else { 0 };
        let needed = rows - top + along[number] + PADDING;
        let height = if is_there { needed.max(if lanes > 0 { LOWEST } else { 0 }) } else { 0 };
        moved.push(top + PADDING - first);
        bands.push(Band { top, height, rows });
        top += height;
    }
    for item in &mut net.items {
        item.y += moved[item.lane];
    }
    bands
}

/// Whether a line goes along the foot of its lane.
pub(super) const fn goes_along(course: &Course) -> bool {
    matches!(course, Course::Along)
}

/// The height of rows of ways, labels among them or not.
pub(super) fn row_height(has_label: bool) -> i64 {
    length(if has_label { 18 } else { 10 })
}
