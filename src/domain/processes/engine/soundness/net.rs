//! A process as the play of tokens sees it: places that hold tokens, and knots between them. What a node does is nothing to it, only
//! how many tokens it takes and gives.

use super::Standing;
use crate::domain::processes::engine::graph::{EdgeIndex, Graph, NodeIndex};
use crate::domain::processes::engine::nodes::ends::EndKind;
use crate::domain::processes::engine::nodes::{Config, Role};

/// How a knot takes tokens and gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Knot {
    /// Takes one from any place, gives one to any place.
    One,
    /// Takes one from each place, gives one to each.
    All,
    /// Takes what has come once nothing more can come; gives to some places, at least one.
    Some,
    /// Takes one from any place; gives one to the first place, and to any of the others.
    FirstAndSome,
    /// Takes what comes.
    End,
    /// Takes what comes and all other tokens with it.
    EndAll,
}

/// A knot.
#[derive(Debug, Clone)]
pub(super) struct Tie {
    pub(super) knot: Knot,
    pub(super) from: Vec<usize>,
    pub(super) to: Vec<usize>,
    /// The node that it stands for.
    pub(super) node: NodeIndex,
}

/// A place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// The knot that gives to it; none for the first one.
    pub(super) of: Option<usize>,
    /// The knot that takes from it.
    pub(super) to: usize,
    /// The edge that it stands for, where it does.
    pub(super) edge: Option<EdgeIndex>,
    /// Whether a second token in it is one too many: not so of an edge that leads straight to an end.
    pub(super) counts: bool,
    /// The node that a second token is one too many for.
    pub(super) at: NodeIndex,
}

/// What takes from a place where nothing does.
const NOWHERE: usize = usize::MAX;

/// Knots and places. Those that were folded away are `None`.
#[derive(Debug, Clone)]
pub(super) struct Net {
    pub(super) ties: Vec<Option<Tie>>,
    pub(super) spots: Vec<Option<Spot>>,
    /// Where the first token is.
    pub(super) first: usize,
}

