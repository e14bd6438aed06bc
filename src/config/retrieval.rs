//! How memories and documents are found by what they say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How memories and documents are found by what they say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retrieval {
    /// What the order by shared words counts for, against that by meaning.
    pub words_weight: u64,
    /// What the order by meaning counts for, against that by shared words.
    pub meaning_weight: u64,
    /// How much what was said just now is put before what is old, in percent.
    pub recency_percent: u64,
    /// After how many days what was said is half as new.
    pub half_life_days: u64,
    /// How much what matters is put before what does not, in percent.
    pub importance_percent: u64,
    /// How much what says nothing new is put behind what does, in percent.
    pub variety_percent: u64,
    /// What puts the best ones in order once more: a model, as `PROVIDER/MODEL`, or the name of a route; empty for none.
    pub reranker: String,
    /// So many of the best ones it is shown.
    pub reranked: u64,
    /// So long it is waited for.
    pub reranker_seconds: u64,
}

impl Retrieval {
    /// What puts the best ones in order once more, where something does.
    #[must_use]
    pub fn reranker(&self) -> Option<&str> {
        Some(self.reranker.trim()).filter(|name| !name.is_empty())
    }
}
