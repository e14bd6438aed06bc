//! A named route: which models can answer, which of them is asked first, and on what terms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::id_of;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::kernel::id::TenantId;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};

/// The kind of routes.
pub(crate) static MODEL_ROUTE: Kind = Kind {
    fields: &[Field { name: "name", of: FieldType::Text }],
    unique: &[Unique { name: "name", fields: &["name"], across: Across::Tenant }],
    remembered: true,
    ..Kind::new("model_route")
};

/// Which candidate is asked first; the others follow when it fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Strategy {
    /// The first, then the second, and so on.
    #[default]
    Fallback,
    /// By chance, each as often as its weight says.
    Weighted,
    /// Of two taken by chance the one that answers faster.
    LeastLatency,
    /// The one that answers for the least money.
    Cheapest,
    /// The same one for the same session, by weight.
    Sticky,
}

/// What a candidate can be demanded to be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Need {
    /// Tools are offered.
    Tools,
    /// There are pictures.
    Images,
    /// The answer must fit a schema, or be JSON.
    Structured,
    /// It is said how hard to think.
    Reasoning,
}

/// When a candidate is asked. What is not given holds always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Condition {
    /// For requests of at least about so many tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000_000))]
    pub(crate) at_least_tokens: Option<u64>,
    /// For requests of at most about so many tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000_000))]
    pub(crate) at_most_tokens: Option<u64>,
    /// Only for requests that need all of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub(crate) needs: Vec<Need>,
}

/// A model that can answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Candidate {
    /// The model, as `provider/model`.
    #[schemars(length(min = 3, max = 200), pattern("^[a-z0-9][a-z0-9_-]*/.+$"))]
    pub(crate) model: String,
    /// How often it is chosen against the others; 1 when not given.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) weight: u32,
    /// When it is asked; always when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) when: Option<Condition>,
    /// How many calls a minute go to it by this route from one instance, besides what holds for the model; no bound when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000_000))]
    pub(crate) requests_per_minute: Option<u64>,
    /// How many tokens a minute, read and written together; no bound when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64))]
    pub(crate) tokens_per_minute: Option<u64>,
}

impl Candidate {
    /// A model without any terms.
    pub(crate) fn plain(model: &str) -> Self {
        let model = model.to_owned();
        Self { model, weight: 1, when: None, requests_per_minute: None, tokens_per_minute: None }
    }
}

const fn one() -> u32 {
    1
}

/// A second model is asked when the first is slow; whichever answers first is taken, and both may cost money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Hedge {
    /// After as long as so many of a hundred of the first one's last answers took; not before there are some.
    #[schemars(range(min = 50, max = 99))]
    pub(crate) percentile: u8,
    /// But not before so many milliseconds; 100 when not given.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 600_000))]
    pub(crate) at_least_millis: u32,
}

const fn hundred() -> u32 {
    100
}

/// When the answer to another question will do that means the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SimilarTo {
    /// The model that makes vectors of questions, as `provider/model`; each question costs a call of it.
    #[schemars(length(min = 3, max = 200), pattern("^[a-z0-9][a-z0-9_-]*/.+$"))]
    pub(crate) model: String,
    /// How close two questions must be, in hundredths of the cosine; 95 when not given.
    #[serde(default = "close")]
    #[schemars(range(min = 80, max = 100))]
    pub(crate) at_least_percent: u8,
}

const fn close() -> u8 {
    95
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelRoute {
    pub(crate) name: String,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) strategy: Strategy,
    /// So often the candidates are gone through again when all failed in a way that may pass.
    pub(crate) retries: u32,
    /// So long the head of an answer, or the first piece of a stream, may take.
    pub(crate) timeout_seconds: u32,
    /// So long there may be nothing between two pieces.
    pub(crate) silence_seconds: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hedge: Option<Hedge>,
    /// So long an answer is kept for equal requests; 0 for not at all.
    pub(crate) cache_seconds: u32,
    /// When the answer to another question will do; never when not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) similar: Option<SimilarTo>,
    pub(crate) enabled: bool,
}

/// The terms of a call that goes straight to a model.
pub(crate) const RETRIES: u32 = 1;
/// So long an answer may take to begin when nobody says otherwise.
pub(crate) const TIMEOUT_SECONDS: u32 = 120;
/// So long there may be nothing between two pieces when nobody says otherwise.
pub(crate) const SILENCE_SECONDS: u32 = 60;

impl Document for ModelRoute {
    const KIND: &'static Kind = &MODEL_ROUTE;
}

impl Owned for ModelRoute {
    const RESOURCE: Resource = Resource::Models;
    const NOUN: &'static str = "route";
}

impl ModelRoute {
    /// The id of the document of a route.
    pub(crate) fn id(tenant: TenantId, name: &str) -> Uuid {
        id_of(&[b"model route", tenant.uuid().as_bytes(), name.as_bytes()])
    }

    /// Straight to one model.
    pub(crate) fn straight_to(model: &str, cache_seconds: u32) -> Self {
        Self {
            name: String::new(),
            candidates: vec![Candidate::plain(model)],
            strategy: Strategy::Fallback,
            retries: RETRIES,
            timeout_seconds: TIMEOUT_SECONDS,
            silence_seconds: SILENCE_SECONDS,
            hedge: None,
            cache_seconds,
            similar: None,
            enabled: true,
        }
    }
}