impl Net {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut net = Self { ties: Vec::new(), spots: Vec::new(), first: 0 };
        // A place for each edge, by the same number; those that lead nowhere in the flow are dropped below.
        let spot = |(edge, (_, at)): (EdgeIndex, &(NodeIndex, NodeIndex))| {
            Some(Spot { of: None, to: NOWHERE, edge: Some(edge), counts: true, at: *at })
        };
        net.spots = graph.edges.iter().enumerate().map(spot).collect();
        for index in (0..graph.nodes.len()).filter(|index| graph.in_flow(*index)) {
            net.add(graph, index);
        }
        net.first = net.spots.len();
        let start = net.ties.iter().position(|tie| tie.as_ref().is_some_and(|tie| tie.node == graph.start));
        let start = start.unwrap_or(0);
        net.spots.push(Some(Spot { of: None, to: start, edge: None, counts: true, at: graph.start }));
        let first = net.first;
        if let Some(Some(tie)) = net.ties.get_mut(start) {
            tie.from.push(first);
        }
        // What nothing takes from is no part of the play.
        for (number, spot) in net.spots.iter_mut().enumerate() {
            if let Some(gone) = spot.take_if(|spot| spot.to == NOWHERE)
                && let Some(Some(giver)) = gone.of.and_then(|of| net.ties.get_mut(of))
            {
                giver.to.retain(|one| *one != number);
            }
        }
        net
    }

    /// The places of tokens that stand somewhere in the middle; those within a node get one of their own. None where places cannot say it.
    pub(super) fn places(&mut self, graph: &Graph, standing: &[Standing]) -> Option<Vec<usize>> {
        let mut places = Vec::with_capacity(standing.len());
        for one in standing {
            match *one {
                Standing::On(edge) => {
                    // A place holds one token.
                    if self.spots.get(edge).is_none_or(Option::is_none) || places.contains(&edge) {
                        return None;
                    }
                    places.push(edge);
                }
                // Nothing goes on from an end.
                Standing::At(node) if graph.nodes[node].role == Role::End => {}
                Standing::At(node) => places.push(self.within(graph, node)?),
            }
        }
        Some(places)
    }

    /// A place of its own within a node.
    fn within(&mut self, graph: &Graph, node: NodeIndex) -> Option<usize> {
        let knot = match graph.nodes[node].role {
            Role::End | Role::Compensation => return None,
            Role::Parallel => Some(Knot::All),
            Role::Inclusive => Some(Knot::Some),
            Role::Boundary => Some(Knot::One),
            Role::Start | Role::Activity | Role::Event | Role::Exclusive => None,
        };
        let place = self.spots.len();
        let number = if let Some(knot) = knot {
            // What is within a gateway waits for nobody any more, and what is at a boundary has left its activity.
            let there = |edge: &EdgeIndex| self.spots.get(*edge).is_some_and(Option::is_some);
            let to = graph.nodes[node].outgoing.iter().copied().filter(there).collect();
            self.ties.push(Some(Tie { knot, from: vec![place], to, node }));
            self.ties.len() - 1
        } else {
            let number = self.ties.iter().position(|tie| tie.as_ref().is_some_and(|tie| tie.node == node))?;
            self.ties.get_mut(number)?.as_mut()?.from.push(place);
            number
        };
        self.spots.push(Some(Spot { of: None, to: number, edge: None, counts: true, at: node }));
        Some(place)
    }

    fn add(&mut self, graph: &Graph, index: NodeIndex) {
        let node = &graph.nodes[index];
        let from = node.incoming.clone();
        match node.role {
            Role::Boundary => {}
            Role::End => {
                let all = matches!(&node.config, Config::End(end) if end.kind != EndKind::Normal);
                self.end(if all { Knot::EndAll } else { Knot::End }, from, index);
            }
            Role::Parallel => self.tie(Knot::All, from, node.outgoing.clone(), index),
            Role::Inclusive => self.tie(Knot::Some, from, node.outgoing.clone(), index),
            Role::Start | Role::Activity | Role::Event | Role::Exclusive | Role::Compensation => {
                let (beside, instead): (Vec<NodeIndex>, Vec<NodeIndex>) =
                    node.boundaries.iter().partition(|one| goes_on_beside(&graph.nodes[**one].config));
                let ways = |of: &[NodeIndex]| -> Vec<EdgeIndex> {
                    of.iter().flat_map(|one| graph.nodes[*one].outgoing.iter().copied()).collect()
                };
                let mut to = node.outgoing.clone();
                to.extend(ways(&instead));
                let mut from = from;
                if !beside.is_empty() {
                    // First the ways beside it, then what comes of the activity itself.
                    let between = self.spots.len();
                    self.spots.push(Some(Spot { of: None, to: NOWHERE, edge: None, counts: true, at: index }));
                    let mut ways_beside = vec![between];
                    ways_beside.extend(ways(&beside));
                    self.tie(Knot::FirstAndSome, std::mem::take(&mut from), ways_beside, index);
                    from = vec![between];
                }
                self.tie(Knot::One, from, to, index);
            }
        }
    }

    /// All ends of a kind are one.
    fn end(&mut self, knot: Knot, from: Vec<usize>, node: NodeIndex) {
        for spot in &from {
            if let Some(Some(spot)) = self.spots.get_mut(*spot) {
                spot.counts = false;
            }
        }
        match self.ties.iter().position(|tie| tie.as_ref().is_some_and(|tie| tie.knot == knot)) {
            None => self.tie(knot, from, Vec::new(), node),
            Some(number) => {
                for spot in &from {
                    if let Some(Some(spot)) = self.spots.get_mut(*spot) {
                        spot.to = number;
                    }
                }
                if let Some(Some(tie)) = self.ties.get_mut(number) {
                    tie.from.extend(from);
                }
            }
        }
    }

    fn tie(&mut self, knot: Knot, from: Vec<usize>, to: Vec<usize>, node: NodeIndex) {
        let number = self.ties.len();
        for spot in &from {
            if let Some(Some(spot)) = self.spots.get_mut(*spot) {
                spot.to = number;
            }
        }
        for spot in &to {
            if let Some(Some(spot)) = self.spots.get_mut(*spot) {
                spot.of = Some(number);
            }
        }
        self.ties.push(Some(Tie { knot, from, to, node }));
    }

    /// A place goes: should a second token have been one too many in it, then it is in those that are left.
    pub(super) fn counts_on(&mut self, gone: Spot, left: &[usize]) {
        for spot in left {
            if let Some(Some(spot)) = self.spots.get_mut(*spot)
                && gone.counts
                && !spot.counts
            {
                spot.counts = true;
                spot.at = gone.at;
            }
        }
    }

    /// The knot that takes from a place.
    pub(super) fn taker(&self, spot: usize) -> Option<&Tie> {
        let spot = self.spots.get(spot)?.as_ref()?;
        self.ties.get(spot.to)?.as_ref()
    }
}

const fn goes_on_beside(config: &Config) -> bool {
    matches!(config, Config::BoundaryTimeout(one) if !one.interrupting)
}
