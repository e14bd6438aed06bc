//! Looking at the tables of a rule set as a whole: overlaps and gaps, by example.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::prepared::{CompiledTable, Prepared};
use crate::domain::rules::content::HitPolicy;
use crate::port::expressions::{Column, Found};

/// So many examples are told of a table.
const MOST_TOLD: usize = 10;
/// Tables with more rules are not looked at: each is held against each.
const MOST_RULES: usize = 2_500;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Two rules fire for the same inputs.
    Overlap,
    /// No rule fires for some inputs.
    Gap,
    /// It cannot be told whether there are any.
    Unknown,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The decision or function whose table it is, and the entry of its context after a `/`.
    pub table: String,
    /// What it is about.
    pub kind: Kind,
    /// The rules, from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<usize>,
    /// Inputs for which it shows, by the table's inputs; those that are left out may be anything.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub example: Map<String, Value>,
    /// The same in a sentence.
    pub say: String,
}

/// Looks at all tables, once.
#[must_use]
pub fn findings(prepared: &Prepared) -> Vec<Finding> {
    let look = || prepared.tables().into_iter().flat_map(|(name, table)| of(&name, table)).collect();
    prepared.looked.get_or_init(look).clone()
}

fn of(name: &str, table: &CompiledTable) -> Vec<Finding> {
    if table.then.is_empty() || table.inputs.is_empty() {
        return Vec::new();
    }
    let unknown = |say: &str| Finding {
        table: name.to_owned(),
        kind: Kind::Unknown,
        rules: Vec::new(),
        example: Map::new(),
        say: say.to_owned(),
    };
    if table.then.len() > MOST_RULES {
        return vec![unknown("the table has too many rules to look for overlaps and gaps")];
    }
    let columns: Vec<Column> =
        table.inputs.iter().map(|input| Column { kind: input.kind.clone(), allowed: input.allowed.clone() }).collect();
    let coverage = table.rows.coverage(&columns, MOST_TOLD);
    let mut found = Vec::new();
    let example = |values: &[Option<Value>]| {
        let labels = table.inputs.iter().map(|input| input.label.clone());
        labels.zip(values).filter_map(|(label, value)| Some((label, value.clone()?))).collect::<Map<_, _>>()
    };
    // Where several may fire, that they do is no finding.
    let matters = |one: usize, other: usize| match table.policy {
        HitPolicy::Unique => true,
        HitPolicy::Any => said(table, one) != said(table, other),
        _ => false,
    };
    for (one, other, values) in &coverage.overlaps {
        if matters(*one, *other) {
            let example = example(values);
            let say = format!("rules {} and {} both fire for {}", one + 1, other + 1, shown(&example));
            found.push(Finding {
                table: name.to_owned(),
                kind: Kind::Overlap,
                rules: vec![one + 1, other + 1],
                example,
                say,
            });
        }
    }
    let demands = matches!(table.policy, HitPolicy::Unique | HitPolicy::Any);
    if demands && coverage.overlapping == Found::Unknown {
        found.push(unknown("it cannot be told whether rules overlap: there are tests that depend on other values"));
    }
    let has_default = table.outputs.iter().any(|output| output.default.is_some());
    if !has_default {
        for values in &coverage.gaps {
            let example = example(values);
            let say = format!("no rule fires for {}", shown(&example));
            found.push(Finding { table: name.to_owned(), kind: Kind::Gap, rules: Vec::new(), example, say });
        }
        if coverage.lacking == Found::Unknown {
            found.push(unknown("it cannot be told whether there are inputs without a rule: there are tests that depend on other values"));
        }
    }
    found
}

fn said(table: &CompiledTable, rule: usize) -> Vec<&str> {
    table.then.get(rule).into_iter().flatten().map(|expression| expression.text()).collect()
}

fn shown(example: &Map<String, Value>) -> String {
    if example.is_empty() {
        return "any inputs".to_owned();
    }
    let all: Vec<String> = example.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    all.join(", ")
}
