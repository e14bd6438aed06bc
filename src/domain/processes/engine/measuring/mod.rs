//! What executions of a process did, measured by their journals: how long nodes take, where it goes wrong, how far it goes as the definition
//! says, and what would help.

mod advice;
mod conformance;

use std::collections::BTreeMap;

use super::interpreter::{Entry, TokenId, What};
use crate::kernel::time::Timestamp;

pub use advice::{Advice, Rule, advised};
pub use conformance::{Conformance, Deviation, DeviationKind, Model, Variant, conformance, variants};

/// What an execution did.
#[derive(Debug, Clone)]
pub struct Trace {
    /// The version that it kept to.
    pub version: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended, and whether it came to its end.
    pub ended: Option<(Timestamp, bool)>,
    /// Whether it failed.
    pub failed: bool,
    /// How often somebody recovered it or did a step by itself.
    pub by_hand: u64,
    /// The lines of its journal, in order.
    pub lines: Vec<(Timestamp, Entry)>,
}

/// What a node did in some executions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeFigures {
    /// How often a token came to it, or it was begun for another node.
    pub visits: u64,
    /// How often it was done.
    pub done: u64,
    /// How often it failed for good.
    pub failed: u64,
    /// How often it failed and was tried again.
    pub retried: u64,
    /// How often its time was over.
    pub timed_out: u64,
    /// How often it was left out.
    pub skipped: u64,
    /// How long each visit took that is over, in milliseconds.
    pub millis: Vec<u64>,
    /// How long it waited to be tried again, altogether, in milliseconds.
    pub waited_millis: u64,
    /// How often it failed with which code, whether it was tried again or not.
    pub codes: BTreeMap<String, u64>,
}

/// A visit that is not over.
struct Open {
    since: Timestamp,
    /// When its time was over, where it was.
    until: Option<Timestamp>,
}

impl NodeFigures {
    /// How long all visits took together.
    #[must_use]
    pub fn total_millis(&self) -> u64 {
        self.millis.iter().sum()
    }

    /// How long a visit took at the mean.
    #[must_use]
    pub fn mean_millis(&self) -> u64 {
        self.total_millis().checked_div(self.millis.len() as u64).unwrap_or(0)
    }
}

/// Measures the nodes.
#[must_use]
pub fn measured(traces: &[Trace]) -> BTreeMap<String, NodeFigures> {
    let mut nodes: BTreeMap<String, NodeFigures> = BTreeMap::new();
    for trace in traces {
        let mut open: BTreeMap<(String, Option<TokenId>, Option<usize>), Open> = BTreeMap::new();
        for (at, entry) in &trace.lines {
            let Some(node) = &entry.node else { continue };
            measure(nodes.entry(node.clone()).or_default(), &mut open, node, *at, entry);
        }
        for ((node, ..), open) in open {
            if let Some(until) = open.until {
                nodes.entry(node).or_default().millis.push(millis(open.since, until));
            }
        }
    }
    nodes
}

fn measure(
    figures: &mut NodeFigures,
    open: &mut BTreeMap<(String, Option<TokenId>, Option<usize>), Open>,
    node: &str,
    at: Timestamp,
    entry: &Entry,
) {
    let place = |item: Option<usize>| (node.to_owned(), entry.token, item);
    let close = |open: &mut BTreeMap<_, Open>, figures: &mut NodeFigures, item: Option<usize>| {
        if let Some(open) = open.remove(&place(item)) {
            figures.millis.push(millis(open.since, at));
        }
    };
    match &entry.what {
        What::Entered => {
            figures.visits += 1;
            open.insert(place(None), Open { since: at, until: None });
        }
        What::Began { attempt, item } => {
            // One that is run by another node is not come to.
            let of_item = item.is_some();
            if of_item && *attempt == 1 {
                figures.visits += 1;
                open.insert(place(*item), Open { since: at, until: None });
            }
        }
        What::Done { item } => {
            figures.done += 1;
            close(open, figures, *item);
        }
        What::Came => {
            figures.done += 1;
            close(open, figures, None);
        }
        What::Failed { code, item, again_at, .. } => {
            *figures.codes.entry(code.clone()).or_default() += 1;
            if let Some(again) = again_at {
                figures.retried += 1;
                figures.waited_millis += millis(at, *again);
            } else {
                figures.failed += 1;
                close(open, figures, *item);
            }
        }
        What::TimedOut => {
            figures.timed_out += 1;
            for (_, open) in open.iter_mut().filter(|((of, token, _), _)| of == node && *token == entry.token) {
                open.until = Some(at);
            }
        }
        What::Skipped => {
            figures.skipped += 1;
            close(open, figures, None);
        }
        What::Waits { .. } | What::Set { .. } | What::Took { .. } | What::Undone { .. } | What::Ended { .. } => {}
    }
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millis() - from.as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
