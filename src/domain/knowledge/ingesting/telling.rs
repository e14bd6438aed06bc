//! What is told of documents that were taken in.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::records::Method;
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;

/// What a content is against what was taken in before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::knowledge) enum Outcome {
    /// It was not taken in before.
    New,
    /// The same was taken in before, in the same way: nothing was done.
    Unchanged,
    /// It takes the place of an earlier content of its source, or was read in another way.
    Changed,
    /// The call that began with it did not come to its end: this one went on.
    Resumed,
}

/// A document that was taken in.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Taken {
    /// The document.
    pub(super) document_id: DocumentId,
    /// Its name.
    pub(super) name: String,
    /// What it is against what was taken in before.
    pub(super) outcome: Outcome,
    /// Whether all of it is in the graph; else `stopped` or `skipped` says why not, and the same call again goes on.
    pub(super) complete: bool,
    /// The earlier document whose place it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<DocumentId>,
    /// Its passages.
    pub(super) passages: Passages,
    /// How many nodes of the graph it bears out.
    pub(super) entities: Borne,
    /// How many relations it bears out.
    pub(super) relations: Borne,
    /// How passages were read, for those that this call read.
    pub(super) methods: Vec<How>,
    /// What was found and not taken, by why: `not_in_passage`, names that do not stand in it; `not_quoted`, relations whose words do not stand in it;
    /// `ends`, relations of what is not named there; `type`, of another type than is wanted; `form`, said in no form that can be read; `beyond`, names
    /// that are more than are taken of one document; `unusable`, passages of which the model answered nothing that can be read.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) skipped: BTreeMap<&'static str, usize>,
    /// What could not be read of the document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// How many passages there are.
#[derive(Debug, Default, Clone, Copy, Serialize, JsonSchema)]
pub(in crate::domain::knowledge) struct Passages {
    /// All of them. Each is found by its words at once, and by its meaning once it is embedded, which goes on beside this where an embedder is
    /// configured.
    pub(super) total: usize,
    /// Those that were read before and are the same.
    pub(super) unchanged: usize,
    /// Those that this call read.
    pub(super) read: usize,
    /// Those that are still to be read.
    pub(super) waiting: usize,
}

/// How many of something a document bears out.
#[derive(Debug, Default, Clone, Copy, Serialize, JsonSchema)]
pub(in crate::domain::knowledge) struct Borne {
    /// All of them.
    pub(super) total: usize,
    /// New in the graph by this call.
    pub(super) created: usize,
    /// Removed by this call: no document says them any more.
    pub(super) removed: usize,
}

/// How passages were read.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::domain::knowledge) struct How {
    /// `model` or `statistical`.
    pub(super) method: Method,
    /// How that finds names and relations; the model that was asked.
    pub(super) by: String,
    /// How many passages.
    pub(super) passages: usize,
}

/// Why something was not done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::domain::knowledge) struct Why {
    /// The code of the fault; `limit` where a limit of this call was reached.
    pub(super) code: String,
    /// In words.
    pub(super) say: String,
}

impl Taken {
    /// Whether all of it is in the graph.
    pub(in crate::domain::knowledge) const fn is_complete(&self) -> bool {
        self.complete
    }
}

impl Why {
    pub(in crate::domain::knowledge) fn of(fault: &Fault) -> Self {
        Self { code: fault.code().name.to_owned(), say: fault.say().to_owned() }
    }

    pub(in crate::domain::knowledge) fn limit(say: String) -> Self {
        Self { code: "limit".to_owned(), say }
    }
}
