//! What comes in and what goes out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::state::TokenId;
use crate::kernel::time::Timestamp;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "what")]
pub enum Happening {
    /// What was wished for is done.
    Done {
        /// The token that wished it.
        token: TokenId,
        /// The item that it was for.
        #[serde(default)]
        item: Option<usize>,
        /// The attempt that it is of; the one that is under way where it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        /// What it brought.
        result: Value,
    },
    /// It failed.
    Failed {
        /// The token that wished it.
        token: TokenId,
        /// The item that it was for.
        #[serde(default)]
        item: Option<usize>,
        /// As in `Done`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        /// The code of the fault.
        code: String,
        /// What went wrong.
        message: String,
        /// Whether the fault says of itself that it may pass.
        passing: bool,
    },
    /// A moment has come.
    Woke {
        /// The token that wished it.
        token: TokenId,
        /// What it was for.
        timer: Timer,
    },
    /// What a token listened for has come.
    Came {
        /// The token.
        token: TokenId,
        /// It.
        payload: Value,
    },
}

/// What a moment was wished for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "for")]
pub enum Timer {
    /// The node waits for it.
    Node,
    /// It is begun again then.
    Retry {
        /// The item.
        item: Option<usize>,
    },
    /// Its time is over then.
    Timeout {
        /// The item.
        item: Option<usize>,
        /// The turn that it is for.
        attempt: u32,
    },
    /// A way leaves the boundary then.
    Boundary {
        /// The boundary.
        node: String,
    },
}

/// Something that an execution wishes to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "wish")]
pub enum Wish {
    /// An activity.
    Work {
        /// The token that wishes it.
        token: TokenId,
        /// The item that it is for.
        item: Option<usize>,
        /// The node that says what to do.
        node: String,
        /// How often it was begun, this time included.
        attempt: u32,
        /// Its `config` with all expressions worked out.
        config: Map<String, Value>,
        /// Its input, worked out.
        input: Map<String, Value>,
        /// What must happen once, however often it is begun.
        key: String,
    },
    /// To be woken.
    Wake {
        /// The token that wishes it.
        token: TokenId,
        /// What for.
        timer: Timer,
        /// When.
        at: Timestamp,
    },
    /// To be told what comes.
    Listen {
        /// The token that wishes it.
        token: TokenId,
        /// Its node.
        node: String,
        /// The topic of an event.
        event: Option<String>,
        /// The name of a message.
        message: Option<String>,
        /// What it must be about.
        key: Option<String>,
    },
    /// What was begun for a token is no longer wanted.
    Drop {
        /// The token.
        token: TokenId,
    },
}

impl Wish {
    /// The token that it is of.
    #[must_use]
    pub const fn token(&self) -> TokenId {
        match self {
            Self::Work { token, .. } | Self::Wake { token, .. } | Self::Listen { token, .. } | Self::Drop { token } => {
                *token
            }
        }
    }

    /// Whether it is an activity of this token.
    #[must_use]
    pub fn is_work_of(&self, of: TokenId) -> bool {
        matches!(self, Self::Work { token, .. } if *token == of)
    }
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenId>,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

/// What a line of the journal tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "event")]
pub enum What {
    /// A token came to the node.
    Entered,
    /// Its activity was begun.
    Began {
        /// How often, this time included.
        attempt: u32,
        /// The item that it was begun for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<usize>,
    },
    /// It is done.
    Done {
        /// The item that it was done for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<usize>,
    },
    /// It failed.
    Failed {
        /// The code of the fault.
        code: String,
        /// What went wrong.
        message: String,
        /// The item that it failed for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<usize>,
        /// When it is tried again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again_at: Option<Timestamp>,
    },
    /// Its time was over.
    TimedOut,
    /// It was left out.
    Skipped,
    /// It waits.
    Waits {
        /// Until then at the latest, where it waits for a moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// What it waited for came.
    Came,
    /// Variables have these values now.
    Set {
        /// The variables.
        values: Map<String, Value>,
    },
    /// The way that was taken.
    Took {
        /// The edge.
        edge: String,
    },
    /// What an activity did was taken back.
    Undone {
        /// The activity.
        of: String,
    },
    /// The execution ended.
    Ended {
        /// `completed` or `failed`.
        status: String,
    },
}
