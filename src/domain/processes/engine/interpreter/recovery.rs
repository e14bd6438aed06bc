//! Going on after a failure.

use serde_json::{Map, Value};

use super::happening::{Timer, Wish};
use super::play::Play;
use super::state::{Ending, Failure, ItemState, Stage, Token};
use crate::domain::processes::engine::graph::NodeIndex;
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
            let Some(node) = self.graph.find(&token.node) else { continue };
            if let Stage::Failed { .. } = token.stage {
                // Taking everything back begins at the start; what was undone is not undone again.
                if self.graph.nodes[node].role == Role::Start && how == Recovery::Retry {
                    self.compensate();
                    return Ok(());
                }
                self.state.take(token.id);
                match how {
                    Recovery::Retry => self.enter(node, None),
                    Recovery::Skip => self.skip(node)?,
                }
            } else {
                self.wish_again(node, &token);
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
            self.journal.push(super::happening::Entry {
                node: None,
                token: None,
                what: super::happening::What::Set { values },
            });
        }
        Ok(())
    }

    fn skip(&mut self, node: NodeIndex) -> Result<(), Failure> {
        match self.graph.nodes[node].role {
            Role::Activity | Role::Event => {
                self.note(node, None, super::happening::What::Skipped);
                self.leave(node);
                Ok(())
            }
            _ => Err(Failure::new(
                "cannot_skip",
                "what failed is no step that can be left out: change a variable and retry",
            )),
        }
    }

    /// Wishes once more what was wished for a token.
    fn wish_again(&mut self, node: NodeIndex, token: &Token) {
        let id = token.id;
        match &token.stage {
            Stage::Working { attempt, .. } => self.work(id, None, *attempt, node, &[]),
            Stage::Retrying { at, .. } => {
                self.wishes.push(Wish::Wake { token: id, timer: Timer::Retry { item: None }, at: *at })
            }
            Stage::Until { at } => self.wishes.push(Wish::Wake { token: id, timer: Timer::Node, at: *at }),
            Stage::Listening { key } => {
                let Config::Wait(wait) = self.graph.nodes[node].config.clone() else { return };
                let node = token.node.clone();
                self.wishes.push(Wish::Listen {
                    token: id,
                    node,
                    event: wait.event,
                    message: wait.message,
                    key: key.clone(),
                });
            }
            Stage::Each { states, .. } => {
                for (item, state) in states.iter().enumerate() {
                    match state {
                        ItemState::Working { .. } => self.item_wished_again(node, id, item),
                        ItemState::Retrying { at, .. } => {
                            self.wishes.push(Wish::Wake {
                                token: id,
                                timer: Timer::Retry { item: Some(item) },
                                at: *at,
                            });
                        }
                        ItemState::Open | ItemState::Done { .. } | ItemState::Failed { .. } => {}
                    }
                }
            }
            Stage::Undoing { again_at: Some(at), left, .. } => {
                let timer = Timer::Retry { item: Some(left.len()) };
                self.wishes.push(Wish::Wake { token: id, timer, at: *at });
            }
            Stage::Undoing { .. } => self.undo(node, id),
            Stage::Before { .. } | Stage::Failed { .. } => {}
        }
    }
}
