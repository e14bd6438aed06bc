//! Working out expressions over what the execution knows.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::play::Play;
use super::state::Failure;
use crate::domain::processes::engine::definition::{condition_of, expression_of};
use crate::domain::processes::engine::durations::read_duration;
use crate::kernel::time::Timestamp;
use crate::port::expressions::{Form, Limits, Names};

/// The code of an expression that has no value.
pub(super) const EXPRESSION_FAILED: &str = "expression_failed";

/// What the execution itself is called in expressions.
const EXECUTION: &str = "execution";

/// So long the expressions may take that are worked out between two waits.
pub const LONGEST: Duration = Duration::from_secs(30);

/// Names that are known besides the variables.
pub(super) type More<'m> = &'m [(&'m str, &'m Value)];

impl Play<'_> {
    /// The value of an expression.
    pub(super) fn value(&self, text: &str, more: More<'_>) -> Result<Value, Failure> {
        let variables = self.graph.definition.variables.keys().map(String::as_str);
        let names = Names::of(variables.chain([EXECUTION]).chain(more.iter().map(|(name, _)| *name)));
        let failed = |why: String| Failure::new(EXPRESSION_FAILED, format!("'{text}': {why}"));
        if self.spent.get() > LONGEST {
            return Err(failed(format!("the expressions of one step take more than {LONGEST:?}")));
        }
        let began = Instant::now();
        let compiled =
            self.language.compile(text, Form::Expression, &names).map_err(|fault| failed(fault.to_string()))?;
        // Only what it reads: the variables may be large, and a list's items are worked out one by one.
        let read =
            compiled.variables().iter().filter_map(|read| Some((read.name.clone(), self.named(&read.name, more)?)));
        let value = self.language.evaluate(&*compiled, &read.collect(), Limits::default());
        self.spent.set(self.spent.get() + began.elapsed());
        value.map_err(|fault| failed(fault.to_string()))
    }

    /// What a name stands for in an expression.
    fn named(&self, name: &str, more: More<'_>) -> Option<Value> {
        if let Some((_, value)) = more.iter().rev().find(|(one, _)| *one == name) {
            return Some((*value).clone());
        }
        if name == EXECUTION { Some(self.facts.told()) } else { self.state.variables.get(name).cloned() }
    }

    /// A value in which every text that begins with `=` is worked out.
    pub(super) fn worked(&self, value: &Value, more: More<'_>) -> Result<Value, Failure> {
        Ok(match value {
            Value::String(text) => match expression_of(text) {
                Some(text) => self.value(text, more)?,
                None => value.clone(),
            },
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.worked(item, more)).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => Value::Object(self.worked_out(members, more)?),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    /// The same for a map.
    pub(super) fn worked_out(&self, map: &Map<String, Value>, more: More<'_>) -> Result<Map<String, Value>, Failure> {
        map.iter().map(|(name, value)| Ok((name.clone(), self.worked(value, more)?))).collect()
    }

    /// Whether a condition holds. What is neither true nor false does not.
    pub(super) fn holds(&self, text: &str, more: More<'_>) -> Result<bool, Failure> {
        self.value(condition_of(text), more).map(|value| value == Value::Bool(true))
    }

    /// The moment after a span, which is written as a duration or as an expression that gives one.
    pub(super) fn after(&self, text: &str, more: More<'_>) -> Result<Timestamp, Failure> {
        let value = self.worked(&json!(text), more)?;
        let span = value.as_str().and_then(read_duration);
        span.map(|span| self.now.plus(span)).ok_or_else(|| {
            Failure::new(EXPRESSION_FAILED, format!("'{text}' gives {value}, which is no duration such as PT5M"))
        })
    }

    /// The moment that a text, or an expression, names.
    pub(super) fn moment(&self, text: &str) -> Result<Timestamp, Failure> {
        let value = self.worked(&json!(text), &[])?;
        value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
            Failure::new(
                EXPRESSION_FAILED,
                format!("'{text}' gives {value}, which is no time such as 2026-12-01T09:00:00Z"),
            )
        })
    }

    /// Keeps what a node brought in the variables that it names.
    pub(super) fn keep(&mut self, node: &str, token: u64, result: &Value) -> Result<(), Failure> {
        let Some(index) = self.graph.find(node) else { return Ok(()) };
        let output = &self.graph.node(index).output;
        if output.is_empty() {
            return Ok(());
        }
        let values = self.worked_out(output, &[("result", result)])?;
        for (name, value) in &values {
            self.fits(name, value)?;
        }
        self.set(node, token, values);
        Ok(())
    }

    /// Whether a variable may have a value.
    pub(super) fn fits(&self, name: &str, value: &Value) -> Result<(), Failure> {
        let Some(variable) = self.graph.definition.variables.get(name) else {
            return Err(Failure::new("unknown_variable", format!("the process has no variable '{name}'")));
        };
        if variable.schema.is_empty() {
            return Ok(());
        }
        let schema = Value::Object(variable.schema.clone());
        match jsonschema::validator_for(&schema)
            .map(|validator| validator.validate(value).map_err(|error| error.to_string()))
        {
            Ok(Ok(())) | Err(_) => Ok(()),
            Ok(Err(error)) => Err(Failure::new("variable_unfit", format!("'{name}' cannot be {value}: {error}"))),
        }
    }
}
