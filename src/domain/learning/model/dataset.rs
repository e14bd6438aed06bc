//! A training set: what it was made of, and the files that hold it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::port::records::{Document, Kind};

/// The kind of training sets.
pub static DATASET: Kind = Kind::new("dataset");

/// A file of a training set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Rows in it.
    pub rows: usize,
    /// Its size.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes.
    pub digest: String,
}

/// Why rows were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// The same question was there with an answer that is as good or better.
    pub duplicates: usize,
    /// There is no answer that is good enough.
    pub no_answer: usize,
    /// It is not known what was asked.
    pub no_question: usize,
    /// There were more than the most rows.
    pub too_many: usize,
}

/// A training set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// The prompt that it is of, where it is of one.
    pub prompt_id: Option<String>,
    /// The agent that it is of, where it is of one.
    pub agent_id: Option<String>,
    /// All rows with what is known of each.
    pub all: File,
    /// Rows to train with, as conversations.
    pub train: File,
    /// Rows to test with, as conversations.
    pub test: File,
    /// What was left out.
    pub left_out: LeftOut,
    /// Rows in which something looks like personal data.
    pub personal: usize,
    /// Whether what looks like it was taken out.
    pub redacted: bool,
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// What people said of answers.
    Feedback,
    /// Contract cases of a prompt with the answers that were recorded.
    Cases,
}

/// On which side of the split a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// To train with.
    Train,
    /// To test with.
    Test,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// A digest of the question.
    pub id: String,
    /// On which side it is.
    pub side: Side,
    /// Where it comes from.
    pub from: From,
    /// The version of the prompt that it was asked with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prompt_version: Option<String>,
    /// The variables that the prompt was assembled with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variables: Option<Map<String, Value>>,
    /// What was asked.
    pub question: String,
    /// What is to be answered.
    pub answer: String,
    /// How good that answer is, from 0 to 1.
    pub score: f64,
}

impl Document for Dataset {
    const KIND: &'static Kind = &DATASET;
}

impl Owned for Dataset {
    const RESOURCE: Resource = Resource::Learning;
    const NOUN: &'static str = "training set";
}
