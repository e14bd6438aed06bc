//! Reading feedback: which, and going through all of it.

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::model::feedback::Feedback;
use crate::capability::cx::Cx;
use crate::capability::owned::{Stored, visible_to};
use crate::domain::prompts::engine::file::{id_of, is_id};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Comparison, Filter, Place, Query, Scalar};

/// Documents of one read.
const STEP: u32 = 500;

/// Which feedback.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Which {
    /// Only of answers of this agent.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    pub(crate) agent_id: Option<String>,
    /// Only of answers to this prompt: its id or name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub(crate) prompt_id: Option<String>,
    /// Only of this version of the prompt, as it is called: `1.2.0`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub(crate) version: Option<String>,
    /// Only of this execution.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    pub(crate) execution_id: Option<String>,
    /// Only of answers of this persona.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub(crate) persona_id: Option<String>,
    /// Only what was said at this moment or later.
    #[serde(default)]
    pub(crate) from: Option<Timestamp>,
    /// Only what was said before this moment.
    #[serde(default)]
    pub(crate) to: Option<Timestamp>,
    /// Only with a score of at least so much, from 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) min_score: Option<f64>,
    /// Only with a score of at most so much.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) max_score: Option<f64>,
}

impl Which {
    /// As a filter.
    ///
    /// # Errors
    /// `bad_input` for a period that ends before it begins.
    pub(crate) fn filter(&self) -> Result<Filter, Fault> {
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from >= to
        {
            return Err(Fault::bad_input("/from", "must be before 'to'"));
        }
        let text = |field, text: &Option<String>| text.clone().map(|text| Filter::is(field, Scalar::Text(text)));
        let prompt = self.prompt_id.as_deref().map(|given| if is_id(given) { given.to_owned() } else { id_of(given) });
        let time =
            |comparison, at: Option<Timestamp>| at.map(|at| Filter::Compare("createdAt", comparison, Scalar::Time(at)));
        let score = |comparison, score: Option<f64>| {
            #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1000")]
            let permille = |score: f64| (score * 1000.0).round() as i64;
            score.map(|score| Filter::Compare("permille", comparison, Scalar::Integer(permille(score))))
        };
        let parts = [
            text("executionId", &self.execution_id),
            text("promptId", &prompt),
            text("version", &self.version),
            text("agentId", &self.agent_id),
            text("personaId", &self.persona_id),
            time(Comparison::AtLeast, self.from),
            time(Comparison::Less, self.to),
            score(Comparison::AtLeast, self.min_score),
            score(Comparison::AtMost, self.max_score),
        ];
        Ok(parts.into_iter().flatten().fold(Filter::All, Filter::and))
    }

    /// Goes through what the caller may see, the newest first, up to so much. Answers whether that was all.
    ///
    /// # Errors
    /// When the store fails; as `filter`.
    pub(crate) async fn each(
        &self,
        cx: &Cx,
        most: usize,
        mut look: impl FnMut(Stored<Feedback>),
    ) -> Result<bool, Fault> {
        let filter = visible_to::<Feedback>(cx.caller()).and(self.filter()?);
        let mut after: Option<Uuid> = None;
        let mut seen = 0;
        loop {
            let place = after.map(|id| Place { key: Scalar::Id(id), id });
            let query = Query { filter: filter.clone(), order: "id", descending: true, after: place, limit: STEP };
            let found = cx.find::<Feedback>(query).await?;
            let count = found.len();
            after = found.last().map(|last| last.id);
            for stored in found {
                if seen == most {
                    return Ok(false);
                }
                seen += 1;
                look(stored);
            }
            if count < STEP as usize {
                return Ok(true);
            }
        }
    }
}
