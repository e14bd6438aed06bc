//! What a person does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Role, Said, Typed, said};
use crate::domain::tasks::opening::Asked;

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
    /// The form: a JSON Schema of an object. `result` has its fields, and `outcome`, `answeredBy` and `taskId` beside them.
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
    /// What kind of task it is, such as `expense_approval`: suggestions are made of past ones of the same type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub task_type: Option<String>,
    /// What can be decided; approve, reject, revise and defer when not said. A field `decision` of the form with an enum decides by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 12), inner(length(min = 1, max = 40)))]
    pub outcomes: Vec<String>,
    /// How long it may take, as `task_create` has it: `{ "hoursToComplete": 24 }`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub sla: Map<String, Value>,
    /// The business calendar of the configuration in which its hours are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub calendar: Option<String>,
    /// To whom it goes, or how it ends, when nobody answers in time, as `task_create` has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub escalation_chain: Vec<Value>,
    /// Who may not answer, as `task_create` has it: `{ "starter": true }`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub separation: Map<String, Value>,
    /// How many of the candidates must say the same, as `task_create` has it: `{ "needed": 2 }`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub quorum: Map<String, Value>,
}

/// What a node asks of the part that opens tasks: its config, worked out, without what is this domain's own.
#[must_use]
pub fn asked(config: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let mut asked = config.clone();
    asked.remove("due");
    asked.entry("title").or_insert_with(|| Value::String(name.to_owned()));
    asked
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
            // What is written as it stands is what tasks take.
            let literal =
                |text: &String| if text.trim_start().starts_with('=') { "x".to_owned() } else { text.clone() };
            let mut config = serde_json::to_value(self).unwrap_or_default();
            if let Value::Object(config) = &mut config {
                for value in config.values_mut() {
                    if let Value::String(text) = value {
                        *text = literal(text);
                    }
                }
                let read = serde_json::from_value::<Asked>(Value::Object(asked(config, "x")));
                return read
                    .err()
                    .map(|error| ("", format!("asks for a task that cannot be: {error}")))
                    .into_iter()
                    .collect();
            }
            return Vec::new();
        }
        vec![("/assignee", "nobody is to do it: name an assignee or candidates".to_owned())]
    }
}
