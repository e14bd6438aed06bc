//! Whatever an expression or a DMN file says, compiling it, evaluating it and reading it end within their bounds and without a panic. The
//! first byte chooses which of them the rest is.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use convoke::adapter::feel::FeelLanguage;
use convoke::adapter::markup::QuickXml;
use convoke::domain::rules::dmn::model;
use convoke::domain::rules::engine::compiling::prepared;
use convoke::port::expressions::{ExpressionFault, Expressions, Form, Limits, Names};
use convoke::port::markup::{Limits as Size, Markup as _};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { steps: 100_000, value: 10_000, time: Duration::from_millis(500) };

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let language: Arc<dyn Expressions> = Arc::new(FeelLanguage::default());
    let variables = serde_json::json!({ "a": 1, "b": "text", "c": [1, 2, { "d": null }], "long name": true });
    let variables = variables.as_object().unwrap();
    let names = Names::of(variables.keys().map(String::as_str));
    let whole = |fault: &ExpressionFault| assert!(!matches!(fault, ExpressionFault::Broken(_)), "{fault}");
    match choice % 3 {
        0 => match language.compile(text, Form::Expression, &names) {
            Ok(compiled) => drop(language.evaluate(&*compiled, variables, LIMITS).map_err(|fault| whole(&fault))),
            Err(fault) => whole(&fault),
        },
        1 => match language.compile(text, Form::UnaryTests, &names) {
            Ok(tests) => {
                let _ = language.holds(&*tests, &variables["a"], variables, LIMITS).map_err(|fault| whole(&fault));
            }
            Err(fault) => whole(&fault),
        },
        _ => {
            if let Ok(root) = QuickXml.read(text, Size::default())
                && let Ok(model) = model(&root)
            {
                drop(prepared(Arc::new(model.rules), &language));
            }
        }
    }
});
