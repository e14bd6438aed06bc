//! Running the tests of a rule set.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::prepared::Prepared;
use super::running::{Asked, Outcome, Stopped, evaluate};
use crate::domain::rules::content::TestCase;

/// A test that did not hold.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// Its name.
    pub test: String,
    /// What was to come out.
    pub expected: Map<String, Value>,
    /// What came out, where something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<Map<String, Value>>,
    /// Why, where nothing came out or it is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a name asks for: the decisions wanted, and those that are given. Without a name: the decisions that no other reads.
///
/// # Errors
/// Where there is no decision or service of the name.
pub fn wanted(prepared: &Prepared, name: Option<&str>) -> Result<(Vec<usize>, Vec<usize>), String> {
    let Some(name) = name else { return Ok((prepared.last(), Vec::new())) };
    if let Some(at) = prepared.decision(name) {
        return Ok((vec![at], Vec::new()));
    }
    let service = prepared.rules.services.iter().find(|service| service.name == name);
    let Some(service) = service else {
        let decisions = prepared.rules.decisions.iter().map(|one| one.name.as_str());
        let all: Vec<&str> = decisions.chain(prepared.rules.services.iter().map(|one| one.name.as_str())).collect();
        return Err(format!("there is no decision or service '{name}'; there are: {}", all.join(", ")));
    };
    let places = |names: &[String]| names.iter().filter_map(|name| prepared.decision(name)).collect();
    Ok((places(&service.decisions), places(&service.given)))
}

/// The result of what was asked for: a value where it is one decision, else an object by their names.
#[must_use]
pub fn result(prepared: &Prepared, decisions: &[usize], outcome: &Outcome) -> Value {
    let of = |at: usize| {
        let made = outcome.made.iter().find(|made| made.decision == at);
        made.map_or(Value::Null, |made| tell(prepared, made))
    };
    match decisions {
        [one] => of(*one),
        several => {
            let named = several.iter().map(|at| (prepared.rules.decisions[*at].name.clone(), of(*at)));
            Value::Object(named.collect::<Map<_, _>>())
        }
    }
}

/// The value of a decision.
#[must_use]
pub fn tell(prepared: &Prepared, made: &super::running::Made) -> Value {
    if made.told.why_null.is_some() { Value::Null } else { prepared.language.tell(&made.told.value) }
}

/// Runs the tests.
#[must_use]
pub fn failures(prepared: &Arc<Prepared>) -> Vec<Failed> {
    prepared.rules.tests.iter().filter_map(|test| failure(prepared, test)).collect()
}

fn failure(prepared: &Arc<Prepared>, test: &TestCase) -> Option<Failed> {
    let failed = |actual: Option<Map<String, Value>>, why: Option<String>| {
        Some(Failed { test: test.name.clone(), expected: test.expect.clone(), actual, why })
    };
    let given = match test.service.as_deref().map(|name| wanted(prepared, Some(name))) {
        Some(Ok((_, given))) => given,
        Some(Err(why)) => return failed(None, Some(why)),
        None => Vec::new(),
    };
    let decisions: Vec<usize> = test.expect.keys().filter_map(|name| prepared.decision(name)).collect();
    let asked = Asked { decisions, given, inputs: &test.inputs, trace: false };
    match evaluate(prepared, &asked) {
        Ok(outcome) => {
            let of = |name: &String| {
                let at = prepared.decision(name);
                let made = outcome.made.iter().find(|made| Some(made.decision) == at);
                made.map_or(Value::Null, |made| tell(prepared, made))
            };
            let actual: Map<String, Value> = test.expect.keys().map(|name| (name.clone(), of(name))).collect();
            if test.expect.iter().all(|(name, value)| actual.get(name).is_some_and(|actual| same(actual, value))) {
                return None;
            }
            let why = outcome.made.iter().find_map(|made| made.told.why_null.clone());
            failed(Some(actual), why)
        }
        Err(Stopped::Inputs(wrong)) => {
            let all: Vec<String> = wrong.iter().map(|one| format!("{} {}", one.pointer, one.message)).collect();
            failed(None, Some(all.join("; ")))
        }
        Err(
            Stopped::Conflict(decision, _, why) | Stopped::Exceeded(decision, why) | Stopped::Broken(decision, why),
        ) => failed(None, Some(format!("{decision}: {why}"))),
    }
}

/// Whether two values are the same, numbers by what they are and not by how they are written.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        (one, other) => one == other,
    }
}
