//! What is measured of a whole graph: which of its nodes are central, and which hang together. Beside `graph`, because whoever walks from node to
//! node need not be able to: measures are taken over the records, which are the truth.

use async_trait::async_trait;
use uuid::Uuid;

use super::graph::{GraphFault, Limits, View};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// How many relations a node has, each end of one counted; one from a node to itself once.
    Degree,
    /// How much leads to a node, from nodes to which much leads: parts of 1. Relations are followed from their beginning to their end.
    PageRank,
    /// How often a node lies on the shortest way between two others, from 0 to 1. Relations are followed either way.
    Betweenness,
    /// Which nodes have more relations among each other than with the rest. Relations are followed either way.
    Communities,
}

/// What is to be measured, and of which relations.
#[derive(Debug, Clone)]
pub struct Measure {
    /// What.
    pub figure: Figure,
    /// Only relations of these types count; all where it is empty.
    pub types: Vec<String>,
}

/// A community: its number from 1, the largest first, and how many nodes it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Community {
    /// Its number.
    pub number: usize,
    /// Its nodes.
    pub size: usize,
}

/// A node and its figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The node.
    pub id: Uuid,
    /// Its type.
    pub of: String,
    /// The figure; of communities how many relations the node has.
    pub score: f64,
    /// Its community, where these were asked for.
    pub community: Option<Community>,
}

/// The nodes that have relations, the foremost first; of communities the largest first. The same graph has the same answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measures {
    /// The nodes.
    pub nodes: Vec<Measured>,
    /// Whether the figures rest on a sample.
    pub estimated: bool,
}

/// What measures a graph.
#[async_trait]
pub trait Measuring: Send + Sync {
    /// Measures the graph that the view has.
    async fn measure(&self, view: &View, measure: &Measure, limits: Limits) -> Result<Measures, GraphFault>;
}

/// What measures the graph, as a service of the platform.
pub struct TheMeasures(pub std::sync::Arc<dyn Measuring>);
