//! Taking back what was done, the last first.

use serde_json::Value;

use super::activities::{Again, TIMED_OUT};
use super::happening::{Timer, What, Wish};
use super::play::Play;
use super::state::{Ending, Failure, Stage, TokenId, Undoable};
use crate::domain::processes::engine::definition::TimeoutOutcome;
use crate::domain::processes::engine::graph::NodeIndex;
use crate::domain::processes::engine::nodes::boundaries::Compensate;

/// The code of an undoing that failed.
const UNDOING_FAILED: &str = "compensation_failed";

impl Play<'_> {
    /// Takes back all that was done and can be undone, and ends with that. What is under way is given up.
    pub fn compensate(&mut self) {
        self.drop_all();
        self.state.take_all();
        self.state.ending = None;
        let left = std::mem::take(&mut self.state.undoable);
        let start = self.graph.start;
        let token = self.put(start, Stage::Undoing { left, attempt: 1, ends: true, again_at: None });
        self.undo(start, token);
        self.settle();
    }

    pub(super) fn begin_undoing(&mut self, node: NodeIndex, token: TokenId, one: &Compensate) {
        let meant = |undoable: &Undoable| one.only.is_empty() || one.only.contains(&undoable.node);
        let (left, kept) = std::mem::take(&mut self.state.undoable).into_iter().partition(meant);
        self.state.undoable = kept;
        self.stage(token, Stage::Undoing { left, attempt: 1, ends: false, again_at: None });
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
        while let Some((_, Stage::Undoing { left, attempt, ends, .. })) = self.at(token) {
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
                // How many are left says which one it is, so that what comes late for another is not taken for this.
                Some(by) => self.work(token, Some(left.len()), attempt, by, &[]),
                None => {
                    self.undone(node, token, left.len(), None);
                }
            }
        }
        self.within.pop();
        match over {
            None => {}
            Some(true) => {
                self.state.take_all();
                self.end(Ending::Compensated);
            }
            Some(false) => {
                self.note(node, Some(token), What::Done { item: None });
                self.finish(node, token, &Value::Null);
            }
        }
    }

    /// One is undone; what its undoing brought is kept as its `output` says.
    pub(super) fn undone(&mut self, node: NodeIndex, token: TokenId, item: usize, result: Option<&Value>) -> bool {
        let Some((mut left, _, ends)) = self.undoing(token, item) else { return false };
        if let (Some(by), Some(result)) = (self.undoes(&left), result) {
            let id = self.graph.node(by).id.clone();
            if let Err(failure) = self.keep(&id, token, result) {
                return self.undoing_failed(node, token, item, failure, false);
            }
        }
        if let Some(done) = left.pop() {
            self.note(node, Some(token), What::Undone { of: done.node });
        }
        self.stage(token, Stage::Undoing { left, attempt: 1, ends, again_at: None });
        self.undo(node, token);
        true
    }

    pub(super) fn undo_again(&mut self, node: NodeIndex, token: TokenId, item: usize) -> bool {
        match self.at(token) {
            Some((_, Stage::Undoing { left, attempt, ends, again_at: Some(at) }))
                if left.len() == item && at <= self.now =>
            {
                self.stage(token, Stage::Undoing { left, attempt: attempt + 1, ends, again_at: None });
                self.undo(node, token);
                true
            }
            _ => false,
        }
    }

    /// The time of an undoing is over.
    pub(super) fn undoing_over_time(&mut self, node: NodeIndex, token: TokenId, item: usize, attempt: u32) -> bool {
        let Some((left, ..)) = self.undoing(token, item).filter(|(_, now, _)| *now == attempt) else { return false };
        let Some(by) = self.undoes(&left) else { return false };
        let Some(timeout) = self.graph.node(by).timeout.clone() else { return false };
        self.note(by, Some(token), What::TimedOut);
        match timeout.outcome {
            TimeoutOutcome::Fail => {
                let failure = Failure::new(TIMED_OUT, format!("it was not done within {}", timeout.after));
                self.undoing_failed(node, token, item, failure, true)
            }
            TimeoutOutcome::Complete => self.undone(node, token, item, Some(&timeout.result.unwrap_or(Value::Null))),
            TimeoutOutcome::Skip => self.undone(node, token, item, None),
        }
    }

    /// What is left to be undone, how often its last was begun, and whether that is the end, where it is under way.
    fn undoing(&self, token: TokenId, item: usize) -> Option<(Vec<Undoable>, u32, bool)> {
        match self.at(token)? {
            (_, Stage::Undoing { left, attempt, ends, again_at: None }) if left.len() == item => {
                Some((left, attempt, ends))
            }
            _ => None,
        }
    }

    /// The activity that undoes the last of what is left.
    fn undoes(&self, left: &[Undoable]) -> Option<NodeIndex> {
        let of = self.graph.find(&left.last()?.node)?;
        self.graph.nodes[of].undone_by
    }

    pub(super) fn undoing_failed(
        &mut self,
        node: NodeIndex,
        token: TokenId,
        item: usize,
        failure: Failure,
        passing: bool,
    ) -> bool {
        let Some((left, attempt, ends)) = self.undoing(token, item) else { return false };
        let by = self.undoes(&left);
        let again = by.map_or(Again::Never, |by| self.again_after(by, token, Some(item), attempt, &failure, passing));
        match again {
            Again::After(wait) => {
                let at = self.now.plus(wait);
                let told =
                    What::Failed { code: failure.code, message: failure.message, item: None, again_at: Some(at) };
                self.note(by.unwrap_or(node), Some(token), told);
                self.stage(token, Stage::Undoing { left, attempt, ends, again_at: Some(at) });
                self.wishes.push(Wish::Wake { token, timer: Timer::Retry { item: Some(item) }, at });
            }
            Again::Never => {
                // What could not be undone stays to be undone.
                let of = left.last().map(|last| last.node.clone()).unwrap_or_default();
                self.state.undoable.extend(left);
                let why = format!("'{of}' could not be undone: {}: {}", failure.code, failure.message);
                self.fail_or_catch(node, token, Failure::new(UNDOING_FAILED, why));
            }
        }
        true
    }
}
