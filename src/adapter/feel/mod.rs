//! FEEL by the crates of dsntk. Expressions are evaluated in this process: the evaluator (vendor/dsntk-feel-evaluator) counts steps,
//! sizes, stack and time, and ends when one of them is spent, so that no process has to be killed for it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dsntk_feel::closure::Closure;
use dsntk_feel::context::FeelContext;
use dsntk_feel::values::Value as Feel;
use dsntk_feel::{Evaluator, FeelScope, FeelType, FunctionBody};
use dsntk_feel_evaluator::budget::{self, Bounds, Exceeded};
use dsntk_feel_parser::AstNode;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::port::expressions::{
    Answer, Body, DEEPEST, Datum, Expression, ExpressionFault, Expressions, Form, Kind, LONGEST_TEXT, Limits, Names,
    Reads, Rows, Scope,
};

mod cells;
mod coverage;
mod tree;
mod values;

#[cfg(test)]
mod feel_tests;

/// So much stack is there for an evaluation on whatever thread calls it.
const STACK: usize = 512 << 10;
/// So much where that was not enough, on a thread of its own; of that what an evaluation may use.
const DEEP_STACK: usize = 64 << 20;
const DEEP_STACK_USED: usize = 32 << 20;
/// A text of so many bytes is compiled on the caller's own stack: a level of nesting takes a byte at least.
const SHORT_TEXT: usize = 48;
/// Compiled texts that are kept: those used of late, this many at least and twice as many at most.
const KEPT: usize = 8_192;

type Key = [u8; 32];

/// The language.
#[derive(Default)]
pub struct FeelLanguage {
    cache: Mutex<Cache>,
}

/// Two generations: what is used moves to the young one; when that is full, the old one goes.
#[derive(Default)]
struct Cache {
    young: HashMap<Key, Arc<Compiled>>,
    old: HashMap<Key, Arc<Compiled>>,
}

impl Cache {
    fn get(&mut self, key: &Key) -> Option<Arc<Compiled>> {
        if let Some(found) = self.young.get(key) {
            return Some(found.clone());
        }
        let found = self.old.remove(key)?;
        self.put(*key, found.clone());
        Some(found)
    }

    fn put(&mut self, key: Key, compiled: Arc<Compiled>) {
        if self.young.len() >= KEPT {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, compiled);
    }
}

/// A compiled text.
struct Compiled {
    text: String,
    form: Form,
    variables: Vec<Reads>,
    quick: bool,
    run: Run,
}

/// How it is evaluated.
enum Run {
    /// An expression.
    Expression(Arc<Evaluator>),
    /// Tests that always hold.
    Always,
    /// Tests of which one must hold, or none.
    Tests { any: Vec<Arc<Evaluator>>, negated: bool, cell: Option<cells::Cell> },
}

impl Expression for Compiled {
    fn text(&self) -> &str {
        &self.text
    }

    fn form(&self) -> Form {
        self.form
    }

    fn variables(&self) -> &[Reads] {
        &self.variables
    }

    fn is_quick(&self) -> bool {
        self.quick
    }

    fn compiled(&self) -> &dyn Any {
        &self.run
    }
}

impl FeelLanguage {
    /// How many texts were compiled and are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.young.len() + cache.old.len()
    }
}

/// Runs what may take much stack on a thread that has it.
fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, ExpressionFault> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("feel".to_owned()).stack_size(DEEP_STACK);
        let broken = |why: &str| ExpressionFault::Broken(why.to_owned());
        let thread = builder.spawn_scoped(scope, work).map_err(|_| broken("no thread could be started for it"))?;
        thread.join().map_err(|_| broken("the evaluator broke down on it"))
    })
}

fn key(text: &str, form: Form, names: &Names) -> Key {
    fn add(digest: &mut Sha256, names: &Names) {
        for (name, within) in &names.0 {
            digest.update((name.len() as u64).to_le_bytes());
            digest.update(name.as_bytes());
            add(digest, within);
        }
        digest.update([0xff; 8]);
    }
    let mut digest = Sha256::new();
    digest.update([u8::from(form == Form::UnaryTests)]);
    add(&mut digest, names);
    digest.update(text.as_bytes());
    digest.finalize().into()
}

fn known(names: &Names) -> FeelContext {
    let mut context = FeelContext::default();
    for (name, within) in &names.0 {
        let value = if within.0.is_empty() { Feel::Null(None) } else { Feel::Context(known(within)) };
        context.set_entry(&values::name(name), value);
    }
    context
}

/// The place and the reason of a fault of the parser: `<ParserError> [3] syntax error`.
fn unreadable(told: &str) -> ExpressionFault {
    let told = told.split_once("> ").map_or(told, |(_, rest)| rest);
    let (at, say) = told
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
        .and_then(|(at, say)| Some((at.parse().ok()?, say)))
        .unwrap_or((0, told));
    let say = say.rsplit("> ").next().unwrap_or(say);
    let say = if say == "syntax error" { "this is no FEEL: a part is missing, or does not belong here" } else { say };
    ExpressionFault::Invalid { say: say.to_owned(), at }
}

