//! `prompt_versions`: the history of a prompt, and what differs between two versions.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::Paging;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::learning::engine::figures::{mean, told};
use crate::domain::learning::measuring::{Figures, Of};
use crate::domain::models::reading::Span;
use crate::domain::models::{Asker, Router};
use crate::domain::prompts::engine::differences::{Line, lines};
use crate::domain::prompts::engine::version::Step;
use crate::domain::prompts::finding::{Found, LATEST};
use crate::domain::prompts::judging::{Whole, tokens};
use crate::domain::prompts::model::prompt::Move;
use crate::domain::prompts::model::revision::{Revision, Tested};
use crate::domain::prompts::uses::Uses;
use crate::domain::prompts::views::VersionView;
use crate::domain::prompts::writing::{own_name, step};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::records::{Comparison, Filter, Query, Scalar};

/// Over so long it is told what calls with a version were like.
const USED_WITHIN: Duration = Duration::from_hours(24 * 30);

/// Tells the history of a prompt.
pub(in crate::domain::prompts) struct PromptVersions;

/// Whose history, and what to compare.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Input {
    /// The prompt's id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Compares this version with `to`, line by line: `1.2.0`, `draft`, `latest` or a digest.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    from: Option<String>,
    /// With which version to compare; `latest` when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    to: Option<String>,
    /// With `from`: the model as `provider/model`, or the route, whose price tells what both texts cost to read; the default one when not
    /// said. Nothing is sent to it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
    /// Which part of the history.
    #[serde(flatten)]
    paging: Paging,
}

/// The history.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Output {
    /// The prompt's id.
    prompt_id: String,
    /// Its contents, newest first.
    items: Vec<Item>,
    /// What its labels stood for, newest first for each.
    labels: Vec<History>,
    /// What differs between the two versions that were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Difference>,
    /// Give it as `pageToken` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// A version in the history.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Item {
    /// The version.
    #[serde(flatten)]
    version: VersionView,
    /// The labels that stand for it.
    labels: Vec<String>,
    /// How often it was assembled.
    uses: u64,
    /// How its contract cases ended when they were last run.
    #[serde(skip_serializing_if = "Option::is_none")]
    tested: Option<Tested>,
}

/// The history of a label.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct History {
    /// The label.
    label: String,
    /// Its moves, newest first.
    moves: Vec<Move>,
}

/// What differs between two versions.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Difference {
    /// The earlier one.
    from: String,
    /// The later one.
    to: String,
    /// How far they are from each other.
    step: Step,
    /// What of the later one refuses what callers of the earlier one give.
    breaking: Vec<String>,
    /// The lines of the template that differ, with a few around them.
    lines: Vec<Line>,
    /// Tokens (`o200k_base`) of the earlier template.
    tokens_from: u64,
    /// Tokens of the later template.
    tokens_to: u64,
    /// How many more the later one has.
    tokens_delta: i64,
    /// What reading the templates costs a use.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Price>,
    /// What calls of models with the earlier version were like, over the last thirty days; left out where there are none, or more than can
    /// be looked through.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_from: Option<Used>,
    /// What those with the later version were like.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_to: Option<Used>,
    /// How much more a call with the later version costs at the mean, in thousand-millionths of a dollar, where both were used.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_cost_delta: Option<f64>,
}

/// What reading both templates costs, by the price of a model.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Price {
    /// The model, as `provider/model`.
    model: String,
    /// The earlier one, in thousand-millionths of a dollar a use; left out where the price is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_nano_dollars: Option<u64>,
    /// The later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_nano_dollars: Option<u64>,
    /// How much more the later one costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    delta_nano_dollars: Option<i64>,
}

/// What calls of models with a version were like.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Used {
    /// How many, those of the caller alone where the caller may not manage spending.
    calls: usize,
    /// Tokens that were read, at the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_input_tokens: Option<f64>,
    /// Tokens that were written, at the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_output_tokens: Option<f64>,
    /// What one cost at the mean, in thousand-millionths of a dollar, of those with a known price.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_cost: Option<f64>,
}

impl Capability for PromptVersions {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "prompt_versions",
        Domain::Prompts,
        Route::get("/prompts/{id}/versions"),
        Permit::on(Resource::Prompts, Action::Read),
        "The history of a prompt: each version with author, message, digest, labels and use, each move of a label; with from and to also \
         what differs between two versions: lines, tokens, cost, and whether it breaks callers.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let found = Found::load(cx, &input.id, Action::Read).await?;
        let prompt_id = found.prompt.prompt_id.clone();
        let list = format!("prompt versions {prompt_id}");
        let token = input.paging.page_token.as_deref();
        let after = token.map(|token| cx.open_page::<u32>(&list, token)).transpose()?;
        let size = input.paging.size();
        let mut revisions = revisions(cx, &found, after, size + 1).await?;
        let more = revisions.len() > size as usize;
        revisions.truncate(size as usize);
        let next_page_token = match revisions.last() {
            Some(last) if more => Some(cx.seal_page(&list, &last.revision)?),
            _ => None,
        };
        let uses = cx.service::<Uses>()?.of(cx.platform(), cx.tenant(), &prompt_id).await?;
        let labels_of = |version: &str| {
            let labels = found.prompt.labels.iter();
            let these = labels.filter(|(_, label)| label.targets.iter().any(|target| target.version == version));
            these.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        let item = |revision: &Revision| Item {
            labels: labels_of(&revision.called()),
            uses: uses.get(&revision.called()).copied().unwrap_or(0),
            tested: revision.tested.clone(),
            version: VersionView::of(revision),
        };
        let items = revisions.iter().map(item).collect();
        let history = |(name, label): (&String, &crate::domain::prompts::model::prompt::Label)| History {
            label: name.clone(),
            moves: label.moves.iter().rev().cloned().collect(),
        };
        let labels = found.prompt.labels.iter().map(history).collect();
        let difference = match &input.from {
            Some(from) => {
                Some(difference(cx, &found, from, input.to.as_deref().unwrap_or(LATEST), input.model.as_deref()).await?)
            }
            None if input.model.is_some() => {
                return Err(Fault::bad_input("/from", "is missing: a price is told of two versions"));
            }
            None if input.to.is_some() => {
                return Err(Fault::bad_input("/from", "is missing: say which version to compare with 'to'"));
            }
            None => None,
        };
        Ok(Output { prompt_id, items, labels, difference, next_page_token })
    }
}

