//! Checks of assembled texts and contract cases of answers: what each must hold and must not.

use jsonschema::PatternOptions;
use serde_json::{Map, Value};

use super::content::{Case, Check};

/// So much of a text is told.
const TOLD: usize = 120;

/// What a text must be.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    contains: &'a [String],
    lacks: &'a [String],
    most_tokens: Option<u64>,
    schema: Option<&'a Map<String, Value>>,
}

impl<'a> From<&'a Check> for Wanted<'a> {
    fn from(check: &'a Check) -> Self {
        Self { contains: &check.contains, lacks: &check.lacks, most_tokens: check.max_tokens, schema: None }
    }
}

impl<'a> From<&'a Case> for Wanted<'a> {
    fn from(case: &'a Case) -> Self {
        let schema = case.schema.as_ref();
        Self { contains: &case.contains, lacks: &case.lacks, most_tokens: case.max_tokens, schema }
    }
}

impl Wanted<'_> {
    /// Whether the tokens of the text matter.
    #[must_use]
    pub const fn counts(&self) -> bool {
        self.most_tokens.is_some()
    }

    /// Whether anything is wanted.
    #[must_use]
    pub const fn is_something(&self) -> bool {
        !self.contains.is_empty() || !self.lacks.is_empty() || self.most_tokens.is_some() || self.schema.is_some()
    }

    /// Everything in which a text is not as it must be.
    #[must_use]
    pub fn lacking(&self, text: &str, tokens: u64) -> Vec<String> {
        let mut wrong = Vec::new();
        wrong.extend(
            self.contains.iter().filter(|one| !text.contains(*one)).map(|one| format!("lacks \"{}\"", short(one))),
        );
        wrong
            .extend(self.lacks.iter().filter(|one| text.contains(*one)).map(|one| format!("holds \"{}\"", short(one))));
        if let Some(most) = self.most_tokens.filter(|most| tokens > *most) {
            wrong.push(format!("has {tokens} tokens and may have {most}"));
        }
        if let Some(schema) = self.schema {
            wrong.extend(misfits(schema, text));
        }
        wrong
    }
}

fn misfits(schema: &Map<String, Value>, text: &str) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return vec!["is no JSON".to_owned()] };
    let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
    match options.build(&Value::Object(schema.clone())) {
        Ok(validator) => {
            validator.iter_errors(&value).take(8).map(|error| format!("{} {error}", error.instance_path())).collect()
        }
        Err(error) => vec![format!("cannot be judged, its schema is none: {error}")],
    }
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(TOLD).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_judged_by_all_that_is_wanted_of_it() {
        let case: Case = serde_json::from_value(json!({
            "name": "n", "contains": ["yes", "{"], "lacks": ["no"], "max_tokens": 3,
            "schema": { "type": "object", "required": ["a"] },
        }))
        .unwrap();
        let wanted = Wanted::from(&case);
        assert_eq!(wanted.lacking("{\"a\": \"yes\"}", 3), Vec::<String>::new());
        let all = ["lacks \"yes\"", "lacks \"{\"", "holds \"no\"", "has 4 tokens and may have 3", "is no JSON"];
        assert_eq!(wanted.lacking("none", 4), all);
        assert!(wanted.lacking("{\"yes\": 1}", 1)[0].contains("\"a\" is a required property"));
        assert!(!Wanted::from(&Check::default()).is_something());
    }
}
