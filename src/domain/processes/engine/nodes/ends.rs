//! Where a process begins and ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Role, Said, Typed, said_in};

/// Where an execution begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Start {}

impl Typed for Start {
    const NAME: &'static str = "start";
    const ABOUT: &'static str = "Where an execution begins: each process has one.";
    const ROLE: Role = Role::Start;
}

/// Where a way ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct End {
    /// What it means for the execution; `normal` when not said.
    #[serde(default, skip_serializing_if = "EndKind::is_normal")]
    pub kind: EndKind,
    /// The code of the failure, for an end of the kind `error`: what a boundary of the process above can name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub code: Option<String>,
    /// What went wrong, for an end of the kind `error`; may be an expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub message: Option<String>,
    /// What the execution answers, by name; values that begin with `=` are expressions. All its variables when no end says anything.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub result: Map<String, Value>,
}

/// What an end means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    /// This way is at its end; the execution is when all are.
    #[default]
    Normal,
    /// The execution failed, whatever else is under way.
    Error,
    /// The execution is done, whatever else is under way.
    Terminate,
}

impl EndKind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    const fn is_normal(&self) -> bool {
        matches!(self, Self::Normal)
    }
}

impl Typed for End {
    const NAME: &'static str = "end";
    const ABOUT: &'static str = "Where a way ends; of the kind `error` it fails the execution with a code, of the kind `terminate` it ends all ways at once.";
    const ROLE: Role = Role::End;

    fn says(&self) -> Vec<Said> {
        let mut found = Vec::new();
        said_in("/result", &self.result, &mut found);
        if let Some(message) = &self.message {
            super::said("/message", message, &mut found);
        }
        found
    }

    fn amiss(&self) -> Vec<(&'static str, String)> {
        match self.kind {
            EndKind::Error if self.code.is_none() => {
                vec![("/code", "an end of the kind 'error' has a code, such as 'rejected'".to_owned())]
            }
            EndKind::Normal | EndKind::Terminate if self.code.is_some() || self.message.is_some() => {
                vec![("/code", "only an end of the kind 'error' has code and message".to_owned())]
            }
            EndKind::Error if !self.result.is_empty() => {
                vec![("/result", "an end of the kind 'error' answers nothing: say it in the message".to_owned())]
            }
            EndKind::Normal | EndKind::Error | EndKind::Terminate => Vec::new(),
        }
    }
}
