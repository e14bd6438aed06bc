//! Filters of events: conditions on their fields, all of which must hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::kernel::fault::Violation;

/// The parts of an event that a condition can name.
const PARTS: &[&str] = &["id", "topic", "subject", "at", "requestId", "key", "hops", "publisher", "data"];

/// A condition on a field of an event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Where in the event, as a JSON pointer: `/data/status`, `/subject`, `/topic`.
    #[schemars(length(min = 2, max = 200))]
    pub field: String,
    /// It is this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<Scalar>,
    /// It is there and is not this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_not: Option<Scalar>,
    /// It is one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub one_of: Option<Vec<Scalar>>,
    /// It is a text that begins so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub starts_with: Option<String>,
    /// It is a number of at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// It is a number of at most this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// Whether it is there at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
}

/// A value to compare with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Scalar {
    /// True or false.
    Flag(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
}

impl Scalar {
    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Flag(one), Value::Bool(other)) => one == other,
            (Self::Text(one), Value::String(other)) => one == other,
            (Self::Number(one), Value::Number(other)) => same_number(one, other),
            _ => false,
        }
    }
}

/// Whether two numbers are equal however they are written: 1 is 1.0.
fn same_number(one: &Number, other: &Number) -> bool {
    one == other || (one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64()
}

/// Whether all conditions hold of an event.
#[must_use]
pub fn fits_all(conditions: &[Condition], event: &Value) -> bool {
    conditions.iter().all(|condition| condition.holds(event))
}

impl Condition {
    fn holds(&self, event: &Value) -> bool {
        let found = event.pointer(&self.field).filter(|value| !value.is_null());
        if let Some(exists) = self.exists
            && exists != found.is_some()
        {
            return false;
        }
        let number = || found.and_then(Value::as_f64);
        let has = |test: &dyn Fn(&Value) -> bool| found.is_some_and(test);
        self.is.as_ref().is_none_or(|is| has(&|value| is.equals(value)))
            && self.is_not.as_ref().is_none_or(|is_not| has(&|value| !is_not.equals(value)))
            && self.one_of.as_ref().is_none_or(|any| has(&|value| any.iter().any(|one| one.equals(value))))
            && self
                .starts_with
                .as_ref()
                .is_none_or(|start| has(&|value| value.as_str().is_some_and(|text| text.starts_with(start.as_str()))))
            && self.at_least.is_none_or(|least| number().is_some_and(|number| number >= least))
            && self.at_most.is_none_or(|most| number().is_some_and(|number| number <= most))
    }

    /// How many of its comparisons, `exists` apart, were given.
    fn comparisons(&self) -> usize {
        [
            self.is.is_some(),
            self.is_not.is_some(),
            self.one_of.is_some(),
            self.starts_with.is_some(),
            self.at_least.is_some(),
            self.at_most.is_some(),
        ]
        .into_iter()
        .filter(|given| *given)
        .count()
    }

    /// What makes it one that nothing can fit or that says nothing: the property and how to mend it.
    fn nonsense(&self) -> Option<(&'static str, String)> {
        let parts = || {
            let named: Vec<String> = PARTS.iter().map(|part| format!("/{part}")).collect();
            named.join(", ")
        };
        let Some(below) = self.field.strip_prefix('/') else {
            return Some(("/field", "must be a JSON pointer such as /data/status".to_owned()));
        };
        let escapes = below.match_indices('~').all(|(at, _)| matches!(below.as_bytes().get(at + 1), Some(b'0' | b'1')));
        if !escapes {
            return Some(("/field", "write '~' as ~0 and '/' within a name as ~1".to_owned()));
        }
        let part = below.split('/').next().unwrap_or_default();
        if !PARTS.contains(&part) {
            return Some(("/field", format!("an event has no '/{part}': begin with {}", parts())));
        }
        if part != "data" && below.contains('/') {
            return Some(("/field", format!("'/{part}' is a plain value: nothing lies below it")));
        }
        if self.comparisons() == 0 && self.exists.is_none() {
            return Some(("", "says nothing: give is, isNot, oneOf, startsWith, atLeast, atMost or exists".to_owned()));
        }
        if self.exists == Some(false) && self.comparisons() > 0 {
            return Some(("/exists", "what is not there cannot be compared: leave out one of both".to_owned()));
        }
        if let Some(is) = &self.is
            && self.comparisons() > 1
        {
            let said = serde_json::to_string(is).unwrap_or_default();
            return Some(("/is", format!("is {said} already says all: leave out the other comparisons")));
        }
        if let (Some(least), Some(most)) = (self.at_least, self.at_most)
            && least > most
        {
            return Some(("/atMost", format!("no number is at least {least} and at most {most}")));
        }
        if self.starts_with.is_some() && (self.at_least.is_some() || self.at_most.is_some()) {
            return Some(("/startsWith", "nothing is a text and a number at once".to_owned()));
        }
        None
    }
}

/// Every place of a filter that makes no sense; `below` is where in the input it lies.
#[must_use]
pub fn nonsense(conditions: &[Condition], below: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (number, condition) in conditions.iter().enumerate() {
        if let Some((property, message)) = condition.nonsense() {
            found.push(Violation { pointer: format!("{below}/{number}{property}"), message });
            continue;
        }
        let contradicts = |other: &Condition| {
            other.field == condition.field
                && match (&other.is, &condition.is) {
                    (Some(one), Some(other)) => one != other,
                    _ => false,
                }
        };
        if let Some(earlier) = conditions[..number].iter().position(contradicts) {
            let message = format!("contradicts the condition {earlier}: use oneOf for one of several values");
            found.push(Violation { pointer: format!("{below}/{number}/is"), message });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conditions(value: Value) -> Vec<Condition> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn conditions_hold_of_what_they_name() {
        let event =
            json!({ "topic": "order.created", "data": { "total": 20, "state": "new", "none": null, "a/b": true } });
        for (condition, holds) in [
            (json!({ "field": "/data/state", "is": "new" }), true),
            (json!({ "field": "/data/state", "is": "old" }), false),
            (json!({ "field": "/data/total", "is": 20.0 }), true),
            (json!({ "field": "/data/total", "is": "20" }), false),
            (json!({ "field": "/data/a~1b", "is": true }), true),
            (json!({ "field": "/data/state", "isNot": "old" }), true),
            (json!({ "field": "/data/missing", "isNot": "old" }), false),
            (json!({ "field": "/data/state", "oneOf": ["old", "new"] }), true),
            (json!({ "field": "/topic", "startsWith": "order." }), true),
            (json!({ "field": "/data/total", "startsWith": "2" }), false),
            (json!({ "field": "/data/total", "atLeast": 20, "atMost": 20 }), true),
            (json!({ "field": "/data/total", "atLeast": 20.5 }), false),
            (json!({ "field": "/data/state", "atMost": 5 }), false),
            (json!({ "field": "/data/none", "exists": false }), true),
            (json!({ "field": "/data/total", "exists": true, "atLeast": 1 }), true),
        ] {
            assert_eq!(fits_all(&conditions(json!([condition])), &event), holds, "{condition}");
        }
        assert!(fits_all(&[], &event));
    }

    #[test]
    fn nonsense_is_told_by_its_place() {
        for (condition, place) in [
            (json!({ "field": "data.state", "is": "new" }), "/filter/0/field"),
            (json!({ "field": "/date", "is": "new" }), "/filter/0/field"),
            (json!({ "field": "/subject/x", "is": "new" }), "/filter/0/field"),
            (json!({ "field": "/data/~2", "is": "new" }), "/filter/0/field"),
            (json!({ "field": "/data/x" }), "/filter/0"),
            (json!({ "field": "/data/x", "is": 1, "atLeast": 1 }), "/filter/0/is"),
            (json!({ "field": "/data/x", "atLeast": 2, "atMost": 1 }), "/filter/0/atMost"),
            (json!({ "field": "/data/x", "exists": false, "is": 1 }), "/filter/0/exists"),
            (json!({ "field": "/data/x", "startsWith": "a", "atMost": 1 }), "/filter/0/startsWith"),
        ] {
            let found = nonsense(&conditions(json!([condition])), "/filter");
            assert_eq!(found.iter().map(|one| one.pointer.as_str()).collect::<Vec<_>>(), [place], "{condition}");
        }
        let two = json!([{ "field": "/data/x", "is": 1 }, { "field": "/data/x", "is": 2 }]);
        assert_eq!(nonsense(&conditions(two), "/filter")[0].pointer, "/filter/1/is");
        assert!(nonsense(&conditions(json!([{ "field": "/data/x", "is": 1 }])), "/filter").is_empty());
    }
}
