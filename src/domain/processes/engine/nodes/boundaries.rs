//! What stands on the edge of an activity, and what undoes one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Role, Said, Typed, said};

/// A way out of an activity that takes long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BoundaryTimeout {
    /// The id of the activity.
    #[schemars(length(min = 1, max = 64))]
    pub attached_to: String,
    /// How long after its beginning: an ISO 8601 duration such as `PT1H`, or an expression that gives one.
    #[schemars(length(min = 2, max = 2000))]
    pub after: String,
    /// Whether the activity is given up then, which it is when not said; else both ways are gone.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub interrupting: bool,
    /// How often it happens at most where it does not interrupt; once when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub times: Option<u32>,
}

impl Typed for BoundaryTimeout {
    const NAME: &'static str = "boundary_timeout";
    const ABOUT: &'static str =
        "A way out of an activity that takes too long, or a way that is gone beside it while it goes on.";
    const ROLE: Role = Role::Boundary;

    fn says(&self) -> Vec<Said> {
        let mut found = Vec::new();
        said("/after", &self.after, &mut found);
        found
    }

    fn on(&self) -> Option<&str> {
        Some(&self.attached_to)
    }

    fn amiss(&self) -> Vec<(&'static str, String)> {
        if self.times.is_some() && self.interrupting {
            return vec![("/times", "goes with 'interrupting': false only".to_owned())];
        }
        Vec::new()
    }
}

/// A way out of an activity that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BoundaryError {
    /// The id of the activity.
    #[schemars(length(min = 1, max = 64))]
    pub attached_to: String,
    /// The codes of the faults that it is for; every one when not said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 64)))]
    pub codes: Vec<String>,
}

impl Typed for BoundaryError {
    const NAME: &'static str = "boundary_error";
    const ABOUT: &'static str =
        "A way out of an activity that failed for good; `output` may keep `result.code` and `result.message`.";
    const ROLE: Role = Role::Boundary;

    fn on(&self) -> Option<&str> {
        Some(&self.attached_to)
    }
}

/// What undoes an activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Compensation {
    /// The id of the activity that is undone.
    #[schemars(length(min = 1, max = 64))]
    pub attached_to: String,
    /// The id of the activity that undoes it. No edge leads to it or leaves it; its expressions read the variables as they are then.
    #[schemars(length(min = 1, max = 64))]
    pub by: String,
}

impl Typed for Compensation {
    const NAME: &'static str = "compensation";
    const ABOUT: &'static str = "Names the activity that undoes another one, should the whole be taken back.";
    const ROLE: Role = Role::Compensation;

    fn on(&self) -> Option<&str> {
        Some(&self.attached_to)
    }

    fn names(&self) -> Vec<(&'static str, super::Named)> {
        vec![("/by", super::Named::Body(self.by.clone()))]
    }
}

/// Takes back what was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Compensate {
    /// The ids of the activities that are taken back; all that were done when not said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 64)))]
    pub only: Vec<String>,
}

impl Typed for Compensate {
    const NAME: &'static str = "compensate";
    const ABOUT: &'static str =
        "Takes back activities that were done, the last one first, by what their compensations name; then goes on.";
    const ROLE: Role = Role::Activity;
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_yes(value: &bool) -> bool {
    *value
}
