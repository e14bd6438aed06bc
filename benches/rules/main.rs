//! Decision tables against dsntk called directly, in one run: a table of 1,000 rules, the last of which fires.
//!
//! `cargo bench --bench rules`                 ends non-zero when a target is missed

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring program: what goes wrong ends it with its message"
)]

#[expect(dead_code, reason = "nothing of this bench may be left unmeasured")]
#[path = "../calls/table.rs"]
mod table;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use convoke::adapter::feel::FeelLanguage;
use convoke::domain::rules::content::Rules;
use convoke::domain::rules::engine::compiling::prepared;
use convoke::domain::rules::engine::looking::findings;
use convoke::domain::rules::engine::running::{Asked, evaluate};
use convoke::port::expressions::{Expressions, Form, Limits, Names};
use dsntk_feel::values::Value as Feel;
use dsntk_feel::{Evaluator, FeelScope};
use dsntk_feel_parser::AstNode;
use serde_json::{Value, json};
use table::{Table, Target};

const RULES: usize = 1_000;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut told = Table::default();
    let language: Arc<dyn Expressions> = Arc::new(FeelLanguage::default());
    compiled_and_evaluated(&language, &mut told);
    expressions(&*language, &mut told);
    if told.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn shown(took: Duration) -> String {
    format!("{took:.1?}")
}

fn ratio(here: Duration, there: Duration) -> String {
    format!("{:.2}", here.as_secs_f64() / there.as_secs_f64())
}

fn compiled_and_evaluated(language: &Arc<dyn Expressions>, told: &mut Table) {
    let begun = Instant::now();
    let direct = table();
    let there = begun.elapsed();
    let rules: Rules = serde_json::from_value(rules()).unwrap();
    let begun = Instant::now();
    let whole = Arc::new(prepared(Arc::new(rules), language).ok().unwrap());
    let here = begun.elapsed();
    told.row("compiling 1,000 rules", shown(here), shown(there), ratio(here, there), Target::none());
    let begun = Instant::now();
    let found = findings(&whole).len();
    let what = format!("looking for overlaps and gaps, {found} found");
    told.row(&what, shown(begun.elapsed()), String::new(), String::new(), Target::none());
    let scope = dsntk_feel_evaluator::evaluate_context(&FeelScope::default(), "{a: 999.5, b: \"gold\", c: 1}");
    let scope = FeelScope::from(scope.unwrap());
    let there = median(50, || assert_eq!(fires(&direct, &scope).to_string(), "999"));
    let inputs = json!({ "a": 999.5, "b": "gold", "c": 1 });
    let inputs = inputs.as_object().unwrap();
    let here = median(200, || {
        let asked = Asked { decisions: vec![0], given: Vec::new(), inputs, trace: false };
        let outcome = evaluate(&whole, &asked).ok().unwrap();
        assert_eq!(language.tell(&outcome.made[0].told.value), json!(999));
    });
    let target = Target::of("at most 2", here <= there * 2);
    told.row("evaluating 1,000 rules", shown(here), shown(there), ratio(here, there), target);
}

fn median(times: usize, mut work: impl FnMut()) -> Duration {
    let mut took: Vec<Duration> = (0..times)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed()
        })
        .collect();
    took.sort();
    took[times / 2]
}

fn cells(rule: usize) -> ([String; 3], String) {
    ([format!("[{rule}..{})", rule + 1), "\"gold\", \"silver\"".to_owned(), "< 100".to_owned()], rule.to_string())
}

fn rules() -> Value {
    let rules: Vec<Value> = (0..RULES)
        .map(|rule| {
            let (when, then) = cells(rule);
            json!({ "when": when, "then": [then] })
        })
        .collect();
    let inputs = ["a", "b", "c"].map(|name| json!({ "expression": name }));
    let table = json!({ "hitPolicy": "U", "inputs": inputs, "outputs": [{ "name": "d" }], "rules": rules });
    let types = [("a", "number"), ("b", "string"), ("c", "number")];
    let inputs = types.map(|(name, of)| json!({ "name": name, "type": of }));
    json!({ "inputs": inputs, "decisions": [{ "name": "d", "logic": { "table": table } }] })
}

/// The table as dsntk's own evaluator of models builds it: each cell as `input in (tests)`, and what each rule says.
fn table() -> Vec<(Vec<Evaluator>, Evaluator)> {
    let scope = dsntk_feel_evaluator::evaluate_context(&FeelScope::default(), "{a: null, b: null, c: null}");
    let scope = FeelScope::from(scope.unwrap());
    let of = |rule: usize| {
        let (when, then) = cells(rule);
        let cell = |(name, tests): (&str, &String)| {
            let input = dsntk_feel_parser::parse_expression(&scope, name, false).unwrap();
            let tests = dsntk_feel_parser::parse_unary_tests(&scope, tests, false).unwrap();
            dsntk_feel_evaluator::prepare(&AstNode::In(Box::new(input), Box::new(tests)))
        };
        let cells = ["a", "b", "c"].into_iter().zip(&when).map(cell).collect();
        let then = dsntk_feel_parser::parse_expression(&scope, &then, false).unwrap();
        (cells, dsntk_feel_evaluator::prepare(&then))
    };
    (0..RULES).map(of).collect()
}

fn fires(table: &[(Vec<Evaluator>, Evaluator)], scope: &FeelScope) -> Feel {
    let mut fired = Vec::new();
    for (cells, then) in table {
        // It evaluates every cell and every output, whatever the first says.
        let held: Vec<bool> = cells.iter().map(|cell| cell(scope).is_true()).collect();
        let value = then(scope);
        if held.iter().all(|held| *held) {
            fired.push(value);
        }
    }
    fired.pop().unwrap()
}

/// What bounds cost a small expression.
fn expressions(language: &dyn Expressions, told: &mut Table) {
    const TIMES: u32 = 100_000;
    let text = "amount > 100 and vip";
    let compiled = language.compile(text, Form::Expression, &Names::of(["amount", "vip"])).unwrap();
    let variables = json!({ "amount": 120, "vip": true });
    let variables = variables.as_object().unwrap();
    let scope = language.filled(variables, Limits { steps: u64::MAX, ..Limits::default() }).unwrap();
    let each = |work: &mut dyn FnMut()| {
        let begun = Instant::now();
        (0..TIMES).for_each(|_| work());
        begun.elapsed() / TIMES
    };
    let bounded = each(&mut || drop(black_box(scope.evaluate(&*compiled))));
    let from_json = each(&mut || drop(black_box(language.evaluate(&*compiled, variables, Limits::default()))));
    let context = dsntk_feel_evaluator::evaluate_context(&FeelScope::default(), "{amount: 120, vip: true}");
    let context = FeelScope::from(context.unwrap());
    let node = dsntk_feel_parser::parse_expression(&context, text, false).unwrap();
    let evaluator = dsntk_feel_evaluator::prepare(&node);
    let direct = each(&mut || drop(black_box(evaluator(&context))));
    told.row(text, shown(bounded), shown(direct), ratio(bounded, direct), Target::none());
    told.row("the same over JSON", shown(from_json), shown(direct), ratio(from_json, direct), Target::none());
}
