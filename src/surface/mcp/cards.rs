//! The tools' cards as resources: what a tool does, takes and answers, with examples, for a model that wants to know before it
//! calls.

use std::fmt::Write as _;

use async_trait::async_trait;

use crate::capability::caller::Caller;
use crate::capability::registry::{Snapshot, may_call};
use crate::capability::source::{Body, ResourceCard, ResourceContent, ResourceSource, ResourceTemplate, Visitor};
use crate::capability::spec::Effect;
use crate::capability::tool::Tool;
use crate::kernel::fault::Fault;

pub(super) const SCHEME: &str = "convoke://tools/";
const TEMPLATE: &str = "convoke://tools/{name}";
const MARKDOWN: &str = "text/markdown";
/// A card has many phrases for the search; a reader needs a few.
const USUAL_PHRASES: usize = 8;

/// The cards of all tools that a visitor may call.
pub(super) struct ToolCards;

#[async_trait]
impl ResourceSource for ToolCards {
    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![ResourceTemplate {
            uri_template: TEMPLATE.to_owned(),
            name: "tool".to_owned(),
            description: "How to use a tool: what it does, takes and answers, with examples".to_owned(),
            media_type: MARKDOWN.to_owned(),
        }]
    }

    async fn list(&self, visitor: &Visitor, after: Option<&str>, limit: usize) -> Result<Vec<ResourceCard>, Fault> {
        let snapshot = visitor.gate.platform().registry.present();
        let after = after.and_then(|uri| uri.strip_prefix(SCHEME)).unwrap_or_default();
        let mut tools: Vec<_> = snapshot.visible(&visitor.caller).filter(|tool| &*tool.name > after).collect();
        tools.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(tools.into_iter().take(limit).map(|tool| card(tool)).collect())
    }

    async fn read(&self, visitor: &Visitor, uri: &str) -> Result<Option<Vec<ResourceContent>>, Fault> {
        let Some(name) = uri.strip_prefix(SCHEME) else { return Ok(None) };
        let snapshot = visitor.gate.platform().registry.present();
        let tool = snapshot.find(visitor.caller.tenant, name).filter(|tool| may_call(&visitor.caller, tool));
        Ok(tool.map(|tool| {
            let body = Body::Text(text(tool, &snapshot, &visitor.caller));
            vec![ResourceContent { uri: uri.to_owned(), media_type: MARKDOWN.to_owned(), body }]
        }))
    }

    async fn complete(&self, visitor: &Visitor, template: &str, variable: &str, begun: &str) -> Option<Vec<String>> {
        (template == TEMPLATE && variable == "name").then(|| names(visitor, begun))
    }
}

/// The names of tools that begin so.
pub(super) fn names(visitor: &Visitor, begun: &str) -> Vec<String> {
    let snapshot = visitor.gate.platform().registry.present();
    let fitting = snapshot.visible(&visitor.caller).filter(|tool| tool.name.starts_with(begun));
    let mut names: Vec<String> = fitting.map(|tool| tool.name.to_string()).collect();
    names.sort_unstable();
    names
}

fn card(tool: &Tool) -> ResourceCard {
    ResourceCard {
        uri: format!("{SCHEME}{}", tool.name),
        name: tool.name.to_string(),
        title: Some(tool.title.clone()),
        description: tool.description.clone(),
        media_type: MARKDOWN.to_owned(),
    }
}

/// A tool's card in words, as a caller may read it.
pub(super) fn text(tool: &Tool, snapshot: &Snapshot, caller: &Caller) -> String {
    let mut text = format!("# {}\n\n{}\n", tool.name, tool.description);
    let effect = match tool.effect {
        Effect::Read => "changes nothing",
        Effect::Create => "makes something new",
        Effect::Change => "changes something; twice is as good as once",
        Effect::Remove => "removes something",
    };
    // Writing into a string cannot fail.
    let _ = write!(text, "\nEffect: {effect}. Toolset: {}. Permission: {}.\n", tool.domain.name(), tool.permit);
    let alternatives: Vec<String> = tool.alternatives(snapshot, caller).map(ToString::to_string).collect();
    let usual: Vec<&str> = tool.card.phrases.iter().take(USUAL_PHRASES).map(String::as_str).collect();
    if !alternatives.is_empty() {
        let _ = write!(text, "\n## When not to use it\n\n- {}\n", alternatives.join("\n- "));
    }
    if !usual.is_empty() {
        let _ = write!(text, "\n## What people say when they need it\n\n- {}\n", usual.join("\n- "));
    }
    let pretty = |schema| serde_json::to_string_pretty(schema).unwrap_or_default();
    let _ = write!(text, "\n## Input\n\n```json\n{}\n```\n", pretty(&**tool.input()));
    let _ = write!(text, "\n## Output\n\n```json\n{}\n```\n", pretty(&**tool.output()));
    for example in &tool.card.examples {
        let input = serde_json::to_string_pretty(&example.input).unwrap_or_default();
        let _ = write!(text, "\n## Example: {}\n\n```json\n{input}\n```\n", example.say);
    }
    text
}
