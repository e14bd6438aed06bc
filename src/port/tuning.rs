//! Fine-tuning at a vendor: examples are given to it, and some hours later it has a model that has learned from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::models::{Endpoint, ModelFault};

/// The largest seed that vendors take.
pub const MOST_SEED: u32 = 2_147_483_647;

/// What is to be learned, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct TuneRequest {
    /// The vendor's name of the file to train with.
    pub training_file: String,
    /// The vendor's name of the file to test with, where there is one.
    pub validation_file: Option<String>,
    /// What the new model's name ends in.
    pub suffix: Option<String>,
    /// For the same result again, as far as the vendor can: `MOST_SEED` at most.
    pub seed: Option<u32>,
    /// How often the examples are gone through; the vendor chooses where it is not said.
    pub epochs: Option<u32>,
    /// Examples of one step.
    pub batch_size: Option<u32>,
    /// How far one step goes, against the vendor's own.
    pub learning_rate_multiplier: Option<f64>,
}

/// How a tuning stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TuneState {
    /// It waits, or runs.
    Going,
    /// There is a new model.
    Done,
    /// There is none.
    Failed,
    /// Somebody called it off at the vendor.
    Cancelled,
}

/// A tuning at the vendor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tune {
    /// The vendor's name of it.
    pub id: String,
    /// How it stands.
    pub state: TuneState,
    /// The vendor's own word for that.
    pub word: String,
    /// The new model, as the vendor names it.
    pub model: Option<String>,
    /// Tokens that were trained with: what the vendor wants to be paid for.
    pub trained_tokens: Option<u64>,
    /// Why it failed, in the vendor's words.
    pub error: Option<String>,
}

/// A vendor that tunes.
#[async_trait]
pub trait Tuning: Send + Sync {
    /// Gives it a file of examples; answers its name for it.
    async fn upload(&self, endpoint: &Endpoint, name: &str, bytes: Bytes) -> Result<String, ModelFault>;

    /// Its name for a file that was given to it under a name, where there is one.
    async fn uploaded(&self, endpoint: &Endpoint, name: &str) -> Result<Option<String>, ModelFault>;

    /// Begins to tune the endpoint's model.
    async fn begin(&self, endpoint: &Endpoint, request: &TuneRequest) -> Result<Tune, ModelFault>;

    /// The tuning that was begun with a training file, where there is one.
    async fn begun(&self, endpoint: &Endpoint, training_file: &str) -> Result<Option<Tune>, ModelFault>;

    /// How a tuning stands.
    async fn look(&self, endpoint: &Endpoint, id: &str) -> Result<Tune, ModelFault>;
}

/// The dialects that tune, by name.
pub type ByDialect = BTreeMap<&'static str, Arc<dyn Tuning>>;

/// Who tunes, as a service: towards providers of the operator, and towards those that tenants name.
#[derive(Default)]
pub struct Tuners {
    /// Towards those of the operator.
    pub own: ByDialect,
    /// Towards those of tenants, which may lie on the public internet and in networks that the operator allows.
    pub of_tenants: ByDialect,
}
