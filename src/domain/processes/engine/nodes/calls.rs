//! What runs something of the same kind: another process, or a node for each item of a list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::definition::{NAME, condition_of};
use super::{Named, Role, Said, Typed};

/// Another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubProcess {
    /// The id of the process; `input` is its variables, `result` what it answers.
    #[schemars(length(min = 1, max = 100))]
    pub process_id: String,
    /// Its version; the newest that is published when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub version: Option<String>,
}

impl Typed for SubProcess {
    const NAME: &'static str = "sub_process";
    const ABOUT: &'static str = "Runs another process and waits for its end.";
    const ROLE: Role = Role::Activity;

    fn names(&self) -> Vec<(&'static str, Named)> {
        vec![("/processId", Named::Process(self.process_id.clone(), self.version.clone()))]
    }
}

/// A node for each item of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForEach {
    /// The list: an expression.
    #[schemars(length(min = 1, max = 2000))]
    pub items: String,
    /// What an item is called in the node's expressions.
    #[serde(rename = "as")]
    #[schemars(length(min = 1, max = 64), regex(pattern = NAME))]
    pub item: String,
    /// The id of the activity that is done for each. No edge leads to it or leaves it; `result` has its results in the order of the items.
    #[schemars(length(min = 1, max = 64))]
    pub node: String,
    /// One after the other when not said.
    #[serde(default, skip_serializing_if = "Mode::is_in_order")]
    pub mode: Mode,
    /// How many at once, in the mode `parallel`; 10 when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub at_once: Option<u32>,
    /// What a failure means for the others; `stop` when not said.
    #[serde(default, skip_serializing_if = "OnFault::is_stop")]
    pub on_fault: OnFault,
}

/// How items are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One after the other.
    #[default]
    InOrder,
    /// Several at once.
    Parallel,
}

/// What the failure of an item means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFault {
    /// No further item is begun, and the whole fails.
    #[default]
    Stop,
    /// All are done; the results of those that failed are `{ "fault": { "code", "message" } }`.
    Collect,
}

impl Mode {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    const fn is_in_order(&self) -> bool {
        matches!(self, Self::InOrder)
    }
}

impl OnFault {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    const fn is_stop(&self) -> bool {
        matches!(self, Self::Stop)
    }
}

impl Typed for ForEach {
    const NAME: &'static str = "for_each";
    const ABOUT: &'static str = "Does one node for each item of a list, in order or several at once.";
    const ROLE: Role = Role::Activity;

    fn says(&self) -> Vec<Said> {
        vec![Said { at: "/items".to_owned(), text: condition_of(&self.items).to_owned() }]
    }

    fn names(&self) -> Vec<(&'static str, Named)> {
        vec![("/node", Named::Body(self.node.clone()))]
    }

    fn amiss(&self) -> Vec<(&'static str, String)> {
        if self.at_once.is_some() && self.mode == Mode::InOrder {
            return vec![("/atOnce", "goes with the mode 'parallel' only".to_owned())];
        }
        Vec::new()
    }
}
