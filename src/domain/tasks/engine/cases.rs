//! Past cases: tasks that are alike and were decided, as far as the caller may see them, and what they come to in figures.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::capability::cx::Cx;
use crate::capability::owned::{Stored, visible_to};
use crate::domain::tasks::model::task::{Status, Task};
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Query, Scalar};

/// So many are looked at, the newest first.
const MOST_CASES: u32 = 300;
/// Fewer say nothing.
pub(in crate::domain::tasks) const FEWEST: usize = 5;

/// The past cases of a task, the newest first.
pub(in crate::domain::tasks) async fn like(cx: &Cx, stored: &Stored<Task>) -> Result<Vec<Stored<Task>>, Fault> {
    let text = |text: &str| Scalar::Text(text.to_owned());
    let alike =
        Filter::is("alike", text(&stored.value.alike)).and(Filter::is("status", text(Status::Completed.name())));
    let query = Query::newest(visible_to::<Task>(cx.caller()).and(alike), MOST_CASES);
    let mut found = cx.find::<Task>(query).await?;
    // One that ended by its chain was decided by nobody.
    found.retain(|one| one.id != stored.id && !one.value.answers.is_empty());
    Ok(found)
}

/// An outcome among past cases.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the name of the contract")]
pub(in crate::domain::tasks) struct Share {
    /// The outcome.
    pub(in crate::domain::tasks) outcome: String,
    /// How many cases ended so.
    pub(in crate::domain::tasks) count: usize,
    /// Which share of all, from 0 to 1.
    pub(in crate::domain::tasks) share: f64,
}

/// How often each outcome was, the most frequent first.
#[expect(clippy::cast_precision_loss, reason = "some hundred cases")]
pub(in crate::domain::tasks) fn shares(cases: &[Stored<Task>]) -> Vec<Share> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in cases.iter().filter_map(|case| case.value.outcome.as_deref()) {
        *counts.entry(outcome).or_default() += 1;
    }
    let all = counts.values().sum::<usize>().max(1) as f64;
    let share =
        |(outcome, count): (&str, usize)| Share { outcome: outcome.to_owned(), count, share: count as f64 / all };
    let mut shares: Vec<Share> = counts.into_iter().map(share).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.count));
    shares
}

/// What was usually filled in, in how many of how many cases.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::domain::tasks) struct Usual {
    pub(in crate::domain::tasks) value: Value,
    pub(in crate::domain::tasks) count: usize,
    pub(in crate::domain::tasks) of: usize,
    pub(in crate::domain::tasks) median: bool,
}

/// What a field usually is: the median of numbers, else the most frequent value where it is frequent enough to be usual.
pub(in crate::domain::tasks) fn usual(cases: &[Stored<Task>], field: &str) -> Option<Usual> {
    let values: Vec<&Value> = cases
        .iter()
        .filter_map(|case| case.value.response.as_ref()?.get(field))
        .filter(|value| !value.is_null())
        .collect();
    if values.len() < FEWEST {
        return None;
    }
    let of = values.len();
    if values.iter().all(|value| value.is_number()) {
        let mut sorted = values.clone();
        sorted.sort_by(|one, other| one.as_f64().unwrap_or(0.0).total_cmp(&other.as_f64().unwrap_or(0.0)));
        // The lower of two in the middle: a value that somebody gave.
        let value = sorted.get((of - 1) / 2).map(|value| (*value).clone())?;
        return Some(Usual { value, count: of, of, median: true });
    }
    let mut counts: BTreeMap<String, (usize, &Value)> = BTreeMap::new();
    for value in values.iter().copied() {
        counts.entry(value.to_string()).or_insert((0, value)).0 += 1;
    }
    let (count, value) = counts.into_values().max_by_key(|(count, _)| *count)?;
    // What every second one said otherwise is not usual.
    (count * 2 > of).then(|| Usual { value: value.clone(), count, of, median: false })
}

/// The numbers that past cases had of a name, in what was filled in or shown.
pub(in crate::domain::tasks) fn numbers(cases: &[Stored<Task>], name: &str) -> Vec<f64> {
    let of = |map: &Map<String, Value>| map.get(name).and_then(number);
    let mut all: Vec<f64> = cases
        .iter()
        .filter_map(|case| of(&case.value.data).or_else(|| case.value.response.as_ref().and_then(of)))
        .collect();
    all.sort_by(f64::total_cmp);
    all
}

/// A number, also one in a text such as `EUR 120.00`.
pub(in crate::domain::tasks) fn number(value: &Value) -> Option<f64> {
    if let Some(number) = value.as_f64() {
        return Some(number);
    }
    let text = value.as_str()?;
    let read = |part: &str| part.replace(',', "").trim_matches(['€', '$', '£', '%']).parse::<f64>().ok();
    let mut parts = text.split_whitespace().filter_map(read).filter(|number| number.is_finite());
    let first = parts.next()?;
    // Two numbers are no amount.
    parts.next().is_none().then_some(first)
}

/// How long cases took from their making to their end, in the middle, in hours.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of some years")]
pub(in crate::domain::tasks) fn hours(cases: &[Stored<Task>]) -> Option<f64> {
    let took = |case: &Stored<Task>| Some(case.value.ended_at?.since(case.created_at).as_millis() as f64 / 3_600_000.0);
    let mut all: Vec<f64> = cases.iter().filter_map(took).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len().checked_sub(1)? / 2).map(|hours| (hours * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_out_of_texts_and_not_guessed() {
        assert_eq!(number(&json!(5)), Some(5.0));
        assert_eq!(number(&json!("EUR 1,120.50")), Some(1120.5));
        assert_eq!(number(&json!("5%")), Some(5.0));
        assert_eq!(number(&json!("5 of 7")), None);
        assert_eq!(number(&json!("soon")), None);
    }
}
