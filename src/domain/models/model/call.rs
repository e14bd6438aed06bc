//! What is written of each call of a model: the log that usage, performance and advice are read from.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::route::Need;
use crate::kernel::money::NanoDollars;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Keep, Log};
use crate::port::models::Tokens;
use crate::port::records::{Field, FieldType};

/// The log of calls of models. The stream is the provider.
pub(crate) static MODEL_CALLS: Log = Log {
    name: "model_calls",
    fields: &[
        Field { name: "user", of: FieldType::Id },
        Field { name: "key", of: FieldType::Id },
        Field { name: "agent", of: FieldType::Text },
        Field { name: "promptVersion", of: FieldType::Text },
        Field { name: "execution", of: FieldType::Text },
        Field { name: "persona", of: FieldType::Text },
        Field { name: "model", of: FieldType::Text },
    ],
    text: &[],
    keep: Keep { age: Duration::from_hours(24 * 400), entries: 10_000_000 },
    followed: false,
};

/// How the answer was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Manner {
    /// Whole.
    Complete,
    /// Piece by piece.
    Stream,
    /// As vectors.
    Embed,
    /// As an order of texts.
    Rerank,
}

/// What the cache had to do with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheState {
    /// It was not asked.
    #[default]
    Off,
    /// It had no answer.
    Miss,
    /// It had the answer.
    Hit,
    /// An equal request was on its way and its answer served both.
    Shared,
    /// It had the answer to a question that means the same.
    Similar,
}

impl CacheState {
    /// Whether the answer was there, or just being given to another: this call asked nobody.
    #[must_use]
    pub const fn was_kept(self) -> bool {
        matches!(self, Self::Hit | Self::Shared | Self::Similar)
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallEnd {
    /// With a whole answer.
    Answered,
    /// Nobody wanted it any more.
    Aborted,
    /// By a fault.
    Failed,
}

/// One call of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallEntry {
    /// When it ended.
    pub(crate) at: Timestamp,
    pub(crate) request_id: Uuid,
    pub(crate) user: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) execution: Option<String>,
    /// The persona that spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) persona: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) persona_version: Option<String>,
    /// `provider/model`.
    pub(crate) model: String,
    /// The route that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) route: Option<String>,
    pub(crate) manner: Manner,
    pub(crate) cache: CacheState,
    pub(crate) end: CallEnd,
    /// Which fault, where it ended by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
    /// What was read and written. Nothing where nothing was sent or the cache answered.
    pub(crate) tokens: Tokens,
    /// Whether the program counted them because the vendor did not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) counted: bool,
    /// What it cost; not there where no price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cost: Option<NanoDollars>,
    /// From the cache: what it would have cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) saved: Option<NanoDollars>,
    /// How long it took.
    pub(crate) micros: u64,
    /// After how long the first piece was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_micros: Option<u64>,
    /// Why the model stopped, in the port's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stop: Option<String>,
    /// What the request needed a model to be able to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) needs: Vec<Need>,
    /// A digest of the question, by which equal ones are told; not there for long ones and pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) question: Option<String>,
}
