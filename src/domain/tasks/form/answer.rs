//! Whether an answer fits the form.

use serde_json::{Map, Value};

use crate::capability::schema::compiled;
use crate::kernel::fault::{Fault, Violation};

/// So many bytes may an answer have.
const MOST_BYTES: usize = 256 * 1024;
/// So many places are told.
const MOST_TOLD: usize = 32;

/// An answer without what says nothing: nulls, as models write them for what they leave out.
#[must_use]
pub fn settled(mut answer: Map<String, Value>) -> Map<String, Value> {
    answer.retain(|_, value| !value.is_null());
    for value in answer.values_mut() {
        if let Value::Object(below) = value {
            *below = settled(std::mem::take(below));
        }
    }
    answer
}

/// Holds an answer against the form.
///
/// # Errors
/// `bad_input` with every place below `/response` that does not fit.
pub fn fit(form: Option<&Map<String, Value>>, answer: &Map<String, Value>) -> Result<(), Fault> {
    let Some(form) = form else {
        return if answer.is_empty() {
            Ok(())
        } else {
            Err(Fault::bad_input("/response", "must be left out: the task has no form, only an outcome"))
        };
    };
    let whole = Value::Object(answer.clone());
    if whole.to_string().len() > MOST_BYTES {
        return Err(Fault::bad_input("/response", format!("must have {MOST_BYTES} bytes or less")));
    }
    let validator = compiled(form, 64).map_err(Fault::internal)?;
    let told = validator.iter_errors(&whole).take(MOST_TOLD).map(|error| {
        use jsonschema::error::ValidationErrorKind as Kind;
        let place = error.instance_path().to_string();
        match error.kind() {
            Kind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                Violation { pointer: format!("/response{place}/{name}"), message: "is missing".to_owned() }
            }
            Kind::AdditionalProperties { unexpected } => Violation {
                pointer: format!("/response{place}"),
                message: format!("the form has no field {}", unexpected.join(", ")),
            },
            _ => {
                let message: String = error.to_string().chars().take(300).collect();
                Violation { pointer: format!("/response{place}"), message }
            }
        }
    });
    let told: Vec<Violation> = told.collect();
    if told.is_empty() { Ok(()) } else { Err(Fault::violations(told)) }
}
