//! A definition that stands: ids looked up, configs read, edges sorted to their nodes. What runs and what searches works on this.

use std::collections::HashMap;
use std::sync::Arc;

use super::definition::{Definition, Edge, Node};
use super::nodes::{Config, Role};

/// The place of a node in the list of nodes.
pub type NodeIndex = usize;
/// The place of an edge in the list of edges.
pub type EdgeIndex = usize;

/// A definition that stands.
#[derive(Debug, Clone)]
pub struct Graph {
    /// What it was made of.
    pub definition: Arc<Definition>,
    /// What is known of each node, in the order of the definition.
    pub nodes: Vec<Linked>,
    /// Where each edge leads from and to, in the order of the definition.
    pub edges: Vec<(NodeIndex, NodeIndex)>,
    /// Where an execution begins.
    pub start: NodeIndex,
    by_id: HashMap<String, NodeIndex>,
}

/// A node with what is around it.
#[derive(Debug, Clone)]
pub struct Linked {
    /// Its `config`.
    pub config: Config,
    /// What it is in the play of tokens.
    pub role: Role,
    /// The edges that lead to it.
    pub incoming: Vec<EdgeIndex>,
    /// The edges that leave it.
    pub outgoing: Vec<EdgeIndex>,
    /// What stands on its edge.
    pub boundaries: Vec<NodeIndex>,
    /// The activity that undoes it.
    pub undone_by: Option<NodeIndex>,
    /// The activity that it stands on.
    pub on: Option<NodeIndex>,
    /// The node that it is run by, for each item or to undo another: no token comes to it by an edge.
    pub run_by: Option<NodeIndex>,
}

impl Graph {
    /// Of a definition whose `structure` has no errors; none where it has.
    #[must_use]
    pub fn of(definition: Arc<Definition>, configs: Vec<Config>) -> Option<Self> {
        if configs.len() != definition.nodes.len() {
            return None;
        }
        let by_id: HashMap<String, NodeIndex> =
            definition.nodes.iter().enumerate().map(|(index, node)| (node.id.clone(), index)).collect();
        let mut nodes: Vec<Linked> = configs.into_iter().map(Linked::of).collect();
        let mut edges = Vec::with_capacity(definition.edges.len());
        for (index, edge) in definition.edges.iter().enumerate() {
            let (from, to) = (*by_id.get(&edge.from)?, *by_id.get(&edge.to)?);
            nodes[from].outgoing.push(index);
            nodes[to].incoming.push(index);
            edges.push((from, to));
        }
        let mut start = None;
        for index in 0..nodes.len() {
            if nodes[index].role == Role::Start {
                start = start.or(Some(index));
            }
            if let Some(on) = nodes[index].config.on() {
                let on = *by_id.get(on)?;
                nodes[index].on = Some(on);
                if nodes[index].role == Role::Boundary {
                    nodes[on].boundaries.push(index);
                }
            }
            let run = match &nodes[index].config {
                Config::ForEach(each) => Some(*by_id.get(&each.node)?),
                Config::Compensation(one) => Some(*by_id.get(&one.by)?),
                _ => None,
            };
            if let Some(run) = run {
                nodes[run].run_by = Some(index);
                if let (Role::Compensation, Some(on)) = (nodes[index].role, nodes[index].on) {
                    nodes[on].undone_by = Some(run);
                }
            }
        }
        Some(Self { start: start?, definition, nodes, edges, by_id })
    }

    /// The node of an id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<NodeIndex> {
        self.by_id.get(id).copied()
    }

    /// The node that another one does for each item of its list.
    #[must_use]
    pub fn find_body(&self, index: NodeIndex) -> Option<NodeIndex> {
        match &self.nodes[index].config {
            Config::ForEach(each) => self.find(&each.node),
            _ => None,
        }
    }

    /// The activity that undoes the one of an id.
    #[must_use]
    pub fn find_undoing(&self, id: &str) -> Option<NodeIndex> {
        self.nodes[self.find(id)?].undone_by
    }

    /// The node as it was written.
    #[must_use]
    pub fn node(&self, index: NodeIndex) -> &Node {
        &self.definition.nodes[index]
    }

    /// The edge as it was written.
    #[must_use]
    pub fn edge(&self, index: EdgeIndex) -> &Edge {
        &self.definition.edges[index]
    }

    /// Whether tokens come to a node at all: neither what only stands for an undoing, nor what another node runs.
    #[must_use]
    pub fn in_flow(&self, index: NodeIndex) -> bool {
        let node = &self.nodes[index];
        node.role != Role::Compensation && node.run_by.is_none()
    }

    /// The nodes that a token can go to from here in one step, by edges or by boundaries.
    pub fn after(&self, index: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
        let node = &self.nodes[index];
        let by_edges = node.outgoing.iter().map(|edge| self.edges[*edge].1);
        by_edges.chain(node.boundaries.iter().copied())
    }

    /// The nodes from which a token can come here in one step.
    pub fn before(&self, index: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
        let node = &self.nodes[index];
        let by_edges = node.incoming.iter().map(|edge| self.edges[*edge].0);
        by_edges.chain(node.on.filter(|_| node.role == Role::Boundary))
    }

    /// All nodes that can be reached from some, themselves included.
    #[must_use]
    pub fn reached<'a, N: Iterator<Item = NodeIndex> + 'a>(
        &'a self,
        from: impl IntoIterator<Item = NodeIndex>,
        next: impl Fn(&'a Self, NodeIndex) -> N,
    ) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut todo: Vec<NodeIndex> = from.into_iter().collect();
        while let Some(index) = todo.pop() {
            if !std::mem::replace(&mut reached[index], true) {
                todo.extend(next(self, index).filter(|next| !reached[*next]));
            }
        }
        reached
    }
}

impl Linked {
    fn of(config: Config) -> Self {
        let role = config.kind().role;
        Self {
            config,
            role,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            boundaries: Vec::new(),
            undone_by: None,
            on: None,
            run_by: None,
        }
    }
}