fn compile(text: &str, form: Form, names: &Names) -> Result<Compiled, ExpressionFault> {
    let scope = FeelScope::from(known(names));
    let parsed = match form {
        Form::Expression => dsntk_feel_parser::parse_expression(&scope, text, false),
        Form::UnaryTests => {
            scope.set_value(&tree::TESTED.into(), Feel::Null(None));
            dsntk_feel_parser::parse_unary_tests(&scope, text, false)
        }
    };
    let node = parsed.map_err(|error| unreadable(&error.to_string()))?;
    if !tree::is_within(&node, DEEPEST * 2) {
        return Err(ExpressionFault::Exceeded("nesting"));
    }
    if tree::is_external(&node) {
        let say = "functions outside (external) are not called".to_owned();
        return Err(ExpressionFault::Invalid { say, at: text.find("external").unwrap_or(0) });
    }
    let variables = tree::variables(&node, names);
    let quick = tree::is_quick(&node);
    let evaluator = |node: &AstNode| Arc::new(dsntk_feel_evaluator::prepare(node));
    let tested = || Box::new(AstNode::Name(tree::TESTED.into()));
    let run = match (form, node) {
        (Form::Expression, node) => Run::Expression(evaluator(&node)),
        (Form::UnaryTests, AstNode::Irrelevant) => Run::Always,
        (Form::UnaryTests, AstNode::ExpressionList(all) | AstNode::NegatedList(all))
            if all.iter().any(tree::reads_tested) =>
        {
            let negated = text.trim_start().starts_with("not");
            let test = |item: AstNode| {
                if tree::reads_tested(&item) {
                    evaluator(&item)
                } else {
                    evaluator(&AstNode::In(tested(), Box::new(AstNode::ExpressionList(vec![item]))))
                }
            };
            Run::Tests { any: all.into_iter().map(test).collect(), negated, cell: None }
        }
        (Form::UnaryTests, node) => {
            let cell = cells::Cell::of(&node);
            Run::Tests { any: vec![evaluator(&AstNode::In(tested(), Box::new(node)))], negated: false, cell }
        }
    };
    Ok(Compiled { text: text.to_owned(), form, variables, quick, run })
}

impl Expressions for FeelLanguage {
    fn compile(&self, text: &str, form: Form, names: &Names) -> Result<Arc<dyn Expression>, ExpressionFault> {
        if text.len() > LONGEST_TEXT {
            return Err(ExpressionFault::Exceeded("text"));
        }
        if text.trim().is_empty() {
            return Err(ExpressionFault::Invalid { say: "there is nothing".to_owned(), at: 0 });
        }
        let key = key(text, form, names);
        let lock = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = lock().get(&key) {
            return Ok(kept);
        }
        // What is deep is refused, but only once it was parsed; dropping it again takes a frame a level. A short text is not deep.
        let compiled = if text.len() <= SHORT_TEXT {
            let broken = |_| ExpressionFault::Broken("the parser broke down on it".to_owned());
            catch_unwind(AssertUnwindSafe(|| compile(text, form, names))).map_err(broken)??
        } else {
            on_deep_stack(|| compile(text, form, names))??
        };
        let compiled = Arc::new(compiled);
        lock().put(key, compiled.clone());
        Ok(compiled)
    }

    fn scope(&self, limits: Limits) -> Box<dyn Scope> {
        Box::new(FeelVariables {
            scope: RefCell::new(FeelScope::default()),
            steps: Cell::new(limits.steps),
            value: limits.value,
            deadline: Instant::now().checked_add(limits.time),
            broken: Cell::new(false),
        })
    }

    fn read(&self, json: &Value, kind: &Kind) -> Result<Datum, (String, String)> {
        values::read(json, kind).map(Datum::of)
    }

    fn tell(&self, value: &Datum) -> Value {
        values::tell(feel(value))
    }

    fn kind_of(&self, value: &Datum) -> String {
        values::kind_of(feel(value))
    }

    fn is_of(&self, value: &Datum, kind: &Kind) -> bool {
        values::is_of(feel(value), kind)
    }

    fn same(&self, one: &Datum, other: &Datum) -> bool {
        dsntk_feel_evaluator::evaluate_equals(feel(one), feel(other))
    }

    fn null(&self) -> Datum {
        Datum::of(Feel::Null(None))
    }

    fn list(&self, values: Vec<Datum>) -> Datum {
        Datum::of(Feel::List(values.iter().map(|value| feel(value).clone()).collect()))
    }

    fn context(&self, fields: Vec<(String, Datum)>) -> Datum {
        let mut context = FeelContext::default();
        for (name, value) in fields {
            context.set_entry(&values::name(&name), feel(&value).clone());
        }
        Datum::of(Feel::Context(context))
    }

    fn items(&self, value: &Datum) -> Option<Vec<Datum>> {
        let Feel::List(items) = feel(value) else { return None };
        Some(items.iter().cloned().map(Datum::of).collect())
    }

    fn rows(&self, rows: Vec<Vec<Arc<dyn Expression>>>) -> Arc<dyn Rows> {
        Arc::new(cells::FeelRows { rows })
    }

