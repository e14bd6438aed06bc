//! Whether a process always comes to its end: the play of its tokens, searched. What is built of whole blocks is folded away first
//! (`fold`), so that only what is tangled is searched (`search`), up to a bound; beyond it the answer is `unknown`.

mod fold;
mod net;
mod search;

pub use search::MOST_MARKINGS;

use self::net::Net;
use super::graph::{EdgeIndex, Graph, NodeIndex};

/// What the search says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every execution can come to its end, and nothing is done twice that is drawn once.
    Sound,
    /// It is not so, and why.
    Unsound(Vec<Defect>),
    /// The search was given up at its bound.
    Unknown,
}

/// Why a process is not sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// Of what kind.
    pub kind: DefectKind,
    /// The node where it shows.
    pub node: NodeIndex,
    /// The ways that were taken where ways part, up to there: node and edge.
    pub example: Vec<(NodeIndex, EdgeIndex)>,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DefectKind {
    /// A join waits for what can no longer come.
    Stuck,
    /// A second token comes where one still is.
    Twice,
    /// The end cannot be reached any more.
    Endless,
    /// No token ever comes there.
    Never,
}

/// Judges a graph.
#[must_use]
pub fn judge(graph: &Graph) -> Verdict {
    let mut net = Net::of(graph);
    fold::fold(&mut net);
    search::search(&net)
}

/// The most markings that are looked at from the middle, where nothing is folded away.
const MOST_FROM: usize = 5_000;

/// Where a token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// On its way to a node.
    On(EdgeIndex),
    /// At a node that it has come to.
    At(NodeIndex),
}

/// Judges what can still become of tokens that stand somewhere in the middle.
#[must_use]
pub fn judge_from(graph: &Graph, standing: &[Standing]) -> Verdict {
    let mut net = Net::of(graph);
    match net.places(graph, standing) {
        Some(places) => search::from(&net, &places, MOST_FROM, false),
        None => Verdict::Unknown,
    }
}

#[cfg(test)]
mod tests;
