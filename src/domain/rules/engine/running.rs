//! Evaluating a compiled rule set: the decisions that were asked for and those that they read, each once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::prepared::{CompiledLogic, CompiledTable, Prepared, Requirements};
use super::tables::{Fired, Tested, table};
use crate::kernel::fault::Violation;
use crate::port::expressions::{Answer, Datum, ExpressionFault, Kind, Limits, Scope};

/// So long an evaluation may take.
const TIME: Duration = Duration::from_secs(2);
/// What it may take.
const LIMITS: Limits = Limits { steps: 5_000_000, value: 100_000, time: TIME };

/// Why there is no result.
#[derive(Debug, Clone, PartialEq)]
pub enum Stopped {
    /// What was given does not fit.
    Inputs(Vec<Violation>),
    /// Rules contradict each other where the hit policy does not allow it: the decision, the rules from 1, and why.
    Conflict(String, Vec<usize>, String),
    /// An expression takes more than it may: the decision, and of what.
    Exceeded(String, String),
    /// It cannot be evaluated: the decision, and why.
    Broken(String, String),
}

/// A value with why it is null.
pub struct Told {
    /// The value.
    pub value: Datum,
    /// Why it is null, where that is known.
    pub why_null: Option<String>,
}

impl From<Answer> for Told {
    fn from(answer: Answer) -> Self {
        Self { value: answer.value, why_null: answer.why_null }
    }
}

/// A decision that was made.
pub struct Made {
    /// Its place in the rule set.
    pub decision: usize,
    /// What came out.
    pub told: Told,
    /// The tables that were looked into for it, by the entry of its context that they are.
    pub tables: Vec<(Option<String>, Looked)>,
    /// The parts of its context, where it is one and a trace is wanted.
    pub parts: Vec<(String, Datum)>,
}

/// A table that was looked into.
#[derive(Default)]
pub struct Looked {
    /// What was tested.
    pub inputs: Vec<(String, Datum)>,
    /// The rules that fired.
    pub fired: Vec<Fired>,
    /// Those that did not, with where each failed, where a trace is wanted.
    pub passed_over: Vec<(usize, Tested)>,
}

/// What came out of an evaluation.
pub struct Outcome {
    /// The decisions that were made, each after those that it reads.
    pub made: Vec<Made>,
    /// Inputs that a decision reads and nobody gave.
    pub missing: Vec<String>,
}

/// What is to be evaluated.
pub struct Asked<'a> {
    /// The decisions whose results are wanted.
    pub decisions: Vec<usize>,
    /// Decisions that are given with the inputs.
    pub given: Vec<usize>,
    /// The inputs.
    pub inputs: &'a Map<String, Value>,
    /// Whether everything is to be told.
    pub trace: bool,
}

/// Evaluates decisions.
///
/// # Errors
/// Where what is given does not fit, rules contradict each other, or an expression cannot be evaluated.
pub fn evaluate(prepared: &Arc<Prepared>, asked: &Asked<'_>) -> Result<Outcome, Stopped> {
    let until = Instant::now() + TIME;
    let (inputs, mut results) = given(prepared, asked)?;
    let mut needed = vec![false; prepared.decisions.len()];
    let mut open = asked.decisions.clone();
    while let Some(at) = open.pop() {
        if !results.contains_key(&at) && !std::mem::replace(&mut needed[at], true) {
            open.extend(&prepared.decisions[at].reads.decisions);
        }
    }
    let mut made = Vec::new();
    let mut missing = Vec::new();
    for at in prepared.order.iter().copied().filter(|at| needed[*at]) {
        let decision = &prepared.decisions[at];
        let name = &prepared.rules.decisions[at].name;
        let mut scope = prepared.language.scope(limits(until));
        functions(prepared, &decision.reads, &mut *scope);
        for read in &decision.reads.inputs {
            match inputs.get(read) {
                Some(value) => scope.set(&prepared.rules.inputs[*read].name, value),
                None => missing.push(*read),
            }
        }
        for read in &decision.reads.decisions {
            if let Some(value) = results.get(read) {
                scope.set(&prepared.rules.decisions[*read].name, value);
            }
        }
        let mut one = Made { decision: at, told: nothing(prepared), tables: Vec::new(), parts: Vec::new() };
        let running = Running { prepared, name, trace: asked.trace };
        one.told = running.logic(&mut *scope, &decision.logic, &mut one)?;
        results.insert(at, one.told.value.clone());
        made.push(one);
    }
    missing.sort_unstable();
    missing.dedup();
    let missing = missing.into_iter().map(|at| prepared.rules.inputs[at].name.clone()).collect();
    Ok(Outcome { made, missing })
}

fn limits(until: Instant) -> Limits {
    Limits { time: until.saturating_duration_since(Instant::now()), ..LIMITS }
}

/// What a decision has before it was made.
fn nothing(prepared: &Prepared) -> Told {
    Told { value: prepared.language.null(), why_null: None }
}

type Given = (BTreeMap<usize, Datum>, BTreeMap<usize, Datum>);

