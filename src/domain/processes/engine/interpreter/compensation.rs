//! Taking back what was done, the last first.

use super::activities::Again;
use super::happening::{Timer, What, Wish};
use super::play::Play;
use super::state::{Ending, Failure, Stage, TokenId, Undoable};
use crate::domain::processes::engine::graph::NodeIndex;
use crate::domain::processes::engine::nodes::boundaries::Compensate;

/// The code of an undoing that failed.
const UNDOING_FAILED: &str = "compensation_failed";

impl Play<'_> {
    /// Takes back all that was done and can be undone, and ends with that. What is under way is given up.
    pub fn compensate(&mut self) {
        self.drop_all();
        self.state.tokens.clear();
        self.state.ending = None;
        let left = std::mem::take(&mut self.state.undoable);
        let start = self.graph.start;
        let token = self.put(start, Stage::Undoing { left, attempt: 1, ends: true });
        self.undo(start, token);
        self.settle();
    }

    pub(super) fn begin_undoing(&mut self, node: NodeIndex, token: TokenId, one: &Compensate) {
        let meant = |undoable: &Undoable| one.only.is_empty() || one.only.contains(&undoable.node);
        let (left, kept) = std::mem::take(&mut self.state.undoable).into_iter().partition(meant);
        self.state.undoable = kept;
        self.stage(token, Stage::Undoing { left, attempt: 1, ends: false });
        self.undo(node, token);
    }

    /// Undoes what is left, as far as that can be done at once, and goes on when nothing is.
    pub(super) fn undo(&mut self, node: NodeIndex, token: TokenId) {
        if self.within.contains(&token) {
            return;
        }
        self.within.push(token);
        let mut over = None;
        let mut before = usize::MAX;
        while let Some((_, Stage::Undoing { left, attempt, ends })) = self.at(token) {
            let Some(last) = left.last() else {
                over = Some(ends);
                break;
            };
            // What is under way is waited for.
            if left.len() == before {
                break;
            }
            before = left.len();
            match self.graph.find(&last.node).and_then(|index| self.graph.nodes[index].undone_by) {
                Some(by) => self.work(token, None, attempt, by, &[]),
                None => {
                    self.undone(node, token);
                }
            }
        }
        self.within.pop();
        match over {
            None => {}
            Some(true) => {
                self.state.tokens.clear();
                self.end(Ending::Compensated);
            }
            Some(false) => {
                self.note(node, Some(token), What::Done { item: None });
                self.finish(node, token, &serde_json::Value::Null);
            }
        }
    }

    pub(super) fn undone(&mut self, node: NodeIndex, token: TokenId) -> bool {
        let Some((_, Stage::Undoing { mut left, ends, .. })) = self.at(token) else { return false };
        if let Some(done) = left.pop() {
            self.note(node, Some(token), What::Undone { of: done.node });
        }
        self.stage(token, Stage::Undoing { left, attempt: 1, ends });
        self.undo(node, token);
        true
    }

    pub(super) fn undo_again(&mut self, node: NodeIndex, token: TokenId) -> bool {
        let Some((_, Stage::Undoing { left, attempt, ends })) = self.at(token) else { return false };
        self.stage(token, Stage::Undoing { left, attempt: attempt + 1, ends });
        self.undo(node, token);
        true
    }

    pub(super) fn undoing_failed(
        &mut self,
        node: NodeIndex,
        token: TokenId,
        left: Vec<Undoable>,
        attempt: u32,
        failure: Failure,
        passing: bool,
    ) {
        let by = left
            .last()
            .and_then(|last| self.graph.find(&last.node))
            .and_then(|index| self.graph.nodes[index].undone_by);
        let again = by.map_or(Again::Never, |by| self.again_after(by, token, attempt, &failure, passing));
        match again {
            Again::After(wait) => {
                let at = self.now.plus(wait);
                let told =
                    What::Failed { code: failure.code, message: failure.message, item: None, again_at: Some(at) };
                self.note(by.unwrap_or(node), Some(token), told);
                self.wishes.push(Wish::Wake { token, timer: Timer::Retry { item: None }, at });
            }
            Again::Never => {
                // What could not be undone stays to be undone.
                let of = left.last().map(|last| last.node.clone()).unwrap_or_default();
                self.state.undoable.extend(left);
                let why = format!("'{of}' could not be undone: {}: {}", failure.code, failure.message);
                self.fail_or_catch(node, token, Failure::new(UNDOING_FAILED, why));
            }
        }
    }
}
