//! Where ways part and meet.

use super::happening::What;
use super::play::Play;
use super::state::{Failure, Stage, Token, TokenId};
use crate::domain::processes::engine::graph::{EdgeIndex, NodeIndex};
use crate::domain::processes::engine::nodes::Role;

impl Play<'_> {
    /// Takes the first way whose condition holds.
    pub(super) fn choose(&mut self, node: NodeIndex) {
        let token = self.visit(node);
        let ways = self.graph.nodes[node].outgoing.clone();
        if let [only] = ways.as_slice() {
            return self.go(*only);
        }
        for edge in &ways {
            let Some(condition) = self.graph.edge(*edge).condition.clone() else { continue };
            match self.holds(&condition, &[]) {
                Ok(true) => return self.took(node, token, *edge),
                Ok(false) => {}
                Err(failure) => return self.fail(node, None, failure),
            }
        }
        match self.otherwise(&ways) {
            Some(edge) => self.took(node, token, edge),
            None => self.no_way(node),
        }
    }

    /// A token came to a gateway that waits for others.
    pub(super) fn at_gateway(&mut self, node: NodeIndex, by: Option<EdgeIndex>) {
        let incoming = self.graph.nodes[node].incoming.len();
        let Some(by) = by.filter(|_| incoming > 1) else { return self.part(node) };
        let edge = self.graph.edge(by).id.clone();
        self.put(node, Stage::Before { edge });
        if self.graph.nodes[node].role == Role::Parallel {
            self.join_all(node);
        }
    }

    /// A parallel gateway goes on when a token waits on each of its ways.
    fn join_all(&mut self, node: NodeIndex) {
        let mut met = Vec::new();
        for edge in &self.graph.nodes[node].incoming {
            match self.waiting_by(node, *edge) {
                Some(token) => met.push(token),
                None => return,
            }
        }
        for token in met {
            self.state.take(token);
        }
        self.part(node);
    }

    /// A parallel gateway at which tokens wait has other ways than when they came: it goes on where all are there.
    pub(super) fn join_anew(&mut self, node: NodeIndex) {
        if self.graph.nodes[node].incoming.len() > 1 {
            return self.join_all(node);
        }
        let id = &self.graph.node(node).id;
        let waits = |token: &&Token| token.node == *id && matches!(token.stage, Stage::Before { .. });
        if let Some(token) = self.state.tokens.iter().find(waits).map(|token| token.id) {
            self.state.take(token);
            self.part(node);
        }
    }

    /// Inclusive gateways go on when nothing more can come. True when one did.
    pub(super) fn join_waiting(&mut self) -> bool {
        let mut nodes: Vec<NodeIndex> = self
            .state
            .tokens
            .iter()
            .filter(|token| matches!(token.stage, Stage::Before { .. }))
            .filter_map(|token| self.graph.find(&token.node))
            .filter(|node| self.graph.nodes[*node].role == Role::Inclusive)
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        for node in nodes {
            if !self.more_can_come(node) {
                let edges = self.graph.nodes[node].incoming.clone();
                let met: Vec<TokenId> = edges.iter().filter_map(|edge| self.waiting_by(node, *edge)).collect();
                for token in met {
                    self.state.take(token);
                }
                self.part(node);
                return true;
            }
        }
        false
    }

    /// Whether a token elsewhere can still come by a way on which none waits, and by none on which one does.
    fn more_can_come(&self, node: NodeIndex) -> bool {
        let full = |edge: EdgeIndex| self.waiting_by(node, edge).is_some();
        let id = &self.graph.node(node).id;
        let mut places: Vec<NodeIndex> = self
            .state
            .tokens
            .iter()
            .filter(|token| token.node != *id && !token.aside)
            .filter_map(|token| self.graph.find(&token.node))
            .collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().any(|place| {
            // All edges that it can come by, never through the gateway itself.
            let reached = self.graph.reached([place], |graph, at| {
                let on: Vec<NodeIndex> = if at == node { Vec::new() } else { graph.after(at).collect() };
                on.into_iter()
            });
            let comes = |edge: &&EdgeIndex| {
                let (from, _) = self.graph.edges[**edge];
                from != node && reached[from]
            };
            let by: Vec<EdgeIndex> = self.graph.nodes[node].incoming.iter().filter(comes).copied().collect();
            by.iter().any(|edge| !full(*edge)) && !by.iter().any(|edge| full(*edge))
        })
    }

    /// All ways, or every way whose condition holds.
    fn part(&mut self, node: NodeIndex) {
        let token = self.visit(node);
        let ways = self.graph.nodes[node].outgoing.clone();
        if self.graph.nodes[node].role == Role::Parallel || ways.len() < 2 {
            for edge in ways {
                self.go(edge);
            }
            return;
        }
        let mut taken = Vec::new();
        for edge in &ways {
            let Some(condition) = self.graph.edge(*edge).condition.clone() else { continue };
            match self.holds(&condition, &[]) {
                Ok(true) => taken.push(*edge),
                Ok(false) => {}
                Err(failure) => return self.fail(node, None, failure),
            }
        }
        if taken.is_empty() {
            taken.extend(self.otherwise(&ways));
        }
        if taken.is_empty() {
            return self.no_way(node);
        }
        for edge in taken {
            self.took(node, token, edge);
        }
    }

    fn visit(&mut self, node: NodeIndex) -> TokenId {
        let token = self.state.next;
        self.state.next += 1;
        self.note(node, Some(token), What::Entered);
        token
    }

    fn took(&mut self, node: NodeIndex, token: TokenId, edge: EdgeIndex) {
        let id = self.graph.edge(edge).id.clone();
        self.note(node, Some(token), What::Took { edge: id });
        self.go(edge);
    }

    fn otherwise(&self, ways: &[EdgeIndex]) -> Option<EdgeIndex> {
        ways.iter().copied().find(|edge| self.graph.edge(*edge).default)
    }

    fn no_way(&mut self, node: NodeIndex) {
        let id = self.graph.node(node).id.clone();
        let why = format!("no condition of '{id}' holds, and none of its ways is the default");
        self.fail(node, None, Failure::new("no_way_on", why));
    }

    /// The first token that waits before a node on one of its ways.
    fn waiting_by(&self, node: NodeIndex, edge: EdgeIndex) -> Option<TokenId> {
        let (node, edge) = (&self.graph.node(node).id, &self.graph.edge(edge).id);
        let waits = |stage: &Stage| matches!(stage, Stage::Before { edge: by } if by == edge);
        self.state.tokens.iter().find(|token| token.node == *node && waits(&token.stage)).map(|token| token.id)
    }
}
