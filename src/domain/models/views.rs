//! What several capabilities of the domain take and answer alike.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::models::engine::asker::Tags;
use crate::kernel::fault::Fault;
use crate::kernel::money::NanoDollars;

/// What a call is a part of.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TagsInput {
    /// The agent that asks: usage is told by it, and its budget holds.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    agent: Option<String>,
    /// The version of the prompt, such as `summary@1.2.0`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    prompt_version: Option<String>,
    /// The persona that speaks, such as `code-reviewer@1.0.0`: its use is told by it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    persona: Option<String>,
    /// The execution that it is a step of: its budget holds.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    execution: Option<String>,
    /// What belongs together, for routes that stick to a model; the user when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    session: Option<String>,
}

impl TagsInput {
    pub(crate) fn tags(self) -> Tags {
        Tags {
            agent: self.agent,
            prompt_version: self.prompt_version,
            persona: self.persona,
            execution: self.execution,
            above: Vec::new(),
            session: self.session,
        }
    }
}

/// What something cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    /// Whether it is known. What is not known is not nothing.
    known: bool,
    /// In thousand-millionths of a dollar; not there where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    nano_dollars: Option<u64>,
}

impl Cost {
    pub(crate) fn of(cost: Option<NanoDollars>) -> Self {
        Self { known: cost.is_some(), nano_dollars: cost.map(|cost| cost.0) }
    }
}

/// Money as people write it: dollars with up to nine decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dollars(pub(crate) NanoDollars);

impl Dollars {
    /// Reads `12`, `12.50` or `0.000000001`.
    ///
    /// # Errors
    /// `bad_input` at the place.
    pub(crate) fn parse(text: &str, place: &str) -> Result<Self, Fault> {
        let wrong = || Fault::bad_input(place, "must be dollars with up to nine decimals, such as '12.50'");
        let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|one| one.is_ascii_digit());
        if whole.is_empty() || rest.len() > 9 || !digits(whole) || !digits(rest) {
            return Err(wrong());
        }
        format!("{whole}{rest:0<9}").parse().map(|nanos| Self(NanoDollars(nanos))).map_err(|_| wrong())
    }
}

impl fmt::Display for Dollars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.to_string().trim_start_matches('$'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_exact() {
        for (text, nanos) in [("12.50", 12_500_000_000), ("0.000000001", 1), ("7", 7_000_000_000), ("0.1", 100_000_000)]
        {
            assert_eq!(Dollars::parse(text, "").unwrap().0, NanoDollars(nanos));
        }
        assert_eq!(Dollars(NanoDollars(12_500_000_000)).to_string(), "12.50");
        for text in ["", ".5", "-1", "1e3", "1,5", "1.0000000001", "99999999999999"] {
            assert!(Dollars::parse(text, "").is_err(), "{text}");
        }
    }
}
