//! The examples of the domain's cards: each runs on the scene and answers what the card says.

use convoke::capability::outcome::Form;
use convoke::capability::spec::Domain;
use convoke::capability::tool::Example;
use serde_json::Value;

use crate::support::app::TestApp;

/// Whether all of `some` is in `whole`.
fn holds(whole: &Value, some: &Value) -> bool {
    match (whole, some) {
        (Value::Object(whole), Value::Object(some)) => {
            some.iter().all(|(name, value)| whole.get(name).is_some_and(|has| holds(has, value)))
        }
        (Value::Array(whole), Value::Array(some)) => some.iter().all(|value| whole.iter().any(|has| holds(has, value))),
        (whole, some) => whole == some,
    }
}

#[tokio::test]
async fn the_examples_run() {
    let mut tools: Vec<(String, Vec<Example>)> = Vec::new();
    let app = TestApp::start().await;
    for tool in app.app.platform().registry.present().built() {
        // What answers piece by piece has a test of its own.
        if tool.domain == Domain::Models && tool.form != Form::Stream {
            tools.push((tool.name.to_string(), tool.card.examples.clone()));
        }
    }
    assert_eq!(tools.len(), 13);
    for (tool, examples) in tools {
        assert!(!examples.is_empty(), "{tool} has no example");
        let app = TestApp::start().await;
        for example in examples {
            let answer = app.call(&app.admin, &tool, example.input.clone()).await;
            let answer =
                answer.unwrap_or_else(|fault| panic!("{tool} {}: {fault:?} {:?}", example.say, fault.places()));
            let expected = example.output.unwrap_or_else(|| panic!("{tool}: '{}' has no output", example.say));
            assert!(holds(&answer, &expected), "{tool} {}: {answer} lacks {expected}", example.say);
        }
    }
}
