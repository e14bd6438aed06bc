//! What a person does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Role, Said, Typed, said};

/// A human task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HumanTask {
    /// What the person sees first; the node's name when not said. May be an expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub title: Option<String>,
    /// What there is to do; may be an expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10_000))]
    pub description: Option<String>,
    /// The form: a JSON Schema of an object. `result` is the answer.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub form: Map<String, Value>,
    /// Who does it: the id of a user; may be an expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub assignee: Option<String>,
    /// The users of whom one takes it; may be expressions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 2000)))]
    pub candidate_users: Vec<String>,
    /// The groups of whose members one takes it; may be expressions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 2000)))]
    pub candidate_groups: Vec<String>,
    /// The agents of whom one takes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 100)))]
    pub candidate_agents: Vec<String>,
    /// Until when it is to be done: an ISO 8601 duration such as `P2D`, or an expression that gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 2000))]
    pub due: Option<String>,
    /// 0 to 100, higher first; 50 when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub priority: Option<u8>,
}

impl Typed for HumanTask {
    const NAME: &'static str = "human_task";
    const ABOUT: &'static str = "Gives somebody a form to fill in, and waits for the answer.";
    const ROLE: Role = Role::Activity;

    fn says(&self) -> Vec<Said> {
        let mut found = Vec::new();
        let single = [
            ("/title", &self.title),
            ("/description", &self.description),
            ("/assignee", &self.assignee),
            ("/due", &self.due),
        ];
        for (at, text) in single {
            if let Some(text) = text {
                said(at, text, &mut found);
            }
        }
        for (at, texts) in [("/candidateUsers", &self.candidate_users), ("/candidateGroups", &self.candidate_groups)] {
            for (number, text) in texts.iter().enumerate() {
                said(&format!("{at}/{number}"), text, &mut found);
            }
        }
        found
    }

    fn amiss(&self) -> Vec<(&'static str, String)> {
        let somebody = self.assignee.is_some()
            || !self.candidate_users.is_empty()
            || !self.candidate_groups.is_empty()
            || !self.candidate_agents.is_empty();
        if somebody {
            return Vec::new();
        }
        vec![("/assignee", "nobody is to do it: name an assignee or candidates".to_owned())]
    }
}
