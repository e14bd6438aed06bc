//! # Bounds of an evaluation
//!
//! Not part of the published crate: see the README. An evaluation that was started by [within] counts its steps, the sizes of the
//! values that it makes, the stack that it stands on and the time. When one of them is spent, everything that is still to be
//! evaluated is `null` at once, every loop ends, and the caller of [within] is told what was spent instead of a value.

use dsntk_feel::bif::Bif;
use dsntk_feel::context::FeelContext;
use dsntk_feel::values::Value;
use dsntk_feel::{Evaluator, FeelScope, Name};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Instant;

/// What an evaluation may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
  /// Steps: evaluated nodes, passes of loops, and four for each part of a value that is made.
  pub steps: u64,
  /// Parts of one value: items, entries, sixteen bytes of a text.
  pub value: u64,
  /// Bytes of stack.
  pub stack: usize,
  /// The time at which it must have ended.
  pub deadline: Option<Instant>,
}

/// What was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
  /// Steps.
  Steps,
  /// The parts of one value.
  Value,
  /// How deep values may nest.
  Depth,
  /// The stack.
  Stack,
  /// The time.
  Time,
}

/// Values may nest so deep.
const DEEPEST: u32 = 128;
/// After so many steps the clock is asked.
const STEPS_A_LOOK: u32 = 128;
/// A pattern is compiled at each call; so many steps are what that may take at most.
const STEPS_A_PATTERN: u64 = 5_000;

struct State {
  active: Cell<bool>,
  steps: Cell<u64>,
  value: Cell<u64>,
  base: Cell<usize>,
  stack: Cell<usize>,
  deadline: Cell<Option<Instant>>,
  look: Cell<u32>,
  exceeded: Cell<Option<Exceeded>>,
}

thread_local! {
  static STATE: State = const {
    State {
      active: Cell::new(false),
      steps: Cell::new(0),
      value: Cell::new(0),
      base: Cell::new(0),
      stack: Cell::new(0),
      deadline: Cell::new(None),
      look: Cell::new(0),
      exceeded: Cell::new(None),
    }
  };
}

/// Ends the bounds, also where the evaluation panics.
struct Ends;

impl Drop for Ends {
  fn drop(&mut self) {
    STATE.with(|state| state.active.set(false));
  }
}

/// Where the stack stands.
#[inline(never)]
fn here() -> usize {
  let mark = 0u8;
  std::ptr::from_ref(&mark) as usize
}

/// Evaluates within bounds, and says how many steps are left. Within itself it bounds nothing anew.
pub fn within<T>(bounds: Bounds, evaluate: impl FnOnce() -> T) -> (Result<T, Exceeded>, u64) {
  if is_active() {
    let value = evaluate();
    return (STATE.with(|state| state.exceeded.get()).map_or(Ok(value), Err), bounds.steps);
  }
  STATE.with(|state| {
    state.active.set(true);
    state.steps.set(bounds.steps);
    state.value.set(bounds.value);
    state.base.set(here());
    state.stack.set(bounds.stack);
    state.deadline.set(bounds.deadline);
    state.look.set(STEPS_A_LOOK);
    state.exceeded.set(None);
  });
  let ends = Ends;
  let value = evaluate();
  drop(ends);
  STATE.with(|state| (state.exceeded.get().map_or(Ok(value), Err), state.steps.get()))
}

/// Whether an evaluation within bounds is under way on this thread.
pub fn is_active() -> bool {
  STATE.with(|state| state.active.get())
}

/// Whether everything that is still to be evaluated is in vain.
pub fn spent() -> bool {
  STATE.with(|state| state.active.get() && state.exceeded.get().is_some())
}

/// Takes steps; `false` where there are none left.
pub fn charge(steps: u64) -> bool {
  STATE.with(|state| !state.active.get() || take(state, steps))
}

fn take(state: &State, steps: u64) -> bool {
  if state.exceeded.get().is_some() {
    return false;
  }
  let left = state.steps.get();
  if left < steps {
    state.exceeded.set(Some(Exceeded::Steps));
    return false;
  }
  state.steps.set(left - steps);
  let look = state.look.get();
  if look == 0 || steps > 1_000 {
    state.look.set(STEPS_A_LOOK);
    if state.deadline.get().is_some_and(|deadline| Instant::now() >= deadline) {
      state.exceeded.set(Some(Exceeded::Time));
      return false;
    }
  } else {
    state.look.set(look - 1);
  }
  true
}

/// Takes what copying a value costs.
pub fn charge_value(value: &Value) -> bool {
  STATE.with(|state| {
    if !state.active.get() {
      return true;
    }
    let most = state.value.get();
    let mut left = most;
    match weigh(value, &mut left, 0) {
      Ok(()) => take(state, (most - left) * 4),
      Err(exceeded) => {
        state.exceeded.set(Some(state.exceeded.get().unwrap_or(exceeded)));
        false
      }
    }
  })
}

