//! What does something by itself: tools, agents, prompts, decisions, scripts, calls over HTTP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::definition::expression_of;
use super::{Named, Role, Said, Typed, said, said_in};

/// A tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tool {
    /// The name of the capability or custom tool, such as `memory_store`; `input` is what it is called with, `result` what it answers.
    #[schemars(length(min = 1, max = 64))]
    pub tool: String,
}

impl Typed for Tool {
    const NAME: &'static str = "tool";
    const ABOUT: &'static str = "Calls a tool, any capability or a custom one, with `input` as its arguments.";
    const ROLE: Role = Role::Activity;

    fn names(&self) -> Vec<(&'static str, Named)> {
        vec![("/tool", Named::Tool(self.tool.clone()))]
    }
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Agent {
    /// The agent's id.
    #[schemars(length(min = 1, max = 100))]
    pub agent_id: String,
    /// What it is asked to do; may be an expression. `input` goes beside it.
    #[schemars(length(min = 1, max = 20_000))]
    pub message: String,
}

impl Typed for Agent {
    const NAME: &'static str = "agent";
    const ABOUT: &'static str = "Has an agent do something and keeps its answer.";
    const ROLE: Role = Role::Activity;

    fn names(&self) -> Vec<(&'static str, Named)> {
        vec![("/agentId", Named::Agent(self.agent_id.clone()))]
    }

    fn says(&self) -> Vec<Said> {
        let mut found = Vec::new();
        said("/message", &self.message, &mut found);
        found
    }
}

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prompt {
    /// The prompt's id; `input` is its variables.
    #[schemars(length(min = 1, max = 100))]
    pub prompt_id: String,
    /// Its version or label; `production`, else the newest, when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub version: Option<String>,
    /// The model or route; the default one when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub model: Option<String>,
}

impl Typed for Prompt {
    const NAME: &'static str = "prompt";
    const ABOUT: &'static str = "Fills a prompt with `input` and asks a model.";
    const ROLE: Role = Role::Activity;

    fn names(&self) -> Vec<(&'static str, Named)> {
        vec![("/promptId", Named::Prompt(self.prompt_id.clone()))]
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decision {
    /// The id of the rule set; `input` is what it decides by.
    #[schemars(length(min = 1, max = 100))]
    pub rule_set: String,
    /// Which of its decisions; the only or last one when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub decision: Option<String>,
    /// Its version; the newest when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub version: Option<u32>,
}

impl Typed for Decision {
    const NAME: &'static str = "decision";
    const ABOUT: &'static str = "Evaluates a rule set over `input`; `result.result` is what it decides.";
    const ROLE: Role = Role::Activity;

    fn names(&self) -> Vec<(&'static str, Named)> {
        vec![("/ruleSet", Named::Rules(self.rule_set.clone(), self.decision.clone(), self.version))]
    }
}

/// A script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Script {
    /// What is worked out, in order: each may use the variables, `input`'s names and the steps before it.
    #[schemars(length(min = 1, max = 100))]
    pub steps: Vec<ScriptStep>,
}

/// A step of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScriptStep {
    /// What it is called in later steps and in `result`.
    #[schemars(length(min = 1, max = 64), regex(pattern = super::super::definition::NAME))]
    pub name: String,
    /// The value: an expression, with or without `=`.
    #[schemars(length(min = 1, max = 4000))]
    pub value: String,
}

impl Typed for Script {
    const NAME: &'static str = "script";
    const ABOUT: &'static str = "Works values out by expressions, one after the other; `result` has them by name.";
    const ROLE: Role = Role::Activity;
}

/// A call over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Integration {
    /// The method; `POST` when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// The address; may be an expression.
    #[schemars(length(min = 1, max = 2000))]
    pub url: String,
    /// Headers; values may be expressions.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub headers: Map<String, Value>,
    /// The name of a secret, of which the header `authorization` is made: `Bearer` and it. Whoever writes that must be allowed to change
    /// secrets, and the address must say to which server it goes: an expression begins with that, `= "https://api.example.org/orders/" + order`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub credential: Option<String>,
    /// The statuses that count as done; 200 to 299 when not said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(range(min = 100, max = 599)))]
    pub expect: Vec<u16>,
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Gives.
    Post,
    /// Puts in place.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

impl Typed for Integration {
    const NAME: &'static str = "integration";
    const ABOUT: &'static str = "Calls an address over HTTP with `input` as JSON body (GET and DELETE: as query).";
    const ROLE: Role = Role::Activity;

    fn says(&self) -> Vec<Said> {
        let mut found = Vec::new();
        said("/url", &self.url, &mut found);
        said_in("/headers", &self.headers, &mut found);
        found
    }

    fn amiss(&self) -> Vec<(&'static str, String)> {
        if self.credential.is_some() && self.origin().is_none() {
            let say = "must say to which server the credential goes: a text, or an expression that begins with one, such as \
                       `= \"https://api.example.org/orders/\" + order`";
            return vec![("/url", say.to_owned())];
        }
        Vec::new()
    }
}

impl Integration {
    /// The server that is called, as `https://api.example.org`, where that does not hang on what the execution knows.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        let (text, whole) = match expression_of(&self.url) {
            Some(expression) => (expression.strip_prefix('"')?.split('"').next()?, false),
            None => (self.url.as_str(), true),
        };
        let scheme = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme))?;
        let plain = |one: char| one.is_ascii_alphanumeric() || "-._:[]".contains(one);
        let server = text.get(scheme.len()..)?;
        let end = server.find(|one| !plain(one)).unwrap_or(server.len());
        // In an expression more of the name could follow, were it not closed.
        let closed = server.get(end..).is_some_and(|rest| rest.starts_with('/') || (whole && rest.is_empty()));
        if end > 0 && closed { text.get(..scheme.len() + end) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_goes_to_a_server_that_is_said() {
        let origin = |url: &str| {
            let one: Integration =
                serde_json::from_value(serde_json::json!({ "url": url, "credential": "crm" })).unwrap();
            (one.origin().map(str::to_owned), one.amiss().len())
        };
        let known = |text: &str| (Some(text.to_owned()), 0);
        assert_eq!(origin("https://api.example.org"), known("https://api.example.org"));
        assert_eq!(origin("http://[::1]:8080/x?y"), known("http://[::1]:8080"));
        assert_eq!(origin("= \"https://api.example.org/orders/\" + order"), known("https://api.example.org"));
        for open in [
            "= url",
            "= \"https://api.example.org\" + rest",
            "= \"https://\" + host + \"/\"",
            "https://good.example.org\\@evil.example.org/",
            "https://good@evil.example.org/",
            "ftp://api.example.org/",
            "https:///x",
        ] {
            assert_eq!(origin(open), (None, 1), "{open}");
        }
    }
}
