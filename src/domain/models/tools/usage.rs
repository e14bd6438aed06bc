//! `model_usage`: what was used of models and what it cost.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::model::call::{CallEnd, CallEntry};
use crate::domain::models::reading::Calls;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::models::Tokens;

/// Tells usage.
pub(in crate::domain::models) struct Usage;

/// So many groups are told; the others are added up.
const MOST_GROUPS: usize = 500;

/// Which calls, and by what they are told apart.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    #[serde(flatten)]
    calls: Calls,
    /// By what they are told apart; by model when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 4))]
    by: Option<Vec<By>>,
}

/// What calls are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// The user.
    User,
    /// The API key.
    Key,
    /// The agent.
    Agent,
    /// The version of the prompt.
    PromptVersion,
    /// The persona.
    Persona,
    /// The execution.
    Execution,
    /// The model.
    Model,
    /// The route.
    Route,
    /// The day, in UTC.
    Day,
}

/// Usage added up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Sum {
    /// Calls, those that the cache answered included.
    calls: u64,
    /// Of these, answered by the cache.
    cached: u64,
    /// Of these, ended by a fault.
    failed: u64,
    /// Of these, called off on the way.
    aborted: u64,
    /// Tokens.
    tokens: Tokens,
    /// What they cost, in thousand-millionths of a dollar, as far as prices are known.
    cost_nano_dollars: u64,
    /// Calls whose price is not known: what they cost is not in the sum.
    calls_without_price: u64,
    /// What the cache saved, in thousand-millionths of a dollar.
    saved_nano_dollars: u64,
}

impl Sum {
    fn add(&mut self, entry: &CallEntry) {
        self.calls += 1;
        self.cached += u64::from(entry.cache.was_kept());
        self.failed += u64::from(entry.end == CallEnd::Failed);
        self.aborted += u64::from(entry.end == CallEnd::Aborted);
        let tokens = &entry.tokens;
        self.tokens.input += tokens.input;
        self.tokens.cached += tokens.cached;
        self.tokens.cache_written += tokens.cache_written;
        self.tokens.output += tokens.output;
        self.tokens.reasoning += tokens.reasoning;
        self.tokens.searches += tokens.searches;
        self.cost_nano_dollars += entry.cost.map_or(0, |cost| cost.0);
        self.calls_without_price += u64::from(entry.cost.is_none());
        self.saved_nano_dollars += entry.saved.map_or(0, |saved| saved.0);
    }
}

/// A group of calls.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Group {
    /// The user, where they are told apart by users.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// The API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// The version of the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_version: Option<String>,
    /// The persona.
    #[serde(skip_serializing_if = "Option::is_none")]
    persona: Option<String>,
    /// The execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<String>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// The route.
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    /// The day, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<String>,
    #[serde(flatten)]
    sum: Sum,
}

/// Usage.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Output {
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// All of it.
    total: Sum,
    /// The groups, the dearest first.
    groups: Vec<Group>,
    /// Groups beyond the number that is told; they are in the total.
    groups_left_out: usize,
}

impl Capability for Usage {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "model_usage",
        Domain::Models,
        Route::get("/models/usage"),
        Permit::on(Resource::Spending, Action::Read),
        "What was used of models and what it cost: calls, tokens, money, by user, key, agent, prompt version, model, route or day. Whoever may \
         not manage spending sees their own. For limits use model_budget_get.",
    )
    .also(&[Route::get("/ai/costs")]);

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let by = input.by.unwrap_or_else(|| vec![By::Model]);
        let mut total = Sum::default();
        let mut groups: BTreeMap<Vec<Option<String>>, Sum> = BTreeMap::new();
        let look = |entry: &CallEntry| {
            total.add(entry);
            groups.entry(by.iter().map(|by| by.of(entry)).collect()).or_default().add(entry);
        };
        let span = input.calls.each(cx, look).await?;
        let mut groups: Vec<(Vec<Option<String>>, Sum)> = groups.into_iter().collect();
        groups.sort_by_key(|(_, sum)| std::cmp::Reverse((sum.cost_nano_dollars, sum.tokens.input + sum.tokens.output)));
        let groups_left_out = groups.len().saturating_sub(MOST_GROUPS);
        groups.truncate(MOST_GROUPS);
        let groups = groups.into_iter().map(|(names, sum)| Group::new(&by, names, sum)).collect();
        Ok(Output { from: span.from, to: span.to, total, groups, groups_left_out })
    }
}

impl By {
    fn of(self, entry: &CallEntry) -> Option<String> {
        match self {
            Self::User => Some(entry.user.to_string()),
            Self::Key => entry.key.map(|key| key.to_string()),
            Self::Agent => entry.agent.clone(),
            Self::PromptVersion => entry.prompt_version.clone(),
            Self::Persona => entry.persona.clone(),
            Self::Execution => entry.execution.clone(),
            Self::Model => Some(entry.model.clone()),
            Self::Route => entry.route.clone(),
            Self::Day => entry.at.to_string().get(..10).map(str::to_owned),
        }
    }
}

impl Group {
    fn new(by: &[By], names: Vec<Option<String>>, sum: Sum) -> Self {
        let mut group = Self {
            user: None,
            key: None,
            agent: None,
            prompt_version: None,
            persona: None,
            execution: None,
            model: None,
            route: None,
            day: None,
            sum,
        };
        for (by, name) in by.iter().zip(names) {
            let place = match by {
                By::User => &mut group.user,
                By::Key => &mut group.key,
                By::Agent => &mut group.agent,
                By::PromptVersion => &mut group.prompt_version,
                By::Persona => &mut group.persona,
                By::Execution => &mut group.execution,
                By::Model => &mut group.model,
                By::Route => &mut group.route,
                By::Day => &mut group.day,
            };
            *place = name;
        }
        group
    }
}
