//! Reading feedback: which, and going through all of it.

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::model::feedback::{Feedback, permille};
use crate::capability::cx::Cx;
use crate::capability::owned::{Stored, visible_to};
use crate::domain::prompts::engine::file::meant;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Comparison, Filter, Place, Query, Scalar};

/// Documents of one read. Each may hold some hundred thousand characters.
const STEP: u32 = 100;

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
        let prompt = self.prompt_id.as_deref().map(meant);
        let time =
            |comparison, at: Option<Timestamp>| at.map(|at| Filter::Compare("createdAt", comparison, Scalar::Time(at)));
        let score = |comparison, score: Option<f64>| {
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
        let mut pages = self.pages(cx, most)?;
        while let Some(page) = pages.next(cx).await? {
            page.into_iter().for_each(&mut look);
        }
        Ok(pages.whole)
    }

    /// The same page by page, so that no more than one is in memory.
    ///
    /// # Errors
    /// As `filter`.
    pub(crate) fn pages(&self, cx: &Cx, most: usize) -> Result<Pages, Fault> {
        let filter = visible_to::<Feedback>(cx.caller()).and(self.filter()?);
        Ok(Pages { filter, after: None, left: most, over: false, whole: true })
    }
}

/// Feedback page by page, the newest first.
pub(crate) struct Pages {
    filter: Filter,
    after: Option<Uuid>,
    left: usize,
    over: bool,
    /// Whether there is nothing beyond what was read, once it is read.
    pub(crate) whole: bool,
}

impl Pages {
    /// The next page; nothing where there is none, or where so much was read as may be.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn next(&mut self, cx: &Cx) -> Result<Option<Vec<Stored<Feedback>>>, Fault> {
        if self.over {
            return Ok(None);
        }
        let after = self.after.map(|id| Place { key: Scalar::Id(id), id });
        let query = Query { filter: self.filter.clone(), order: "id", descending: true, after, limit: STEP };
        let mut found = cx.find::<Feedback>(query).await?;
        self.after = found.last().map(|last| last.id);
        self.over = found.len() < STEP as usize;
        if found.len() > self.left {
            found.truncate(self.left);
            (self.over, self.whole) = (true, false);
        }
        self.left -= found.len();
        Ok(Some(found))
    }
}
