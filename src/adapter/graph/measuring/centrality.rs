//! Which nodes are central: by what leads to them, and by the ways that lead through them.

use super::Clock;
use super::net::Net;
use crate::port::graph::GraphFault;

/// So much of a node's rank goes on along its relations.
const GOES_ON: f64 = 0.85;
/// So often ranks are handed on at most, and so little may change in all where it ends before.
const ROUNDS: usize = 100;
const SETTLED: f64 = 1e-10;
/// So many nodes and relations are looked at for ways: beyond that the ways of a sample of the nodes speak for all.
const MOST_LOOKED_AT: usize = 50_000_000;

/// How much leads to each node.
#[expect(clippy::cast_precision_loss, reason = "counts of nodes are far below 2^52")]
pub(super) fn page_rank(net: &Net, clock: Clock<'_>) -> Result<Vec<f64>, GraphFault> {
    let nodes = net.len();
    let mut ranks = vec![1.0 / nodes as f64; nodes];
    for _ in 0..ROUNDS {
        clock()?;
        // What leads nowhere leads everywhere.
        let lost: f64 = (0..nodes).filter(|node| net.out.from(*node).is_empty()).map(|node| ranks[node]).sum();
        let mut next = vec![(1.0 - GOES_ON + GOES_ON * lost) / nodes as f64; nodes];
        for (node, rank) in ranks.iter().enumerate() {
            let to = net.out.from(node);
            let share = GOES_ON * rank / to.len() as f64;
            for other in to {
                next[*other as usize] += share;
            }
        }
        let change: f64 = ranks.iter().zip(&next).map(|(before, after)| (before - after).abs()).sum();
        ranks = next;
        if change < SETTLED {
            break;
        }
    }
    Ok(ranks)
}

/// How often each node lies on a shortest way between two others, as a part of all pairs of others; and whether that rests on a sample.
/// The ways from one node at a time are counted, and what each hands back from its ends (Brandes).
#[expect(clippy::cast_precision_loss, reason = "counts of nodes are far below 2^52")]
pub(super) fn betweenness(net: &Net, clock: Clock<'_>) -> Result<(Vec<f64>, bool), GraphFault> {
    let nodes = net.len();
    let size = (0..nodes).map(|node| 1 + net.both.from(node).len()).sum::<usize>().max(1);
    let sample = (MOST_LOOKED_AT / size).clamp(1, nodes.max(1));
    let mut scores = vec![0.0; nodes];
    if nodes < 3 {
        return Ok((scores, false));
    }
    let mut ways = Ways::of(nodes);
    for at in 0..sample {
        if at % 16 == 0 {
            clock()?;
        }
        // Spread evenly over the order of ids.
        ways.add_from(net, at * nodes / sample, &mut scores);
    }
    let pairs = (nodes - 1) as f64 * (nodes - 2) as f64;
    let scale = nodes as f64 / sample as f64 / pairs;
    for score in &mut scores {
        *score *= scale;
    }
    Ok((scores, sample < nodes))
}

/// The shortest ways from one node.
struct Ways {
    distances: Vec<u32>,
    counts: Vec<f64>,
    handed: Vec<f64>,
    order: Vec<u32>,
}

impl Ways {
    fn of(nodes: usize) -> Self {
        let (distances, order) = (vec![u32::MAX; nodes], Vec::with_capacity(nodes));
        Self { distances, counts: vec![0.0; nodes], handed: vec![0.0; nodes], order }
    }

    /// Adds to each node which part of the ways from one leads through it.
    fn add_from(&mut self, net: &Net, start: usize, scores: &mut [f64]) {
        self.order.clear();
        self.order.push(u32::try_from(start).unwrap_or(u32::MAX));
        (self.distances[start], self.counts[start]) = (0, 1.0);
        let mut at = 0;
        while let Some(node) = self.order.get(at).map(|node| *node as usize) {
            at += 1;
            for other in alone(net.both.from(node)) {
                let far = other as usize;
                if self.distances[far] == u32::MAX {
                    self.distances[far] = self.distances[node] + 1;
                    self.order.push(other);
                }
                if self.distances[far] == self.distances[node] + 1 {
                    self.counts[far] += self.counts[node];
                }
            }
        }
        for node in self.order.iter().rev().map(|node| *node as usize) {
            let share = (1.0 + self.handed[node]) / self.counts[node];
            for other in alone(net.both.from(node)) {
                let near = other as usize;
                if self.distances[near].wrapping_add(1) == self.distances[node] {
                    self.handed[near] += self.counts[near] * share;
                }
            }
            if node != start {
                scores[node] += self.handed[node];
            }
        }
        for node in &self.order {
            let node = *node as usize;
            (self.distances[node], self.counts[node], self.handed[node]) = (u32::MAX, 0.0, 0.0);
        }
    }
}

/// Each node of a sorted list once: two relations between the same nodes are one step.
fn alone(sorted: &[u32]) -> impl Iterator<Item = u32> {
    sorted.iter().enumerate().filter(|(at, node)| *at == 0 || sorted[at - 1] != **node).map(|(_, node)| *node)
}
