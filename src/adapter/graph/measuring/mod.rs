//! Measuring a whole graph: read once, numbered in the order of ids so that the same graph has the same answer, then measured in memory, away
//! from the threads on which calls are answered.

mod centrality;
mod communities;
mod net;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::time::Instant;

use uuid::Uuid;

use self::net::Net;
use super::reading::{Light, Reading};
use crate::port::graph::GraphFault;
use crate::port::graph_measures::{Community, Figure, Measure, Measured, Measures};
use crate::port::store::StoreFault;

/// Bytes of a node and of a relation while they are measured, roughly.
const NODE_BYTES: usize = 250;
const LINK_BYTES: usize = 100;

/// Says that time is up.
pub(super) type Clock<'c> = &'c dyn Fn() -> Result<(), GraphFault>;

/// Measures.
pub(super) async fn measure(reading: &mut Reading<'_>, measure: &Measure) -> Result<Measures, GraphFault> {
    let began = Instant::now();
    let links = reading.every_link(&measure.types).await?;
    let mut ends: Vec<Uuid> = links.iter().flat_map(|(from, to)| [*from, *to]).collect();
    ends.sort_unstable();
    ends.dedup();
    let mut nodes = reading.nodes(&ends).await?;
    nodes.sort_unstable_by_key(|node| node.id);
    let numbers: HashMap<Uuid, u32> = (0..).zip(&nodes).map(|(number, node)| (node.id, number)).collect();
    // What leads to a node that the view does not have is not there, and neither is a node to which nothing else leads.
    let number = |id: &Uuid| numbers.get(id).copied();
    let links: Vec<(u32, u32)> = links.iter().filter_map(|(from, to)| number(from).zip(number(to))).collect();
    reading.tell(links.len())?;
    if nodes.len() * NODE_BYTES + links.len() * LINK_BYTES > reading.limits.memory {
        return Err(GraphFault::TooMuchMemory);
    }
    let (figure, time) = (measure.figure, reading.limits.time);
    let measured = tokio::task::spawn_blocking(move || {
        let clock = || if began.elapsed() > time { Err(GraphFault::TooLong) } else { Ok(()) };
        figures(nodes, &links, figure, &clock)
    });
    measured.await.map_err(|error| GraphFault::Store(StoreFault::Broken(format!("measuring the graph: {error}"))))?
}

fn figures(nodes: Vec<Light>, links: &[(u32, u32)], figure: Figure, clock: Clock<'_>) -> Result<Measures, GraphFault> {
    let net = Net::of(nodes.len(), links);
    let (mut scores, mut estimated, mut groups) = (net.degrees(), false, Vec::new());
    match figure {
        Figure::Degree => {}
        Figure::PageRank => scores = centrality::page_rank(&net, clock)?,
        Figure::Betweenness => (scores, estimated) = centrality::betweenness(&net, clock)?,
        Figure::Communities => groups = named(&communities::communities(&net, clock)?),
    }
    let linked: HashSet<u32> = links.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let all = (0_u32..).zip(nodes).zip(scores).filter(|((number, _), _)| linked.contains(number));
    let mut nodes: Vec<Measured> = all
        .map(|((number, node), score)| {
            let community = groups.get(number as usize).copied();
            Measured { id: node.id, of: node.of, score, community }
        })
        .collect();
    nodes.sort_by(|one, other| {
        let number = |measured: &Measured| measured.community.map(|community| community.number);
        let by_community: Ordering = number(one).cmp(&number(other));
        by_community.then(other.score.total_cmp(&one.score)).then(one.id.cmp(&other.id))
    });
    Ok(Measures { nodes, estimated })
}

/// The communities of all nodes by number, the largest first; of equal ones the one with the first node.
fn named(groups: &[u32]) -> Vec<Community> {
    let mut sizes: HashMap<u32, (usize, usize)> = HashMap::new();
    for (at, group) in groups.iter().enumerate() {
        sizes.entry(*group).or_insert((0, at)).0 += 1;
    }
    let mut order: Vec<(u32, usize, usize)> =
        sizes.into_iter().map(|(group, (size, first))| (group, size, first)).collect();
    order.sort_by_key(|(_, size, first)| (std::cmp::Reverse(*size), *first));
    let named = (1..).zip(&order).map(|(number, (group, size, _))| (*group, Community { number, size: *size }));
    let named: HashMap<u32, Community> = named.collect();
    groups.iter().filter_map(|group| named.get(group).copied()).collect()
}

#[cfg(test)]
mod tests;
