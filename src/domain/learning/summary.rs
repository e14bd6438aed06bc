//! What was said, added up for each version.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::engine::figures::{number, told};
use super::model::feedback::Feedback;
use crate::kernel::time::Timestamp;

/// From this score on an answer counts as good.
const GOOD: f64 = 0.6;
/// Up to this one as bad.
const BAD: f64 = 0.4;

/// What was said of the answers of one version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// The prompt; left out for what was said of no prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_id: Option<String>,
    /// The version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// How often something was said.
    pub(crate) count: usize,
    /// How often with a rating.
    pub(crate) rated: usize,
    /// The mean of the scores, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mean_score: Option<f64>,
    /// The mean accuracy, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mean_accuracy: Option<f64>,
    /// How content people were, from 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mean_user_satisfaction: Option<f64>,
    /// Scores of 0.6 and more.
    pub(crate) good: usize,
    /// Scores of 0.4 and less.
    pub(crate) bad: usize,
    /// How often somebody said what the answer should have been.
    pub(crate) corrected: usize,
    /// When something was said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_at: Option<Timestamp>,
}

#[derive(Default)]
struct Sums {
    count: usize,
    score: (usize, f64),
    accuracy: (usize, f64),
    satisfaction: (usize, f64),
    good: usize,
    bad: usize,
    corrected: usize,
    last_at: Option<Timestamp>,
}

/// Adds feedback up.
#[derive(Default)]
pub(crate) struct Adding(BTreeMap<(Option<String>, Option<String>), Sums>);

fn add(sum: &mut (usize, f64), value: Option<f64>) {
    if let Some(value) = value {
        sum.0 += 1;
        sum.1 += value;
    }
}

fn mean((count, sum): (usize, f64)) -> Option<f64> {
    (count > 0).then(|| told(sum / number(count)))
}

impl Adding {
    /// Adds one.
    pub(crate) fn add(&mut self, feedback: &Feedback, at: Timestamp) {
        let sums = self.0.entry((feedback.prompt_id.clone(), feedback.version.clone())).or_default();
        let score = feedback.score();
        sums.count += 1;
        add(&mut sums.score, score);
        add(&mut sums.accuracy, feedback.accuracy);
        add(&mut sums.satisfaction, feedback.user_satisfaction);
        sums.good += usize::from(score.is_some_and(|score| score >= GOOD));
        sums.bad += usize::from(score.is_some_and(|score| score <= BAD));
        sums.corrected += usize::from(feedback.better().is_some());
        sums.last_at = sums.last_at.max(Some(at));
    }

    /// The sums, by prompt and version.
    pub(crate) fn told(self) -> Vec<Summary> {
        let summary = |((prompt_id, version), sums): ((Option<String>, Option<String>), Sums)| Summary {
            prompt_id,
            version,
            count: sums.count,
            rated: sums.score.0,
            mean_score: mean(sums.score),
            mean_accuracy: mean(sums.accuracy),
            mean_user_satisfaction: mean(sums.satisfaction),
            good: sums.good,
            bad: sums.bad,
            corrected: sums.corrected,
            last_at: sums.last_at,
        };
        self.0.into_iter().map(summary).collect()
    }
}