async fn revisions(cx: &Cx, found: &Found, before: Option<u32>, limit: u32) -> Result<Vec<Revision>, Fault> {
    if found.file.is_some() {
        return Ok(vec![found.revision(cx, 1).await?]);
    }
    let of = Filter::is("promptId", Scalar::Text(found.prompt.prompt_id.clone()));
    let filter = match before {
        Some(before) => of.and(Filter::Compare("revision", Comparison::Less, Scalar::Integer(before.into()))),
        None => of,
    };
    let query = Query { filter, order: "revision", descending: true, after: None, limit };
    Ok(cx.find::<Revision>(query).await?.into_iter().map(|stored| stored.value).collect())
}

async fn difference(cx: &Cx, found: &Found, from: &str, to: &str, model: Option<&str>) -> Result<Difference, Fault> {
    let (earlier, later) = (found.version(cx, from).await?, found.version(cx, to).await?);
    let own = own_name(&found.prompt);
    let mut variables = Vec::new();
    for revision in [&earlier, &later] {
        let whole = Whole::of(cx, &revision.content, own).await?;
        variables.push(whole.map_or_else(|_| revision.content.variables.clone(), |whole| whole.variables));
    }
    let [before, after] = variables.as_slice() else { return Err(Fault::internal("two versions have two sets")) };
    let (step, breaking) = step((&earlier.content, before), (&later.content, after));
    let tokens_from = tokens(cx, &earlier.content.template).await?.tokens;
    let tokens_to = tokens(cx, &later.content.template).await?.tokens;
    let (used_from, used_to) = (used(cx, found, &earlier).await?, used(cx, found, &later).await?);
    let mean = |used: &Option<Used>| used.as_ref().and_then(|used| used.mean_cost);
    let used_cost_delta = mean(&used_from).zip(mean(&used_to)).map(|(from, to)| told(to - from));
    Ok(Difference {
        from: earlier.called(),
        to: later.called(),
        step,
        breaking,
        lines: lines(&earlier.content.template, &later.content.template),
        tokens_from,
        tokens_to,
        tokens_delta: tokens_to.cast_signed() - tokens_from.cast_signed(),
        price: price(cx, model, tokens_from, tokens_to).await?,
        used_from,
        used_to,
        used_cost_delta,
    })
}

/// What reading both costs. Without a model that can be asked there is no price, unless the caller named one.
async fn price(cx: &Cx, model: Option<&str>, from: u64, to: u64) -> Result<Option<Price>, Fault> {
    let costs = cx.service::<Router>()?.cost_of_reading(&Asker::of(cx), model, &[from, to]).await;
    let (model, costs) = match costs {
        Ok(costs) => costs,
        Err(_) if model.is_none() => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let of = |at: usize| costs.get(at).copied().flatten().map(|cost| cost.0);
    let (from, to) = (of(0), of(1));
    let delta_nano_dollars = from.zip(to).map(|(from, to)| to.cast_signed() - from.cast_signed());
    Ok(Some(Price { model, from_nano_dollars: from, to_nano_dollars: to, delta_nano_dollars }))
}

/// What calls with a version were like, for whoever may see spending.
async fn used(cx: &Cx, found: &Found, revision: &Revision) -> Result<Option<Used>, Fault> {
    if !cx.caller().may(Resource::Spending, Action::Read) {
        return Ok(None);
    }
    let to = cx.now().plus(Duration::from_millis(1));
    let version = revision.called();
    let of = Of::Prompt(&found.prompt.prompt_id, Some(&version));
    let span = Span { from: to.minus(USED_WITHIN), to };
    let Some(figures) = unless_too_many(Figures::of_calls(cx, of, span).await)? else { return Ok(None) };
    let mean = |values: &[f64]| mean(values).map(told);
    Ok((figures.calls > 0).then(|| Used {
        calls: figures.calls,
        mean_input_tokens: mean(&figures.input_tokens),
        mean_output_tokens: mean(&figures.output_tokens),
        mean_cost: mean(&figures.cost),
    }))
}

/// A version in heavy use has more calls than one question looks through: what differs is told without them.
fn unless_too_many<T>(found: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match found {
        Err(fault) if fault.is(&codes::TOO_BROAD) => Ok(None),
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_without_calls_that_are_too_many() {
        assert_eq!(unless_too_many(Ok(1)).unwrap(), Some(1));
        assert_eq!(unless_too_many::<u8>(Err(Fault::new(&codes::TOO_BROAD, "250,001 calls"))).unwrap(), None);
        assert!(unless_too_many::<u8>(Err(Fault::internal("the store is away"))).is_err());
    }
}
