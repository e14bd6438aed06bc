//! `model_optimization`: where money could be saved, reckoned from the calls that were made.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::catalogue::{Ability, Found, Model};
use crate::domain::models::engine::router::Router;
use crate::domain::models::model::call::{CacheState, CallEnd, CallEntry, Manner};
use crate::domain::models::model::route::Need;
use crate::domain::models::reading::Calls;
use crate::kernel::fault::Fault;
use crate::kernel::money::NanoDollars;
use crate::kernel::time::Timestamp;
use crate::port::models::Tokens;

/// Gives advice.
pub(in crate::domain::models) struct Optimization;

/// Other models that are named for one.
const MOST_OTHERS: usize = 3;
/// Calls of one model that other models are reckoned with; more are taken to be like these.
const MOST_RECKONED: usize = 20_000;
/// An answer that is kept for so long would have served equal requests.
const KEPT_MILLIS: i64 = 60 * 60 * 1000;

/// Which calls.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    #[serde(flatten)]
    calls: Calls,
}

/// What could be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Ask another model, which costs less and can do what was asked.
    CheaperModel,
    /// Keep answers: equal requests came within an hour.
    Caching,
    /// Look at calls that were called off or broke: they cost and gave nothing.
    Wasted,
}

/// A way to save money.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Advice {
    /// What could be done.
    kind: Kind,
    /// The model that it is about.
    model: String,
    /// The model to ask instead. Whether it answers as well nobody has tried: a weighted route tries it on a part of the calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    instead: Option<String>,
    /// The calls that it is about.
    calls: u64,
    /// What these cost, in thousand-millionths of a dollar.
    cost_nano_dollars: u64,
    /// What would have been saved of that.
    saves_nano_dollars: u64,
}

/// Where money could be saved.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Output {
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// The calls that were looked at.
    calls: u64,
    /// What they cost, as far as prices are known.
    cost_nano_dollars: u64,
    /// Ways to save money, the greatest saving first. They are each reckoned by itself: their sum is not what all together save.
    advice: Vec<Advice>,
}

/// What was seen of one model.
#[derive(Default)]
struct Seen {
    calls: u64,
    cost: u64,
    reckoned: Vec<Tokens>,
    needs: BTreeSet<&'static str>,
    vectors: bool,
    /// Orders of texts were wanted.
    orders: bool,
    longest: u64,
    wasted: (u64, u64),
    /// When each question was asked and what it cost. Calls are looked at newest first.
    questions: HashMap<String, (i64, u64)>,
    repeated: (u64, u64),
}

impl Capability for Optimization {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "model_optimization",
        Domain::Models,
        Route::get("/ai/optimization"),
        Permit::on(Resource::Spending, Action::Read),
        "Where money could be saved on models, reckoned in money from the calls that were made: cheaper models that can do the same, answers \
         that a cache would have had, calls that cost and gave nothing. For the costs themselves use model_usage.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
        let span = input.calls.each(cx, |entry| seen.entry(entry.model.clone()).or_default().add(entry)).await?;
        let router = cx.service::<Router>()?;
        let offered = router.offers.of(cx.platform(), &router.watch, cx.tenant()).await?;
        let others: Vec<Found> = offered.models().collect();
        let (calls, cost_nano_dollars) =
            seen.values().fold((0, 0), |(calls, cost), seen| (calls + seen.calls, cost + seen.cost));
        let mut advice: Vec<Advice> = seen.iter().flat_map(|(model, seen)| seen.advice(model, &others)).collect();
        advice.sort_by_key(|one| std::cmp::Reverse(one.saves_nano_dollars));
        Ok(Output { from: span.from, to: span.to, calls, cost_nano_dollars, advice })
    }
}

impl Seen {
    fn add(&mut self, entry: &CallEntry) {
        self.calls += 1;
        if entry.cache.was_kept() {
            return;
        }
        let cost = entry.cost.map_or(0, |cost| cost.0);
        self.cost += cost;
        if entry.end != CallEnd::Answered {
            if cost > 0 {
                self.wasted = (self.wasted.0 + 1, self.wasted.1 + cost);
            }
            return;
        }
        self.vectors |= entry.manner == Manner::Embed;
        self.orders |= entry.manner == Manner::Rerank;
        self.needs.extend(entry.needs.iter().map(|need| name_of(*need)));
        self.longest = self.longest.max(entry.tokens.input + entry.tokens.output);
        if self.reckoned.len() < MOST_RECKONED {
            self.reckoned.push(entry.tokens);
        }
        if let Some(question) = &entry.question {
            let at = entry.at.as_millis();
            let later = self.questions.insert(question.clone(), (at, cost));
            // The later one of two would have had the earlier one's answer.
            if let Some((then, of_later)) = later
                && then - at <= KEPT_MILLIS
                && entry.cache == CacheState::Off
            {
                self.repeated = (self.repeated.0 + 1, self.repeated.1 + of_later);
            }
        }
    }

    fn advice(&self, model: &str, others: &[Found]) -> Vec<Advice> {
        let advice = |kind, instead, (calls, cost): (u64, u64), saves| Advice {
            kind,
            model: model.to_owned(),
            instead,
            calls,
            cost_nano_dollars: cost,
            saves_nano_dollars: saves,
        };
        let mut all = Vec::new();
        if self.repeated.1 > 0 {
            all.push(advice(Kind::Caching, None, self.repeated, self.repeated.1));
        }
        if self.wasted.1 > 0 {
            all.push(advice(Kind::Wasted, None, self.wasted, self.wasted.1));
        }
        let paid = self.cost - self.wasted.1;
        let mut cheaper: Vec<(u64, String)> = others
            .iter()
            .filter(|other| other.name() != model && self.can_be_done_by(&other.model))
            .filter_map(|other| Some((self.cost_at(&other.model)?, other.name())))
            .filter(|(cost, _)| *cost < paid)
            .collect();
        cheaper.sort();
        let calls = self.reckoned.len() as u64;
        all.extend(
            cheaper
                .into_iter()
                .take(MOST_OTHERS)
                .map(|(cost, name)| advice(Kind::CheaperModel, Some(name), (calls, paid), paid - cost)),
        );
        all
    }

    fn can_be_done_by(&self, other: &Model) -> bool {
        let kind = match (self.vectors, self.orders) {
            (true, _) => Ability::Embeddings,
            (_, true) => Ability::Reranking,
            (false, false) => Ability::Chat,
        };
        other.can(kind)
            && other.context.is_none_or(|context| self.longest <= context)
            && self.needs.iter().all(|need| match *need {
                "tools" => other.can(Ability::Tools),
                "images" => other.can(Ability::Images),
                "structured" => other.can(Ability::StructuredOutput),
                _ => other.can(Ability::Reasoning),
            })
    }

    /// What the calls would have cost; `None` where the price is not known.
    fn cost_at(&self, other: &Model) -> Option<u64> {
        // What one vendor had read before another has not.
        let fresh = |tokens: &Tokens| Tokens { cached: 0, cache_written: 0, ..*tokens };
        let costs: Option<Vec<NanoDollars>> = self.reckoned.iter().map(|tokens| other.cost(&fresh(tokens))).collect();
        costs.map(|costs| costs.into_iter().sum::<NanoDollars>().0)
    }
}

const fn name_of(need: Need) -> &'static str {
    match need {
        Need::Tools => "tools",
        Need::Images => "images",
        Need::Structured => "structured",
        Need::Reasoning => "reasoning",
    }
}
