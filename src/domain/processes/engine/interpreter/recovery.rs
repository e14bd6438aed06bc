//! Going on after a failure.

use serde_json::{Map, Value};

use super::happening::{Entry, Timer, What, Wish};
use super::play::Play;
use super::state::{Anew, Ending, Failure, Stage, Token, TokenId};
use crate::domain::processes::engine::graph::{EdgeIndex, NodeIndex};
use crate::domain::processes::engine::nodes::{Config, Role};

/// How to go on where it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// What failed is done again.
    Retry,
    /// What failed is left out.
    Skip,
}

impl Play<'_> {
    /// What it knows cannot be kept any more: it fails at the first of its tokens. False where it has none.
    pub fn overflow(&mut self, failure: Failure) -> bool {
        let first = self.state.tokens.first().map(|token| (token.id, token.node.clone()));
        let Some((token, node)) = first.and_then(|(token, node)| Some((token, self.graph.find(&node)?))) else {
            return false;
        };
        self.fail(node, Some(token), failure);
        true
    }

    /// Goes on after a failure, with other values of variables where some are given. What was under way beside it goes on as well.
    ///
    /// # Errors
    /// Where it did not fail, a variable does not fit, or what failed cannot be left out.
    pub fn recover(&mut self, how: Recovery, values: Map<String, Value>) -> Result<(), Failure> {
        if !matches!(self.state.ending, Some(Ending::Failed { .. })) {
            return Err(Failure::new("not_failed", "the execution did not fail"));
        }
        self.change(values)?;
        self.state.ending = None;
        let tokens: Vec<Token> = self.state.tokens.clone();
        for token in tokens {
            // One before it may have failed anew: then this one is gone on with when that is recovered.
            if self.state.ending.is_some() {
                break;
            }
            let Some(node) = self.graph.find(&token.node) else { continue };
            // One before it may have come to an end that takes all others away.
            if self.state.token(token.id).is_none() {
                continue;
            }
            match &token.stage {
                Stage::Failed { anew, .. } => {
                    // Taking everything back begins at the start; what was undone is not undone again.
                    if self.graph.nodes[node].role == Role::Start && how == Recovery::Retry {
                        self.compensate();
                        return Ok(());
                    }
                    self.state.take(token.id);
                    match how {
                        Recovery::Retry => self.anew(node, anew),
                        Recovery::Skip => self.skip(node)?,
                    }
                }
                // It waits for others, or was on its way: either comes by the same edge once more.
                Stage::Before { edge } => {
                    if let Some(edge) = self.edge_to(node, edge) {
                        self.state.take(token.id);
                        self.go(edge);
                    }
                }
                _ => self.wish_again(node, &token),
            }
        }
        self.settle();
        Ok(())
    }

    /// Gives variables other values.
    ///
    /// # Errors
    /// What does not fit.
    pub fn change(&mut self, values: Map<String, Value>) -> Result<(), Failure> {
        for (name, value) in &values {
            self.fits(name, value)?;
        }
        if !values.is_empty() {
            self.state.variables.extend(values.clone());
            self.journal.push(Entry { node: None, token: None, what: What::Set { values } });
        }
        Ok(())
    }

    /// Does again what failed.
    fn anew(&mut self, node: NodeIndex, anew: &Anew) {
        match anew {
            Anew::Node => self.enter(node, None),
            Anew::Edge { edge } => match self.edge_to(node, edge) {
                Some(edge) => self.go(edge),
                None => self.enter(node, None),
            },
            Anew::Way { result } => self.leave_by(node, result),
        }
    }

    /// The edge of an id among those that lead to a node.
    fn edge_to(&self, node: NodeIndex, id: &str) -> Option<EdgeIndex> {
        self.graph.nodes[node].incoming.iter().copied().find(|edge| self.graph.edge(*edge).id == id)
    }

    fn skip(&mut self, node: NodeIndex) -> Result<(), Failure> {
        match self.graph.nodes[node].role {
            Role::Activity | Role::Event => {
                self.note(node, None, What::Skipped);
                self.leave(node);
                Ok(())
            }
            _ => Err(Failure::new(
                "cannot_skip",
                "what failed is no step that can be left out: change a variable and retry",
            )),
        }
    }

    /// Begins anew what a token had begun, and wishes once more for the moments that it waits for: what came meanwhile was not taken.
    fn wish_again(&mut self, node: NodeIndex, token: &Token) {
        let id = token.id;
        // What may be done at once, or fail, comes last.
        self.arm_again(id);
        match &token.stage {
            Stage::Working { attempt, beside } => {
                let attempt = self.attempt_anew(id, None, *attempt);
                self.stage(id, Stage::Working { attempt, beside: beside.clone() });
                self.work(id, None, attempt, node, &[]);
            }
            Stage::Retrying { at, .. } => {
                self.wishes.push(Wish::Wake { token: id, timer: Timer::Retry { item: None }, at: *at });
            }
            Stage::Until { at } => self.wishes.push(Wish::Wake { token: id, timer: Timer::Node, at: *at }),
            Stage::Listening { key } => {
                let Config::Wait(wait) = self.graph.nodes[node].config.clone() else { return };
                self.wishes.push(Wish::Listen {
                    token: id,
                    node: token.node.clone(),
                    event: wait.event,
                    message: wait.message,
                    key: key.clone(),
                });
                self.time_anew(node, id);
            }
            Stage::Each { .. } => {
                if self.time_anew(node, id) {
                    self.items_anew(node, id);
                }
            }
            Stage::Undoing { again_at: Some(at), left, .. } => {
                let timer = Timer::Retry { item: Some(left.len()) };
                self.wishes.push(Wish::Wake { token: id, timer, at: *at });
            }
            Stage::Undoing { left, attempt, ends, again_at: None } => {
                let attempt = self.attempt_anew(id, Some(left.len()), *attempt);
                self.stage(id, Stage::Undoing { left: left.clone(), attempt, ends: *ends, again_at: None });
                self.undo(node, id);
            }
            Stage::Before { .. } | Stage::Failed { .. } => {}
        }
    }

    /// The attempt with which something is begun anew. What was begun with the last one was called off by the failure, and whoever did it
    /// knows it by its attempt: the same one again would be taken for begun already.
    pub(super) fn attempt_anew(&mut self, token: TokenId, item: Option<usize>, attempt: u32) -> u32 {
        let attempt = attempt.saturating_add(1);
        self.state.count_from(token, item, attempt);
        attempt
    }

    /// The time of what waits, or of a list, begins anew. False where that fails.
    fn time_anew(&mut self, node: NodeIndex, token: TokenId) -> bool {
        let turn = self.attempt_anew(token, None, self.state.counted_from(token, None));
        match self.arm_timeout(node, token, None, turn, &[]) {
            Ok(()) => true,
            Err(failure) => {
                self.fail_or_catch(node, token, failure);
                false
            }
        }
    }
}
