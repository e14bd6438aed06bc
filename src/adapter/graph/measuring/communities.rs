//! Which nodes hang together: each goes to the community with which it has most relations beyond what chance would give it, until none
//! wants to leave; then communities are taken for nodes, and it begins again (Louvain). Always in the order of the nodes, and of equal
//! ones the first: the same graph falls apart in the same way.

use super::Clock;
use super::net::Net;
use crate::port::graph::GraphFault;

/// So often all nodes are asked on one level at most.
const ROUNDS: usize = 50;
/// What is gained by leaving must be more than what rounding makes.
const GAIN: f64 = 1e-9;

/// A graph with weights on its relations, each known at both of its ends.
struct Level {
    to: Vec<Vec<(u32, f64)>>,
    /// All the weight at a node; what leads back to itself twice.
    weights: Vec<f64>,
}

/// The community of each node.
pub(super) fn communities(net: &Net, clock: Clock<'_>) -> Result<Vec<u32>, GraphFault> {
    let mut level = Level::of(net);
    let mut found: Vec<u32> = (0..).take(net.len()).collect();
    loop {
        let (groups, count) = level.settle(clock)?;
        for group in &mut found {
            *group = groups[*group as usize];
        }
        if count == level.to.len() {
            return Ok(found);
        }
        level = level.folded(&groups, count);
    }
}

impl Level {
    fn of(net: &Net) -> Self {
        let mut to = Vec::with_capacity(net.len());
        for node in 0..net.len() {
            let mut list: Vec<(u32, f64)> = Vec::new();
            for other in net.both.from(node) {
                let weight = if *other as usize == node { 2.0 } else { 1.0 };
                match list.last_mut() {
                    Some((last, sum)) if last == other => *sum += weight,
                    _ => list.push((*other, weight)),
                }
            }
            to.push(list);
        }
        Self::with(to)
    }

    fn with(to: Vec<Vec<(u32, f64)>>) -> Self {
        let weights = to.iter().map(|list| list.iter().map(|(_, weight)| weight).sum()).collect();
        Self { to, weights }
    }

    /// The community of each node, numbered in the order in which they are met, and how many there are.
    fn settle(&self, clock: Clock<'_>) -> Result<(Vec<u32>, usize), GraphFault> {
        let nodes = self.to.len();
        let all: f64 = self.weights.iter().sum();
        let mut groups: Vec<u32> = (0..).take(nodes).collect();
        let mut totals = self.weights.clone();
        let (mut shared, mut met) = (vec![0.0; nodes], Vec::new());
        for _ in 0..ROUNDS {
            let mut moved = false;
            for node in 0..nodes {
                if node % 1024 == 0 {
                    clock()?;
                }
                let own = groups[node];
                totals[own as usize] -= self.weights[node];
                for (other, weight) in self.to[node].iter().filter(|(other, _)| *other as usize != node) {
                    let group = groups[*other as usize];
                    if shared[group as usize] == 0.0 {
                        met.push(group);
                    }
                    shared[group as usize] += weight;
                }
                let gain = |group: u32| shared[group as usize] - totals[group as usize] * self.weights[node] / all;
                met.sort_unstable();
                let mut best = (own, gain(own));
                for group in &met {
                    let gain = gain(*group);
                    if gain > best.1 + GAIN {
                        best = (*group, gain);
                    }
                }
                moved |= best.0 != own;
                groups[node] = best.0;
                totals[best.0 as usize] += self.weights[node];
                for group in met.drain(..) {
                    shared[group as usize] = 0.0;
                }
            }
            if !moved {
                break;
            }
        }
        let mut numbers = vec![u32::MAX; nodes];
        let mut count = 0_u32;
        for group in &mut groups {
            let number = &mut numbers[*group as usize];
            if *number == u32::MAX {
                (*number, count) = (count, count + 1);
            }
            *group = *number;
        }
        Ok((groups, count as usize))
    }

    /// The communities as nodes.
    fn folded(&self, groups: &[u32], count: usize) -> Self {
        let mut pairs: Vec<Vec<(u32, f64)>> = vec![Vec::new(); count];
        for (list, group) in self.to.iter().zip(groups) {
            let of = &mut pairs[*group as usize];
            of.extend(list.iter().map(|(other, weight)| (groups[*other as usize], *weight)));
        }
        for list in &mut pairs {
            list.sort_by_key(|(group, _)| *group);
            let mut folded: Vec<(u32, f64)> = Vec::new();
            for (group, weight) in list.drain(..) {
                match folded.last_mut() {
                    Some((last, sum)) if *last == group => *sum += weight,
                    _ => folded.push((group, weight)),
                }
            }
            *list = folded;
        }
        Self::with(pairs)
    }
}
