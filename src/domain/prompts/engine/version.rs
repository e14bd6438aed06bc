//! Versions: major, minor, patch. What a caller relies on breaks with the first, grows with the second and stays with the third.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a version looks like.
pub const PATTERN: &str = r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$";

/// A version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

/// How much changes between two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Callers need not know.
    Patch,
    /// There is more, and what was there stays.
    Minor,
    /// Callers must change what they give.
    Major,
}

impl Version {
    /// The first one.
    pub const FIRST: Self = Self { major: 1, minor: 0, patch: 0 };

    /// The version that a text names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| {
            let plain = part == "0" || (!part.starts_with('0') && (1..=9).contains(&part.len()));
            part.parse::<u32>().ok().filter(|_| plain && part.bytes().all(|one| one.is_ascii_digit()))
        });
        let version = Self { major: parts.next()??, minor: parts.next()??, patch: parts.next()?? };
        parts.next().is_none().then_some(version)
    }

    /// The next one after a step.
    #[must_use]
    pub const fn next(self, step: Step) -> Self {
        let Self { major, minor, patch } = self;
        match step {
            Step::Major => Self { major: major.saturating_add(1), minor: 0, patch: 0 },
            Step::Minor => Self { major, minor: minor.saturating_add(1), patch: 0 },
            Step::Patch => Self { major, minor, patch: patch.saturating_add(1) },
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_ordered_and_counted_on() {
        let version = Version::parse("1.2.10").unwrap();
        assert!(version > Version::parse("1.2.9").unwrap() && version < Version::parse("2.0.0").unwrap());
        let next = |step| version.next(step).to_string();
        assert_eq!([next(Step::Patch), next(Step::Minor), next(Step::Major)], ["1.2.11", "1.3.0", "2.0.0"]);
        for bad in
            ["1.2", "1.2.3.4", "01.2.3", "1.2.x", "1.2.3-rc.1", "", "v1.2.3", "1.2.-3", "1.2.+3", "9999999999.0.0"]
        {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
        let pattern = regex_of(PATTERN);
        assert!(pattern("1.2.10") && !pattern("01.2.3") && !pattern("1.2.3-rc"));
    }

    fn regex_of(pattern: &str) -> impl Fn(&str) -> bool {
        let schema = serde_json::json!({ "pattern": pattern });
        let validator = jsonschema::validator_for(&schema).unwrap();
        move |text| validator.is_valid(&serde_json::Value::from(text))
    }
}