/// What was given, as values: inputs, and decisions that are not to be made.
fn given(prepared: &Arc<Prepared>, asked: &Asked<'_>) -> Result<Given, Stopped> {
    let rules = &prepared.rules;
    let (mut inputs, mut results) = (BTreeMap::new(), BTreeMap::new());
    let mut wrong = Vec::new();
    let scope = prepared.language.scope(LIMITS);
    for (name, json) in asked.inputs {
        let pointer = format!("/inputs/{}", name.replace('~', "~0").replace('/', "~1"));
        let Some(at) = rules.inputs.iter().position(|input| &input.name == name) else {
            let Some(at) = prepared.decision(name).filter(|at| asked.given.contains(at)) else {
                let names: Vec<&str> = rules.inputs.iter().map(|input| input.name.as_str()).take(30).collect();
                let message = format!("there is no input '{name}'; there are: {}", names.join(", "));
                wrong.push(Violation { pointer, message });
                continue;
            };
            match prepared.language.read(json, &Kind::Any) {
                Ok(value) => drop(results.insert(at, value)),
                Err((below, message)) => wrong.push(Violation { pointer: pointer + &below, message }),
            }
            continue;
        };
        let value = match prepared.language.read(json, &prepared.kinds[at]) {
            Ok(value) => value,
            Err((below, message)) => {
                wrong.push(Violation { pointer: pointer + &below, message });
                continue;
            }
        };
        if let (Some(allowed), false) = (&prepared.allowed[at], json.is_null()) {
            let holds = scope.holds(&**allowed, &value).map_err(|fault| stopped(name, &fault))?;
            if holds != Some(true) {
                wrong.push(Violation { pointer, message: format!("is not among what it may be: {}", allowed.text()) });
                continue;
            }
        }
        inputs.insert(at, value);
    }
    if wrong.is_empty() { Ok((inputs, results)) } else { Err(Stopped::Inputs(wrong)) }
}

/// Gives a scope the functions that are read.
fn functions(prepared: &Arc<Prepared>, reads: &Requirements, scope: &mut dyn Scope) {
    for at in reads.functions.iter().copied() {
        let function = &prepared.functions[at];
        let known = prepared.clone();
        let body = Arc::new(move |given: Vec<Datum>| called(&known, at, &given));
        scope.set(&prepared.rules.functions[at].name, &prepared.language.function(&function.parameters, body));
    }
}

/// What a function does when an expression calls it. What it takes is counted by the expression.
fn called(prepared: &Arc<Prepared>, at: usize, given: &[Datum]) -> Result<Datum, String> {
    let function = &prepared.functions[at];
    let name = &prepared.rules.functions[at].name;
    let mut scope = prepared.language.scope(LIMITS);
    functions(prepared, &function.reads, &mut *scope);
    for ((parameter, _), value) in function.parameters.iter().zip(given) {
        scope.set(parameter, value);
    }
    let mut one = Made { decision: 0, told: nothing(prepared), tables: Vec::new(), parts: Vec::new() };
    let told =
        Running { prepared, name, trace: false }.logic(&mut *scope, &function.logic, &mut one).map_err(|stopped| {
            match stopped {
                Stopped::Conflict(_, _, why) | Stopped::Exceeded(_, why) | Stopped::Broken(_, why) => why,
                Stopped::Inputs(_) => "it cannot be called with this".to_owned(),
            }
        })?;
    match told.why_null {
        Some(why) => Err(why),
        None => Ok(told.value),
    }
}

/// Why an expression of a decision gave nothing.
pub(super) fn stopped(decision: &str, fault: &ExpressionFault) -> Stopped {
    match fault {
        ExpressionFault::Exceeded(_) => Stopped::Exceeded(decision.to_owned(), fault.to_string()),
        ExpressionFault::Broken(_) | ExpressionFault::Invalid { .. } => {
            Stopped::Broken(decision.to_owned(), fault.to_string())
        }
    }
}

/// A decision or function that is evaluated.
pub(super) struct Running<'a> {
    pub(super) prepared: &'a Arc<Prepared>,
    pub(super) name: &'a str,
    pub(super) trace: bool,
}

impl Running<'_> {
    fn logic(&self, scope: &mut dyn Scope, logic: &CompiledLogic, made: &mut Made) -> Result<Told, Stopped> {
        let language = &self.prepared.language;
        let fault = |fault: ExpressionFault| stopped(self.name, &fault);
        match logic {
            CompiledLogic::Expression(expression) => scope.evaluate(&**expression).map(Told::from).map_err(fault),
            CompiledLogic::Table(one) => self.look(scope, one, None, made),
            CompiledLogic::List(items) => {
                let values = items.iter().map(|item| scope.evaluate(&**item).map(|answer| answer.value));
                let values = values.collect::<Result<Vec<_>, _>>().map_err(fault)?;
                Ok(Told { value: language.list(values), why_null: None })
            }
            CompiledLogic::Relation(columns, rows) => {
                let mut values = Vec::with_capacity(rows.len());
                for row in rows {
                    let cells = row.iter().map(|cell| scope.evaluate(&**cell).map(|answer| answer.value));
                    let cells = cells.collect::<Result<Vec<_>, _>>().map_err(fault)?;
                    values.push(language.context(columns.iter().cloned().zip(cells).collect()));
                }
                Ok(Told { value: language.list(values), why_null: None })
            }
            CompiledLogic::Context(entries) => {
                let mut fields = Vec::new();
                for (name, logic) in entries {
                    let told = match logic {
                        CompiledLogic::Table(one) => self.look(scope, one, name.clone(), made)?,
                        other => self.logic(scope, other, made)?,
                    };
                    let Some(name) = name else {
                        made.parts = fields;
                        return Ok(told);
                    };
                    scope.set(name, &told.value);
                    fields.push((name.clone(), told.value));
                }
                let value = language.context(fields.clone());
                made.parts = fields;
                Ok(Told { value, why_null: None })
            }
        }
    }

    fn look(
        &self,
        scope: &mut dyn Scope,
        one: &CompiledTable,
        entry: Option<String>,
        made: &mut Made,
    ) -> Result<Told, Stopped> {
        let mut looked = Looked::default();
        let told = table(self, scope, one, &mut looked)?;
        made.tables.push((entry, looked));
        Ok(told)
    }
}
