//! Answers that must have a form: read out of what a model said, held against the schema, and what it is told where they do not fit.

use std::sync::Arc;

use jsonschema::Validator;
use serde_json::{Map, Value};

use crate::domain::agents::checking::validator;
use crate::kernel::fault::{Fault, Violation};

/// So many places are told at once.
const MOST_TOLD: usize = 10;
/// So much is told of each.
const LONGEST: usize = 200;

/// The form of an agent's answers.
#[derive(Clone)]
pub(super) struct Form {
    pub(super) schema: Map<String, Value>,
    validator: Arc<Validator>,
}

impl Form {
    pub(super) fn of(schema: &Map<String, Value>) -> Result<Self, Fault> {
        Ok(Self { schema: schema.clone(), validator: validator(schema)? })
    }

    /// The object that a text holds, or what does not fit.
    pub(super) fn read(&self, text: &str) -> Result<Map<String, Value>, Vec<Violation>> {
        let wrong = |message: String| vec![Violation { pointer: String::new(), message }];
        let value: Value = serde_json::from_str(bare(text)).map_err(|error| wrong(format!("is no JSON: {error}")))?;
        let told: Vec<Violation> = self
            .validator
            .iter_errors(&value)
            .take(MOST_TOLD)
            .map(|error| Violation {
                pointer: error.instance_path().as_str().to_owned(),
                message: error.to_string().chars().take(LONGEST).collect(),
            })
            .collect();
        match value {
            Value::Object(object) if told.is_empty() => Ok(object),
            _ if told.is_empty() => Err(wrong("must be an object".to_owned())),
            _ => Err(told),
        }
    }
}

/// What a model is told of an answer that does not fit.
pub(super) fn mend(wrong: &[Violation]) -> String {
    let mut told =
        "Your answer does not have the form that is wanted. Answer again with the JSON object alone.".to_owned();
    for one in wrong {
        told.push_str("\n- ");
        told.push_str(if one.pointer.is_empty() { "the answer" } else { &one.pointer });
        told.push_str(": ");
        told.push_str(&one.message);
    }
    told
}

/// The JSON in a text: models like to put a fence or a sentence around it.
fn bare(text: &str) -> &str {
    match (text.find('{'), text.rfind('}')) {
        (Some(from), Some(to)) if from < to => text.get(from..=to).unwrap_or(text),
        _ => text.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_read_out_of_what_is_around_it_and_held_to_its_schema() {
        let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
        let form = Form::of(schema.as_object().unwrap()).unwrap();
        for text in ["{\"n\":1}", "```json\n{\"n\": 1}\n```", "Here it is: {\"n\":1}. Well?"] {
            assert_eq!(form.read(text).unwrap()["n"], 1, "{text}");
        }
        for (text, place) in [("{\"n\":\"x\"}", "/n"), ("{}", ""), ("none", ""), ("[1]", ""), ("{\"n\":1", "")] {
            let wrong = form.read(text).unwrap_err();
            assert_eq!(wrong[0].pointer, place, "{text}");
            assert!(mend(&wrong).contains(&wrong[0].message));
        }
    }
}
