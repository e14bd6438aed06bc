//! Asking a rule set: what comes out, which rules fired, and why.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::book::RuleBook;
use super::engine::prepared::{CompiledTable, Prepared};
use super::engine::proving::{result, tell, wanted};
use super::engine::running::{Asked, Looked, Made, Outcome, Stopped, evaluate};
use super::faults::{RULE_CONFLICT, RULE_EXCEEDED, RULE_UNANSWERED};
use super::finding::{load, version};
use crate::capability::cx::Cx;
use crate::capability::permit::Action;
use crate::kernel::fault::Fault;
use crate::kernel::tasks::blocking;

/// What came out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// The rule set.
    pub rule_set_id: String,
    /// The version that was asked.
    pub version: u32,
    /// The result: the decision's value, or an object of several by their names.
    pub result: Value,
    /// The decisions that were made for it, each after those that it reads.
    pub decisions: Vec<OneDecision>,
    /// Inputs that a decision reads and nobody gave: they counted as null.
    pub missing: Vec<String>,
}

/// A decision that was made.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneDecision {
    /// Its name.
    pub decision: String,
    /// What came out.
    pub value: Value,
    /// Why that is null, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_null: Option<String>,
    /// The tables that were looked into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<OneTable>,
    /// With a trace: the parts of its context.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub parts: Map<String, Value>,
}

/// A table that was looked into.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneTable {
    /// The entry of the decision's context that it is; left out where it is the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// What was tested, by the table's inputs.
    pub inputs: Map<String, Value>,
    /// The rules that fired.
    pub fired: Vec<OneFired>,
    /// With a trace: rules that did not fire, 200 at most, with the tests that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
}

/// A rule that fired.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneFired {
    /// Its place in the table, from 1.
    pub rule: usize,
    /// What is said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why it fired: each input with the test that it fits. What takes anything is left out.
    pub because: Vec<Why>,
    /// What it says, a value an output.
    pub outputs: Vec<Value>,
}

/// A rule that did not fire.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PassedOver {
    /// Its place in the table, from 1.
    pub rule: usize,
    /// The tests that did not hold.
    pub because: Vec<Why>,
}

/// A test and what it was held against.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// The table's input.
    pub input: String,
    /// Its value.
    pub value: Value,
    /// The test.
    pub test: String,
}

/// What is asked.
pub struct Question {
    /// The rule set's id or name.
    pub rule_set: String,
    /// The version; the newest where none is named.
    pub version: Option<u32>,
    /// The decision or service; those that no other decision reads where none is named.
    pub decision: Option<String>,
    /// The inputs.
    pub inputs: Map<String, Value>,
    /// Whether everything is to be told.
    pub trace: bool,
}

/// Asks a rule set that the caller may read.
///
/// # Errors
/// `not_found`; faults of what was given; `rule_conflict`, `rule_exceeded`, `rule_unanswered`.
pub async fn decide(cx: &Cx, question: Question) -> Result<Decided, Fault> {
    let set = load(cx, &question.rule_set, Action::Read).await?.value;
    let one = version(cx, &set, question.version).await?;
    let prepared = cx.service::<RuleBook>()?.prepared(&one.rules, &one.digest).await?;
    let Question { decision, inputs, trace, .. } = question;
    let (decisions, given) =
        wanted(&prepared, decision.as_deref()).map_err(|why| Fault::bad_input("/decision", why))?;
    let (known, asked) = (prepared.clone(), decisions.clone());
    let outcome = blocking(move || evaluate(&known, &Asked { decisions: asked, given, inputs: &inputs, trace })).await;
    let outcome = outcome.ok_or_else(|| Fault::internal("evaluating a rule set broke down"))?.map_err(fault)?;
    Ok(told(&prepared, &decisions, &outcome, set.rule_set_id, one.version))
}

/// Why a rule set that the caller may read would not answer such a question whatever it is given; nothing where it would.
///
/// # Errors
/// `not_found`.
pub async fn unanswered(
    cx: &Cx,
    rule_set: &str,
    decision: Option<&str>,
    wanted_version: Option<u32>,
) -> Result<Option<String>, Fault> {
    let set = load(cx, rule_set, Action::Read).await?.value;
    let one = version(cx, &set, wanted_version).await?;
    let prepared = cx.service::<RuleBook>()?.prepared(&one.rules, &one.digest).await?;
    Ok(wanted(&prepared, decision).err())
}

fn fault(stopped: Stopped) -> Fault {
    match stopped {
        Stopped::Inputs(wrong) => Fault::violations(wrong),
        Stopped::Conflict(decision, rules, why) => Fault::new(&RULE_CONFLICT, format!("in '{decision}' {why}"))
            .with_detail(json!({ "decision": decision, "rules": rules })),
        Stopped::Exceeded(decision, why) => {
            Fault::new(&RULE_EXCEEDED, format!("'{decision}': {why}")).with_detail(json!({ "decision": decision }))
        }
        Stopped::Broken(decision, why) => {
            Fault::new(&RULE_UNANSWERED, format!("'{decision}': {why}")).with_detail(json!({ "decision": decision }))
        }
    }
}

fn told(prepared: &Arc<Prepared>, asked: &[usize], outcome: &Outcome, rule_set_id: String, version: u32) -> Decided {
    let decisions = outcome.made.iter().map(|made| one_decision(prepared, made)).collect();
    let result = result(prepared, asked, outcome);
    Decided { rule_set_id, version, result, decisions, missing: outcome.missing.clone() }
}

fn one_decision(prepared: &Prepared, made: &Made) -> OneDecision {
    let name = prepared.rules.decisions[made.decision].name.clone();
    let compiled = prepared.tables_of(made.decision);
    let tables = made.tables.iter().filter_map(|(entry, looked)| {
        let (_, table) = compiled.iter().find(|(name, _)| name == entry)?;
        Some(one_table(prepared, table, entry.clone(), looked))
    });
    let parts = made.parts.iter().map(|(name, value)| (name.clone(), prepared.language.tell(value))).collect();
    OneDecision {
        value: tell(prepared, made),
        why_null: made.told.why_null.clone(),
        tables: tables.collect(),
        parts,
        decision: name,
    }
}

fn one_table(prepared: &Prepared, table: &CompiledTable, entry: Option<String>, looked: &Looked) -> OneTable {
    let values: Vec<Value> = looked.inputs.iter().map(|(_, value)| prepared.language.tell(value)).collect();
    let why = |rule: usize, which: &dyn Fn(usize, &str) -> bool| {
        let tests = table.when.get(rule - 1).into_iter().flatten().enumerate();
        tests
            .filter(|(at, test)| which(*at, test))
            .filter_map(|(at, test)| {
                let input = table.inputs.get(at)?.label.clone();
                Some(Why { input, value: values.get(at)?.clone(), test: test.clone() })
            })
            .collect::<Vec<_>>()
    };
    let fired = looked.fired.iter().map(|fired| OneFired {
        rule: fired.rule,
        note: table.notes.get(fired.rule - 1).cloned().flatten(),
        because: why(fired.rule, &|_, test| test.trim() != "-"),
        outputs: fired.outputs.iter().map(|value| prepared.language.tell(value)).collect(),
    });
    let passed_over = looked.passed_over.iter().map(|(rule, tested)| PassedOver {
        rule: *rule,
        because: why(*rule, &|at, _| tested.get(at) != Some(&Some(true))),
    });
    let inputs = table.inputs.iter().map(|input| input.label.clone()).zip(values.iter().cloned()).collect();
    OneTable { entry, inputs, fired: fired.collect(), passed_over: passed_over.collect() }
}
