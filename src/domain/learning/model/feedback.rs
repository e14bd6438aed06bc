//! What somebody said of an answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::prompts::shown::ShownBy;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of feedback. What people wrote stays out of the audit log.
pub static FEEDBACK: Kind = Kind {
    fields: &[
        Field { name: "executionId", of: FieldType::Text },
        Field { name: "agentId", of: FieldType::Text },
        Field { name: "promptId", of: FieldType::Text },
        Field { name: "version", of: FieldType::Text },
        Field { name: "personaId", of: FieldType::Text },
        Field { name: "permille", of: FieldType::Integer },
    ],
    private: &["input", "variables", "expectedOutput", "actualOutput", "correction", "notes"],
    ..Kind::new("feedback")
};

/// How it is known which version of the prompt an answer is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VersionFrom {
    /// The caller named it.
    Named,
    /// It was noted under the exposure that the caller named.
    Exposure,
    /// It was noted which one the session got.
    Session,
    /// The calls of models of the execution say it.
    Execution,
    /// It is what the label stands for now; nothing was noted.
    Label,
}

impl From<ShownBy> for VersionFrom {
    fn from(by: ShownBy) -> Self {
        match by {
            ShownBy::Version => Self::Named,
            ShownBy::Exposure => Self::Exposure,
            ShownBy::Session => Self::Session,
            ShownBy::Label => Self::Label,
        }
    }
}

/// What somebody said of an answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Feedback {
    /// The execution that the answer is of.
    pub execution_id: Option<String>,
    /// The agent that gave it.
    pub agent_id: Option<String>,
    /// The prompt.
    pub prompt_id: Option<String>,
    /// The version of the prompt.
    pub version: Option<String>,
    /// The digest of its content.
    pub digest: Option<String>,
    /// How the version is known.
    pub version_from: Option<VersionFrom>,
    /// The persona.
    pub persona_id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// How right it was, from 0 to 1.
    pub accuracy: Option<f64>,
    /// How content somebody was, from 1 to 5.
    pub user_satisfaction: Option<f64>,
    /// Both as one number from 0 to 1000, to filter by.
    pub permille: Option<i64>,
    /// What was asked.
    pub input: Option<String>,
    /// The variables that the prompt was assembled with.
    pub variables: Option<Map<String, Value>>,
    /// What the answer was.
    pub actual_output: Option<String>,
    /// What it should have been.
    pub expected_output: Option<String>,
    /// The answer as somebody put it right.
    pub correction: Option<String>,
    /// What else there is to say.
    pub notes: Option<String>,
}

impl Feedback {
    /// How good the answer was, from 0 to 1: its accuracy where that is said, else how content somebody was, 1 of 5 being 0.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        self.accuracy.or_else(|| self.user_satisfaction.map(|of_five| (of_five - 1.0) / 4.0))
    }

    /// What the answer should have been, where somebody said it.
    #[must_use]
    pub fn better(&self) -> Option<&str> {
        self.expected_output.as_deref().or(self.correction.as_deref())
    }
}

/// A score from 0 to 1 as feedback is filtered by it.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "between 0 and 1000")]
pub fn permille(score: f64) -> i64 {
    (score * 1000.0).round() as i64
}

impl Document for Feedback {
    const KIND: &'static Kind = &FEEDBACK;
}

impl Owned for Feedback {
    const RESOURCE: Resource = Resource::Feedback;
    const NOUN: &'static str = "feedback";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_between_nothing_and_one() {
        let of = |accuracy, user_satisfaction| Feedback { accuracy, user_satisfaction, ..Feedback::default() }.score();
        assert_eq!((of(None, Some(1.0)), of(None, Some(4.0)), of(None, Some(5.0))), (Some(0.0), Some(0.75), Some(1.0)));
        assert_eq!((of(Some(0.2), Some(5.0)), of(None, None)), (Some(0.2), None));
    }
}
