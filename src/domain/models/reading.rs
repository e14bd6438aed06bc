//! Reading the log of calls: over a period, for whoever may see them.

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::capability::cx::{Cx, store_fault};
use crate::capability::permit::{Action, Resource};
use crate::domain::models::engine::router::Router;
use crate::domain::models::model::call::{CallEntry, MODEL_CALLS};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{KeyId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::logs::TimeQuery;
use crate::port::records::{Comparison, Filter, Scalar, Scope};

/// Entries of one read.
const STEP: u32 = 2_000;
/// Entries that one question looks at.
const MOST: usize = 250_000;
/// An entry is written at most so long after its call ended, unless the store was away.
const LATE: std::time::Duration = std::time::Duration::from_mins(10);
/// The period that is looked at when none is given.
const USUAL: std::time::Duration = std::time::Duration::from_hours(24 * 30);

/// Which calls.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Calls {
    /// Not before this moment; thirty days before `to` when not given.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Before this moment; now when not given.
    #[serde(default)]
    to: Option<Timestamp>,
    /// Only those of this user.
    #[serde(default)]
    user: Option<UserId>,
    /// Only those by this API key.
    #[serde(default)]
    key: Option<KeyId>,
    /// Only those of this agent.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    agent: Option<String>,
    /// Only those with this version of a prompt.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    prompt_version: Option<String>,
    /// Only those of this execution.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    execution: Option<String>,
    /// Only those of this model, as `provider/model`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
    /// Only those in which this persona spoke: its id.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    persona: Option<String>,
    /// Only those with any version of this prompt.
    #[serde(skip)]
    prompt: Option<String>,
}

/// A period.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// Whether a caller sees everybody's calls of models, or their own.
pub(crate) fn sees_all(cx: &Cx) -> bool {
    cx.caller().may(Resource::Spending, Action::Manage)
}

impl Calls {
    /// Those of a period.
    #[must_use]
    pub(crate) fn within(span: Span) -> Self {
        Self { from: Some(span.from), to: Some(span.to), ..Self::default() }
    }

    /// Of these those of an agent.
    #[must_use]
    pub(crate) fn of_agent(self, agent: &str) -> Self {
        Self { agent: Some(agent.to_owned()), ..self }
    }

    /// Of these those in which a persona spoke.
    #[must_use]
    pub(crate) fn of_persona(self, persona: &str) -> Self {
        Self { persona: Some(persona.to_owned()), ..self }
    }

    /// Of these those with a prompt: with this version of it, or any.
    #[must_use]
    pub(crate) fn with_prompt(self, prompt: &str, version: Option<&str>) -> Self {
        match version {
            Some(version) => Self { prompt_version: Some(format!("{prompt}@{version}")), ..self },
            None => Self { prompt: Some(prompt.to_owned()), ..self },
        }
    }

    /// Goes through the calls, the newest first. Whoever may not manage spending sees their own.
    ///
    /// # Errors
    /// `too_broad` where there are too many.
    pub(crate) async fn each(self, cx: &Cx, mut look: impl FnMut(&CallEntry)) -> Result<Span, Fault> {
        // What was used just now is not written yet.
        cx.service::<Router>()?.flush(cx.platform()).await?;
        let to = self.to.unwrap_or_else(|| cx.now().plus(std::time::Duration::from_millis(1)));
        let from = self.from.unwrap_or_else(|| to.minus(USUAL));
        if from >= to {
            return Err(Fault::bad_input("/from", "must be before 'to'"));
        }
        let mut filter = Filter::Compare("at", Comparison::AtLeast, Scalar::Time(from));
        filter = filter.and(Filter::Compare("at", Comparison::Less, Scalar::Time(to.plus(LATE))));
        let user = self.user.map(UserId::uuid);
        let own = (!sees_all(cx)).then(|| cx.caller().user.uuid());
        if let (Some(user), Some(own)) = (user, own)
            && user != own
        {
            return Err(crate::capability::cx::forbidden(crate::capability::permit::Permit::on(
                Resource::Spending,
                Action::Manage,
            )));
        }
        let id = |field, id: Option<Uuid>| id.map(|id| Filter::is(field, Scalar::Id(id)));
        let text = |field, text: Option<String>| text.map(|text| Filter::is(field, Scalar::Text(text)));
        let wanted = [
            id("user", user.or(own)),
            id("key", self.key.map(KeyId::uuid)),
            text("agent", self.agent),
            text("promptVersion", self.prompt_version),
            text("execution", self.execution),
            text("persona", self.persona),
            text("model", self.model),
            self.prompt.map(|prompt| Filter::StartsWith("promptVersion", format!("{prompt}@"))),
        ];
        for part in wanted.into_iter().flatten() {
            filter = filter.and(part);
        }
        let (mut beyond, mut seen) = (None, 0);
        loop {
            let query = TimeQuery { filter: filter.clone(), beyond, descending: true, limit: STEP };
            let scope = Scope::Tenant(cx.tenant());
            let found = cx.platform().store.entries_by_time(scope, &MODEL_CALLS, query).await.map_err(store_fault)?;
            let (count, last) = (found.len(), found.last().map(|entry| (entry.at, entry.position)));
            for entry in found {
                let entry: CallEntry = serde_json::from_value(entry.body).map_err(Fault::internal)?;
                if (from..to).contains(&entry.at) {
                    look(&entry);
                }
            }
            seen += count;
            if count < STEP as usize {
                return Ok(Span { from, to });
            }
            if seen >= MOST {
                let say =
                    format!("the period has more than {MOST} calls: ask for a shorter one, or for one model or user");
                return Err(Fault::new(&codes::TOO_BROAD, say));
            }
            beyond = last;
        }
    }
}
