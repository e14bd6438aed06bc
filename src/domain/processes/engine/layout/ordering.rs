//! Who stands above whom within a layer: sweeps forth and back, each by where the neighbours stand, until crossings are no longer fewer.
//! Lanes are never mixed.

use super::layers::Net;

/// How often it is swept at most.
const SWEEPS: usize = 24;
/// After so many sweeps that were no better it is enough.
const PATIENCE: usize = 6;

/// Orders every layer.
pub(super) fn order(net: &mut Net) {
    for layer in 0..net.layers.len() {
        let mut items = std::mem::take(&mut net.layers[layer]);
        items.sort_by_key(|item| (net.items[*item].lane, *item));
        put(net, layer, items);
    }
    let mut best = (crossings(net), net.layers.clone());
    let mut idle = 0;
    for sweep in 0..SWEEPS {
        if best.0 == 0 || idle == PATIENCE {
            break;
        }
        let forth = sweep % 2 == 0;
        let count = net.layers.len();
        for step in 1..count {
            let layer = if forth { step } else { count - 1 - step };
            by_neighbours(net, layer, forth, sweep / 2 % 2 == 1);
        }
        let found = crossings(net);
        idle += 1;
        if found < best.0 {
            best = (found, net.layers.clone());
            idle = 0;
        }
    }
    for (layer, items) in best.1.into_iter().enumerate() {
        put(net, layer, items);
    }
}

fn put(net: &mut Net, layer: usize, items: Vec<usize>) {
    for (position, item) in items.iter().enumerate() {
        net.items[*item].position = position;
    }
    net.layers[layer] = items;
}

/// Orders a layer by the mean, or by the one in the middle, of the neighbours' places.
fn by_neighbours(net: &mut Net, layer: usize, forth: bool, by_median: bool) {
    let mut items = std::mem::take(&mut net.layers[layer]);
    let mut keys = vec![0; items.len()];
    for (key, item) in keys.iter_mut().zip(&items) {
        let item = &net.items[*item];
        let steps = if forth { &item.before } else { &item.after };
        let mut places: Vec<usize> = steps
            .iter()
            .map(|step| net.items[if forth { net.steps[*step].from } else { net.steps[*step].to }].position)
            .collect();
        places.sort_unstable();
        *key = match places.len() {
            0 => item.position * 1024,
            count if by_median => (places[count / 2] + places[(count - 1) / 2]) * 512,
            count => places.iter().sum::<usize>() * 1024 / count,
        };
    }
    let key_of = |item: &usize| (net.items[*item].lane, keys[net.items[*item].position], net.items[*item].position);
    items.sort_by_key(key_of);
    put(net, layer, items);
}

/// How many steps cross others.
fn crossings(net: &Net) -> usize {
    let mut all = 0;
    for layer in &net.layers {
        let mut ends: Vec<(usize, usize)> = layer
            .iter()
            .flat_map(|item| net.items[*item].after.iter())
            .map(|step| (net.items[net.steps[*step].from].position, net.items[net.steps[*step].to].position))
            .collect();
        ends.sort_unstable();
        let mut seen = Counts(vec![0; ends.iter().map(|end| end.1 + 2).max().unwrap_or(0)]);
        for (count, (_, to)) in ends.iter().enumerate() {
            all += count - seen.up_to(to + 1);
            seen.add(to + 1);
        }
    }
    all
}

/// Counts up to a place, in logarithmic time.
struct Counts(Vec<usize>);

impl Counts {
    fn add(&mut self, mut at: usize) {
        while at < self.0.len() {
            self.0[at] += 1;
            at += at & at.wrapping_neg();
        }
    }

    fn up_to(&self, mut at: usize) -> usize {
        let mut sum = 0;
        while at > 0 {
            sum += self.0[at];
            at &= at - 1;
        }
        sum
    }
}
