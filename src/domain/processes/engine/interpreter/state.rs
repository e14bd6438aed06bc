//! Where an execution is: its tokens, its variables, what was done that can be undone.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::processes::engine::graph::{Graph, NodeIndex};
use crate::kernel::time::Timestamp;

/// The id of a token. Each node that it comes to makes a new one of it, so it also names the visit.
pub type TokenId = u64;

/// Where an execution is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// What it knows.
    pub variables: Map<String, Value>,
    /// Its tokens, in the order of their ids.
    pub tokens: Vec<Token>,
    /// The id of the next token.
    pub next: TokenId,
    /// Activities that were done and can be undone, in the order in which they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undoable: Vec<Undoable>,
    /// What was begun anew when the execution was recovered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovered: Vec<Recovered>,
    /// The nodes that tokens have left, or ended at.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub passed: BTreeSet<String>,
    /// What its ends said so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Map<String, Value>>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// The node that it is at, or that it waits before.
    pub node: String,
    /// What it does there.
    pub stage: Stage,
    /// Whether it does the node once more and goes nowhere from there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub aside: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What a token does at its node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "is")]
pub enum Stage {
    /// It has come by this edge, and waits at a gateway for others; or the execution failed while it was on its way there.
    Before {
        /// The edge.
        edge: String,
    },
    /// Its activity is under way.
    Working {
        /// How often it was begun.
        attempt: u32,
        /// By boundary: how often its way was gone beside it, and when it is to be gone (next).
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        beside: Map<String, Value>,
    },
    /// Its activity failed and is tried again.
    Retrying {
        /// How often it was begun.
        attempt: u32,
        /// When.
        at: Timestamp,
        /// As in `Working`.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        beside: Map<String, Value>,
    },
    /// It waits for a moment.
    Until {
        /// Which.
        at: Timestamp,
    },
    /// It waits for an event or a message.
    Listening {
        /// What it must be about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// It does something for each item of a list.
    Each {
        /// The items.
        items: Vec<Value>,
        /// How far each is.
        states: Vec<ItemState>,
        /// As in `Working`.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        beside: Map<String, Value>,
    },
    /// It takes back what was done.
    Undoing {
        /// What is left, the last done last.
        left: Vec<Undoable>,
        /// How often the undoing that is under way was begun.
        attempt: u32,
        /// Whether the execution is over with it, since all of it is taken back.
        #[serde(default)]
        ends: bool,
        /// When it is tried again, where it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again_at: Option<Timestamp>,
    },
    /// It failed for good, and nothing takes that up.
    Failed {
        /// Why.
        failure: Failure,
        /// Where it goes on when that is done again.
        #[serde(default, skip_serializing_if = "Anew::is_node")]
        anew: Anew,
    },
}

/// Where a token goes on when what failed is done again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "is")]
pub enum Anew {
    /// At its node.
    #[default]
    Node,
    /// On an edge to its node, where it has not come yet.
    Edge {
        /// The edge.
        edge: String,
    },
    /// On the way that leaves its node, which is a boundary.
    Way {
        /// What the boundary is left with.
        result: Value,
    },
}

/// How far an item of a list is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "is")]
pub enum ItemState {
    /// It was not begun.
    Open,
    /// It is under way.
    Working {
        /// How often it was begun.
        attempt: u32,
    },
    /// It failed and is tried again.
    Retrying {
        /// How often it was begun.
        attempt: u32,
        /// When.
        at: Timestamp,
    },
    /// It is done.
    Done {
        /// What it brought.
        result: Value,
    },
    /// It failed for good.
    Failed {
        /// Why.
        failure: Failure,
    },
}

/// An activity that was done and can be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Undoable {
    /// The activity.
    pub node: String,
    /// The visit.
    pub token: TokenId,
}

/// What was begun anew when the execution was recovered: its retries and its time count from there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recovered {
    /// The token.
    pub token: TokenId,
    /// The item, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    /// The attempt that it was begun anew with.
    pub attempt: u32,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The code of the fault.
    pub code: String,
    /// What went wrong.
    pub message: String,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "status")]
