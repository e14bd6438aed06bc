//! What several capabilities of the domain answer alike.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::engine::figures::told;
use super::model::feedback::{Feedback, VersionFrom};
use crate::capability::owned::Stored;
use crate::kernel::id::{FeedbackId, UserId};
use crate::kernel::time::Timestamp;

/// What an answer that somebody said something of is tied to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TiedView {
    /// The id of the feedback.
    pub(super) feedback_id: FeedbackId,
    /// The execution that the answer is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) execution_id: Option<String>,
    /// The agent that gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent_id: Option<String>,
    /// The prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prompt_id: Option<String>,
    /// The version of the prompt that was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// The digest of its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) digest: Option<String>,
    /// How the version is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version_from: Option<VersionFrom>,
    /// The persona.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) persona_id: Option<String>,
    /// The model that answered, where the execution's calls say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// How good the answer was, from 0 to 1, made of the ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) score: Option<f64>,
}

/// What somebody said, whole.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FeedbackView {
    /// What it is tied to.
    #[serde(flatten)]
    pub(super) tied: TiedView,
    /// Who said it; nobody where the account is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<UserId>,
    /// When.
    pub(super) at: Timestamp,
    /// What was said.
    pub(super) feedback: SaidView,
}

/// What was said.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SaidView {
    /// How right the answer was, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy: Option<f64>,
    /// How content somebody was, from 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_satisfaction: Option<f64>,
    /// What was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    /// The variables that the prompt was assembled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<Map<String, Value>>,
    /// What the answer was.
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_output: Option<String>,
    /// What it should have been.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_output: Option<String>,
    /// The answer as somebody put it right.
    #[serde(skip_serializing_if = "Option::is_none")]
    correction: Option<String>,
    /// What else was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
}

impl TiedView {
    pub(super) fn of(id: FeedbackId, feedback: &Feedback) -> Self {
        Self {
            feedback_id: id,
            execution_id: feedback.execution_id.clone(),
            agent_id: feedback.agent_id.clone(),
            prompt_id: feedback.prompt_id.clone(),
            version: feedback.version.clone(),
            digest: feedback.digest.clone(),
            version_from: feedback.version_from,
            persona_id: feedback.persona_id.clone(),
            model: feedback.model.clone(),
            score: feedback.score().map(told),
        }
    }
}

impl FeedbackView {
    pub(super) fn of(stored: Stored<Feedback>) -> Self {
        let tied = TiedView::of(FeedbackId::from_uuid(stored.id), &stored.value);
        let feedback = stored.value;
        Self {
            tied,
            user: stored.owner.map(UserId::from_uuid),
            at: stored.created_at,
            feedback: SaidView {
                accuracy: feedback.accuracy,
                user_satisfaction: feedback.user_satisfaction,
                input: feedback.input,
                variables: feedback.variables,
                actual_output: feedback.actual_output,
                expected_output: feedback.expected_output,
                correction: feedback.correction,
                notes: feedback.notes,
            },
        }
    }
}