/// An evaluator that takes a step each time, and looks at what it made.
pub fn bounded(evaluator: Evaluator) -> Evaluator {
  Box::new(move |scope: &FeelScope| {
    let enters = STATE.with(|state| {
      if !state.active.get() {
        return true;
      }
      if state.base.get().abs_diff(here()) > state.stack.get() {
        state.exceeded.set(Some(state.exceeded.get().unwrap_or(Exceeded::Stack)));
      }
      take(state, 1)
    });
    if !enters {
      return Value::Null(None);
    }
    let value = evaluator(scope);
    if let Value::Number(number) = &value
      && !(*number - *number).is_zero()
    {
      // infinite, which cannot be written
      return Value::Null(Some("the number is too large".to_string()));
    }
    if charge_value(&value) { value } else { Value::Null(None) }
  })
}

/// Takes what a function may cost beyond reading what it is given.
pub fn charge_function(bif: &Bif, given: &[&Value]) -> bool {
  STATE.with(|state| {
    if !state.active.get() {
      return true;
    }
    let most = state.value.get();
    let sizes: Vec<u64> = given
      .iter()
      .map(|value| {
        let mut left = most;
        // What is too large was said when it was made.
        let _ = weigh(value, &mut left, 0);
        most - left
      })
      .collect();
    let all = sizes.iter().sum::<u64>();
    let first = sizes.first().copied().unwrap_or(0);
    let others = all - first;
    let steps = match bif {
      // Each item is held against each.
      Bif::DistinctValues | Bif::Union | Bif::Mode | Bif::IndexOf | Bif::ListReplace => all + all * all / 16,
      Bif::Sort | Bif::Median => all * 16,
      // What stands in place of a match may name the match again and again.
      Bif::Replace => STEPS_A_PATTERN + all + (first + 1) * (others + 1) * 16,
      Bif::Matches | Bif::Split => STEPS_A_PATTERN + all,
      // What is between stands between all.
      Bif::StringJoin => all + (first + 1) * (others + 1),
      _ => all,
    };
    take(state, steps)
  })
}

/// Takes what a function with named parameters may cost.
pub fn charge_named(bif: &Bif, given: &Value) -> bool {
  match given {
    Value::NamedParameters(map) => {
      let mut in_order: Vec<(&usize, &Value)> = map.values().map(|(value, position)| (position, value)).collect();
      in_order.sort_by_key(|(position, _)| **position);
      // Whatever stands first, the text comes to be weighed against all else.
      let values: Vec<&Value> = in_order.into_iter().map(|(_, value)| value).collect();
      charge_function(bif, &values)
    }
    other => charge_function(bif, &[other]),
  }
}

fn take_parts(left: &mut u64, parts: u64) -> Result<(), Exceeded> {
  *left = left.checked_sub(parts).ok_or(Exceeded::Value)?;
  Ok(())
}

fn weigh(value: &Value, left: &mut u64, depth: u32) -> Result<(), Exceeded> {
  if depth > DEEPEST {
    return Err(Exceeded::Depth);
  }
  match value {
    Value::String(text) => take_parts(left, text.len() as u64 / 16),
    Value::List(values) | Value::ExpressionList(values) | Value::NegatedCommaList(values) | Value::PositionalParameters(values) | Value::ParameterTypes(values) => {
      take_parts(left, values.len() as u64)?;
      values.iter().try_for_each(|value| weigh(value, left, depth + 1))
    }
    Value::Context(context) => weigh_context(context, left, depth),
    Value::FunctionDefinition(_, _, _, _, closed, _) => weigh_context(closed, left, depth),
    Value::NamedParameters(map) => weigh_named(map, left, depth),
    Value::ContextEntry(_, value) | Value::IntervalStart(value, _) | Value::IntervalEnd(value, _) => weigh(value, left, depth + 1),
    Value::NamedParameter(name, value) => weigh(name, left, depth + 1).and_then(|()| weigh(value, left, depth + 1)),
    Value::Range(start, _, end, _) => weigh(start, left, depth + 1).and_then(|()| weigh(end, left, depth + 1)),
    Value::Null(Some(said)) => take_parts(left, said.len() as u64 / 16),
    _ => Ok(()),
  }
}

fn weigh_context(context: &FeelContext, left: &mut u64, depth: u32) -> Result<(), Exceeded> {
  take_parts(left, 1 + context.len() as u64)?;
  context.iter().try_for_each(|(_, value)| weigh(value, left, depth + 1))
}

fn weigh_named(map: &BTreeMap<Name, (Value, usize)>, left: &mut u64, depth: u32) -> Result<(), Exceeded> {
  take_parts(left, map.len() as u64)?;
  map.values().try_for_each(|(value, _)| weigh(value, left, depth + 1))
}