    fn function(&self, parameters: &[(String, Kind)], body: Body) -> Datum {
        let names: Vec<_> = parameters.iter().map(|(name, _)| values::name(name)).collect();
        let formal = names.iter().map(|name| (name.clone(), FeelType::Any)).collect();
        let kinds: Vec<Kind> = parameters.iter().map(|(_, kind)| kind.clone()).collect();
        let run: Evaluator = Box::new(move |scope: &FeelScope| {
            let mut given = Vec::with_capacity(names.len());
            for (name, kind) in names.iter().zip(&kinds) {
                let value = scope.get_value(name).unwrap_or(Feel::Null(None));
                if !values::is_of(&value, kind) {
                    return Feel::Null(Some(format!("the parameter '{name}' is to be a {}", kind.name())));
                }
                given.push(Datum::of(value));
            }
            body(given).map_or_else(|why| Feel::Null(Some(why)), |value| feel(&value).clone())
        });
        let body = FunctionBody::LiteralExpression(Arc::new(budget::bounded(run)));
        let closed = FeelContext::default();
        Datum::of(Feel::FunctionDefinition(formal, body, false, Closure::default(), closed, FeelType::Any))
    }
}

/// The evaluator's value of a datum. One of another evaluator is nothing here.
fn feel(value: &Datum) -> &Feel {
    const NOTHING: &Feel = &Feel::Null(None);
    value.value().unwrap_or(NOTHING)
}

/// Variables, and what is left of what may be taken.
struct FeelVariables {
    scope: RefCell<FeelScope>,
    steps: Cell<u64>,
    value: u64,
    deadline: Option<Instant>,
    broken: Cell<bool>,
}

impl FeelVariables {
    fn bounds(&self, stack: usize) -> Bounds {
        Bounds { steps: self.steps.get(), value: self.value, stack, deadline: self.deadline }
    }

    fn run(&self, evaluator: &Arc<Evaluator>) -> Result<Feel, ExpressionFault> {
        let broken = || ExpressionFault::Broken("the evaluator broke down on it".to_owned());
        if self.broken.get() {
            return Err(broken());
        }
        let scope = self.scope.borrow();
        let outermost = !budget::is_active();
        let ended = catch_unwind(AssertUnwindSafe(|| budget::within(self.bounds(STACK), || evaluator(&scope))));
        let (ended, left) = ended.map_err(|_| {
            // What it had put upon the scope still lies there.
            self.broken.set(true);
            broken()
        })?;
        if outermost && matches!(ended, Err(Exceeded::Stack)) {
            // It is deep, not endless, for all that is known: once more, from the start, where there is room.
            let deep = FeelScope::new();
            scope.contexts().into_iter().for_each(|context| deep.push(context));
            let bounds = self.bounds(DEEP_STACK_USED);
            let (ended, left) = on_deep_stack(move || budget::within(bounds, || evaluator(&deep)))?;
            self.steps.set(left);
            return ended.map_err(exceeded);
        }
        self.steps.set(left);
        ended.map_err(exceeded)
    }
}

fn exceeded(what: Exceeded) -> ExpressionFault {
    ExpressionFault::Exceeded(match what {
        Exceeded::Steps => "steps",
        Exceeded::Value => "room for a value",
        Exceeded::Depth => "nesting of values",
        Exceeded::Stack => "calls within calls",
        Exceeded::Time => "time",
    })
}

impl Scope for FeelVariables {
    fn set(&mut self, name: &str, value: &Datum) {
        self.scope.get_mut().set_value(&values::name(name), feel(value).clone());
    }

    fn evaluate(&self, expression: &dyn Expression) -> Result<Answer, ExpressionFault> {
        let Some(Run::Expression(evaluator)) = expression.compiled().downcast_ref::<Run>() else {
            return Err(ExpressionFault::Broken("tests are not evaluated but hold of something".to_owned()));
        };
        let value = self.run(evaluator)?;
        let why_null = if let Feel::Null(why) = &value { why.clone() } else { None };
        Ok(Answer { value: Datum::of(value), why_null })
    }

    fn holds(&self, tests: &dyn Expression, of: &Datum) -> Result<Option<bool>, ExpressionFault> {
        let (any, negated) = match tests.compiled().downcast_ref::<Run>() {
            Some(Run::Always) => return Ok(Some(true)),
            Some(Run::Tests { any, negated, .. }) => (any, *negated),
            _ => return Err(ExpressionFault::Broken("an expression is no test".to_owned())),
        };
        let mut context = FeelContext::default();
        context.set_entry(&tree::TESTED.into(), feel(of).clone());
        self.scope.borrow().push(context);
        let mut all_false = true;
        let mut outcome = Ok(None);
        for test in any {
            match self.run(test) {
                Ok(Feel::Boolean(true)) => {
                    outcome = Ok(Some(!negated));
                    break;
                }
                Ok(Feel::Boolean(false)) => {}
                Ok(_) => all_false = false,
                Err(fault) => {
                    outcome = Err(fault);
                    break;
                }
            }
        }
        self.scope.borrow().pop();
        match outcome {
            Ok(None) if all_false => Ok(Some(negated)),
            other => other,
        }
    }
}