pub enum Ending {
    /// It came to its end.
    Completed {
        /// What it answers.
        result: Map<String, Value>,
    },
    /// What it had done was taken back.
    Compensated,
    /// It failed.
    Failed {
        /// Why.
        #[serde(flatten)]
        failure: Failure,
        /// The node.
        node: String,
    },
}

impl Failure {
    /// Of a code and a sentence.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl Anew {
    const fn is_node(&self) -> bool {
        matches!(self, Self::Node)
    }
}

impl Stage {
    /// What is told of the boundaries of the activity, where it is under way.
    pub(super) const fn beside(&self) -> Option<&Map<String, Value>> {
        match self {
            Self::Working { beside, .. } | Self::Retrying { beside, .. } | Self::Each { beside, .. } => Some(beside),
            _ => None,
        }
    }
}

impl ItemState {
    /// Whether it was begun and is not at its end.
    pub(super) const fn is_under_way(&self) -> bool {
        matches!(self, Self::Working { .. } | Self::Retrying { .. })
    }
}

impl State {
    /// The token of an id.
    #[must_use]
    pub fn token(&self, id: TokenId) -> Option<&Token> {
        self.tokens.binary_search_by_key(&id, |token| token.id).ok().map(|at| &self.tokens[at])
    }

    /// Whether an attempt of what a token does, or does for an item, is the one that is under way. An undoing counts as the item that says
    /// how many are left. What was tried before, given up, or waits to be tried again, is not.
    #[must_use]
    pub fn is_under_way(&self, token: TokenId, item: Option<usize>, attempt: u32) -> bool {
        match (self.token(token).map(|found| &found.stage), item) {
            (Some(Stage::Working { attempt: now, .. }), None) => *now == attempt,
            (Some(Stage::Each { states, .. }), Some(item)) => {
                matches!(states.get(item), Some(ItemState::Working { attempt: now }) if *now == attempt)
            }
            (Some(Stage::Undoing { left, attempt: now, again_at: None, .. }), Some(item)) => {
                left.len() == item && *now == attempt
            }
            _ => false,
        }
    }

    /// The node that says what a token does now: its own, or the one that its own runs for an item, or to undo another.
    #[must_use]
    pub fn does(&self, graph: &Graph, token: TokenId, item: Option<usize>) -> Option<NodeIndex> {
        let token = self.token(token)?;
        match (&token.stage, item) {
            (Stage::Each { .. }, Some(_)) => graph.find_body(graph.find(&token.node)?),
            (Stage::Undoing { left, .. }, Some(_)) => graph.find_undoing(&left.last()?.node),
            (_, None) => graph.find(&token.node),
            (_, Some(_)) => None,
        }
    }

    /// The attempt from which retries are counted: the first one, or that of the last recovery.
    pub(super) fn counted_from(&self, token: TokenId, item: Option<usize>) -> u32 {
        let of = |one: &&Recovered| one.token == token && one.item == item;
        self.recovered.iter().find(of).map_or(1, |one| one.attempt)
    }

    /// From this attempt on retries are counted anew.
    pub(super) fn count_from(&mut self, token: TokenId, item: Option<usize>, attempt: u32) {
        match self.recovered.iter_mut().find(|one| one.token == token && one.item == item) {
            Some(one) => one.attempt = attempt,
            None => self.recovered.push(Recovered { token, item, attempt }),
        }
    }

    pub(super) fn token_mut(&mut self, id: TokenId) -> Option<&mut Token> {
        self.tokens.binary_search_by_key(&id, |token| token.id).ok().map(|at| &mut self.tokens[at])
    }

    pub(super) fn take(&mut self, id: TokenId) -> Option<Token> {
        self.recovered.retain(|one| one.token != id);
        self.tokens.binary_search_by_key(&id, |token| token.id).ok().map(|at| self.tokens.remove(at))
    }

    pub(super) fn take_all(&mut self) {
        self.tokens.clear();
        self.recovered.clear();
    }
}
