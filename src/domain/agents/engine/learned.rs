//! What interactions that were taken in say of an agent: how good its answers were, altogether, by topic and by tool.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::figures::{Span, Whose};
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Resource};
use crate::domain::agents::model::agent::Agent;
use crate::domain::agents::model::interaction::Interaction;
use crate::kernel::fault::Fault;
use crate::port::records::{Comparison, Filter, Query, Scalar};

/// So many are looked at, the newest.
const MOST: u32 = 2_000;
/// So many topics and tools are told, those with most interactions.
const MOST_TOLD: usize = 50;

/// What was said of an agent's answers.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Learned {
    /// How many interactions were taken in; the newest 2,000 are looked at.
    pub(crate) interactions: u64,
    /// How many of them somebody rated.
    pub(crate) rated: u64,
    /// How good these were on average, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f64>,
    /// The same by topic, the most frequent first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    topics: Vec<Part>,
    /// The same by the tools that the runs called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Part>,
}

/// What was said of a part of them.
#[derive(Debug, Serialize, JsonSchema)]
struct Part {
    /// The topic or tool.
    name: String,
    /// How many rated interactions.
    rated: u64,
    /// How good they were on average, from 0 to 1.
    score: f64,
}

#[derive(Default, Clone, Copy)]
struct Sum {
    count: u64,
    permille: u64,
}

impl Sum {
    fn add(&mut self, permille: u32) {
        self.count += 1;
        self.permille += u64::from(permille);
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| (self.permille as f64 / self.count as f64 * 10.0).round() / 10_000.0)
    }
}

impl Learned {
    /// Of an agent over a period: everybody's interactions, or the caller's own; and of one that is being taken in.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn of(
        cx: &Cx,
        agent: &Stored<Agent>,
        span: Span,
        also: Option<&Interaction>,
    ) -> Result<Self, Fault> {
        let user = cx.caller().user.uuid();
        let all = agent.owner == Some(user) || cx.caller().may(Resource::Runs, Action::Manage);
        let whose = if all { Whose::Everybody } else { Whose::Own };
        let mut filter = Filter::is("agentId", Scalar::Text(agent.value.agent_id.clone()))
            .and(Filter::Compare("createdAt", Comparison::AtLeast, Scalar::Time(span.from)))
            .and(Filter::Compare("createdAt", Comparison::Less, Scalar::Time(span.to)));
        if whose == Whose::Own {
            filter = filter.and(Filter::is("owner", Scalar::Id(user)));
        }
        let found = cx.find::<Interaction>(Query::newest(filter, MOST)).await?;
        Ok(Self::sum(found.iter().map(|stored| &stored.value).chain(also)))
    }

    fn sum<'i>(interactions: impl Iterator<Item = &'i Interaction>) -> Self {
        let (mut count, mut all) = (0, Sum::default());
        let (mut topics, mut tools): (BTreeMap<&str, Sum>, BTreeMap<&str, Sum>) = Default::default();
        for one in interactions {
            count += 1;
            let Some(permille) = one.permille else { continue };
            all.add(permille);
            if let Some(topic) = &one.topic {
                topics.entry(topic).or_default().add(permille);
            }
            for tool in one.tools.keys() {
                tools.entry(tool).or_default().add(permille);
            }
        }
        Self { interactions: count, rated: all.count, score: all.mean(), topics: parts(topics), tools: parts(tools) }
    }
}

fn parts(sums: BTreeMap<&str, Sum>) -> Vec<Part> {
    let part = |(name, sum): (&str, Sum)| Some(Part { name: name.to_owned(), rated: sum.count, score: sum.mean()? });
    let mut parts: Vec<Part> = sums.into_iter().filter_map(part).collect();
    parts.sort_by(|one, other| other.rated.cmp(&one.rated).then_with(|| one.name.cmp(&other.name)));
    parts.truncate(MOST_TOLD);
    parts
}
