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
}
