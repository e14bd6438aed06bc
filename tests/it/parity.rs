//! The cards' examples answer what they say, and the same over every door.

use serde_json::Value;

use crate::support::app::{TestApp, value};
use crate::support::examples::{self, lacks};

#[tokio::test]
async fn every_example_answers_what_it_says() {
    let mut wrong = Vec::new();
    for (tool, example) in examples::all() {
        let app = TestApp::start().await;
        let reply = app.call_with(&app.admin, &tool.name, example.input.clone(), |_| {}).await.unwrap();
        let answer = match value(reply) {
            Ok(answer) => answer,
            Err(fault) => {
                wrong.push(format!("{}, \"{}\": {fault} {:?}", tool.name, example.say, fault.places()));
                continue;
            }
        };
        for missing in lacks(example.output.as_ref().unwrap_or(&Value::Null), &answer) {
            if example.output.is_some() {
                wrong.push(format!("{}, \"{}\": {missing}", tool.name, example.say));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The answers of tools fit the schemas that they are described by.
#[tokio::test]
async fn every_answer_fits_its_schema() {
    let mut wrong = Vec::new();
    for (tool, example) in examples::all() {
        let app = TestApp::start().await;
        let reply = app.call_with(&app.admin, &tool.name, example.input.clone(), |_| {}).await.unwrap();
        let Ok(answer) = value(reply) else { continue };
        let schema = Value::Object((*tool.output).clone());
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        for error in validator.iter_errors(&answer) {
            wrong.push(format!("{}, \"{}\": {} {error}", tool.name, example.say, error.instance_path()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
