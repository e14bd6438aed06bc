//! Prompts as the MCP door shows them: listed, filled in, completed. What is told is what the visitor may call.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::library::Library;
use super::topics::{CREATED, PUBLISHED, UPDATED};
use crate::capability::client::Answers;
use crate::capability::content::Block;
use crate::capability::events::Event;
use crate::capability::source::{Prompt, PromptArgument, PromptCard, PromptSource, Speaker, Visitor, unless_hidden};
use crate::kernel::fault::Fault;

/// So many are asked for at once.
const PAGE: u32 = 200;

/// The prompts of a tenant and of the files.
pub struct Prompts {
    library: Arc<Library>,
}

impl Prompts {
    /// The source over the files that are in force.
    #[must_use]
    pub fn new(library: Arc<Library>) -> Self {
        Self { library }
    }

    async fn full(visitor: &Visitor, name: &str) -> Result<Option<Value>, Fault> {
        unless_hidden(visitor.read("prompt_get", json!({ "id": name })).await)
    }
}

#[async_trait]
impl PromptSource for Prompts {
    async fn list(&self, visitor: &Visitor) -> Result<Vec<PromptCard>, Fault> {
        let mut cards = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut input = json!({ "limit": PAGE, "takes": true });
            if let Some(token) = &token {
                input["pageToken"] = token.as_str().into();
            }
            let Some(page) = unless_hidden(visitor.read("prompt_list", input).await)? else { return Ok(cards) };
            for item in page["items"].as_array().into_iter().flatten() {
                let id = text(item, "promptId");
                // What was never published is nobody's to use but its authors'.
                if item["latest"].is_null() {
                    continue;
                }
                cards.push(card(&id, item));
            }
            token = page["nextPageToken"].as_str().map(str::to_owned);
            if token.is_none() {
                return Ok(cards);
            }
        }
    }

    async fn get(
        &self,
        visitor: &Visitor,
        name: &str,
        arguments: &Map<String, Value>,
        _: &Answers,
    ) -> Result<Option<Prompt>, Fault> {
        let Some(full) = Self::full(visitor, name).await? else { return Ok(None) };
        let variables: Map<String, Value> = arguments
            .iter()
            // A client that shows a form gives an empty field for what was left out.
            .filter(|(name, value)| *value != "" || is_text(&full, name))
            .map(|(name, value)| (name.clone(), typed(&full, name, value)))
            .collect();
        let input = json!({ "id": name, "variables": variables });
        let made = visitor.read("prompt_assemble", input).await?;
        let messages = vec![(Speaker::User, Block::text(text(&made, "assembled")))];
        Ok(Some(Prompt { description: text(&full, "description"), messages }))
    }

    async fn complete(&self, visitor: &Visitor, prompt: &str, argument: &str, begun: &str) -> Option<Vec<String>> {
        let full = Self::full(visitor, prompt).await.ok().flatten()?;
        let variable = variable(&full, argument);
        let schema = variable.map(|variable| &variable["schema"]);
        let mut values: Vec<String> = Vec::new();
        if let Some(schema) = schema {
            let listed = [&schema["enum"], &schema["examples"]].into_iter().filter_map(Value::as_array).flatten();
            values.extend(listed.chain([&schema["default"]]).filter(|value| !value.is_null()).map(plain));
        }
        if variable.is_some_and(|variable| variable["type"] == "boolean") {
            values.extend(["true".to_owned(), "false".to_owned()]);
        }
        let begun = begun.to_lowercase();
        let mut seen = std::collections::BTreeSet::new();
        values.retain(|value| {
            !value.is_empty() && value.to_lowercase().starts_with(&begun) && seen.insert(value.clone())
        });
        Some(values)
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.library.changes())
    }

    fn touched(&self, event: &Event) -> bool {
        [CREATED, UPDATED, PUBLISHED].contains(&event.topic.as_str())
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn variable<'a>(full: &'a Value, name: &str) -> Option<&'a Value> {
    full["takes"].as_array().into_iter().flatten().find(|variable| variable["name"] == name)
}

fn is_text(full: &Value, name: &str) -> bool {
    variable(full, name).is_some_and(|variable| variable["type"] == "string" && variable["required"] == true)
}

/// Arguments of MCP are texts: what is to be something else is read as JSON, and a list may be written line by line.
fn typed(full: &Value, name: &str, value: &Value) -> Value {
    let kind = variable(full, name).and_then(|variable| variable["type"].as_str());
    match (kind, value) {
        (Some("string") | None, _) => value.clone(),
        (Some(kind), Value::String(given)) => {
            let read = serde_json::from_str::<Value>(given).ok().filter(|read| kind != "array" || read.is_array());
            read.unwrap_or_else(|| match kind {
                "array" => given.lines().map(str::trim).filter(|line| !line.is_empty()).map(Value::from).collect(),
                _ => value.clone(),
            })
        }
        (Some(_), other) => other.clone(),
    }
}

fn card(id: &str, item: &Value) -> PromptCard {
    let argument = |variable: &Value| {
        let needed = variable["required"] == true && variable["schema"]["default"].is_null();
        PromptArgument { name: text(variable, "name"), description: text(variable, "description"), required: needed }
    };
    let mut arguments: Vec<PromptArgument> = item["takes"].as_array().into_iter().flatten().map(argument).collect();
    arguments.sort_by_key(|argument| !argument.required);
    PromptCard {
        name: id.to_owned(),
        title: Some(text(item, "name")),
        description: text(item, "description"),
        arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_what_the_variable_is() {
        let full = json!({ "takes": [
            { "name": "n", "type": "integer" }, { "name": "l", "type": "array" }, { "name": "b", "type": "boolean" },
            { "name": "s", "type": "string" }, { "name": "o", "type": "object" } ] });
        let read = |name: &str, text: &str| typed(&full, name, &json!(text));
        assert_eq!(read("n", "3"), json!(3));
        assert_eq!(read("n", "three"), json!("three"));
        assert_eq!(read("l", "[\"a\", 1]"), json!(["a", 1]));
        assert_eq!(read("l", "one\n\n two "), json!(["one", "two"]));
        assert_eq!(read("b", "true"), json!(true));
        assert_eq!(read("s", "3"), json!("3"));
        assert_eq!(read("o", "{\"a\": 1}"), json!({ "a": 1 }));
    }
}
