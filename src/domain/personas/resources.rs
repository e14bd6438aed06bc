//! Personas as resources: the text that a model is told, under `convoke://personas/` and an id.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::topics::{CREATED, UPDATED};
use crate::capability::events::Event;
use crate::capability::source::{
    Body, ResourceCard, ResourceContent, ResourceSource, ResourceTemplate, Visitor, unless_hidden,
};
use crate::kernel::fault::Fault;

const SCHEME: &str = "convoke://personas/";
const TEMPLATE: &str = "convoke://personas/{id}";
const MEDIA_TYPE: &str = "text/markdown";

/// The personas that a visitor may read.
pub struct Resources;

impl Resources {
    /// What is not there, or not for the visitor, is no resource of theirs.
    async fn read(visitor: &Visitor, tool: &str, input: Value) -> Result<Option<Value>, Fault> {
        unless_hidden(visitor.read(tool, input).await)
    }

    /// Every persona that the visitor may read, by id.
    async fn all(visitor: &Visitor) -> Result<Vec<Value>, Fault> {
        let mut all = Vec::new();
        let mut input = json!({ "limit": 200 });
        while let Some(page) = Self::read(visitor, "persona_search", input.clone()).await? {
            all.extend(page["items"].as_array().into_iter().flatten().cloned());
            match page["nextPageToken"].as_str() {
                Some(token) => input["pageToken"] = token.into(),
                None => break,
            }
        }
        all.sort_by_key(id);
        Ok(all)
    }
}

fn id(persona: &Value) -> String {
    persona["personaId"].as_str().unwrap_or_default().to_owned()
}

#[async_trait]
impl ResourceSource for Resources {
    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![ResourceTemplate {
            uri_template: TEMPLATE.to_owned(),
            name: "persona".to_owned(),
            description: "Who an assistant is, as a text to put in front of a conversation".to_owned(),
            media_type: MEDIA_TYPE.to_owned(),
        }]
    }

    async fn list(&self, visitor: &Visitor, after: Option<&str>, limit: usize) -> Result<Vec<ResourceCard>, Fault> {
        let card = |persona: &Value| {
            let id = id(persona);
            ResourceCard {
                uri: format!("{SCHEME}{id}"),
                name: id,
                title: persona["name"].as_str().map(str::to_owned),
                description: persona["description"].as_str().unwrap_or_default().to_owned(),
                media_type: MEDIA_TYPE.to_owned(),
            }
        };
        let all = Self::all(visitor).await?;
        let behind = all.iter().map(card).filter(|card| after.is_none_or(|after| card.uri.as_str() > after));
        Ok(behind.take(limit).collect())
    }

    async fn read(&self, visitor: &Visitor, uri: &str) -> Result<Option<Vec<ResourceContent>>, Fault> {
        let Some(id) = uri.strip_prefix(SCHEME).filter(|id| !id.is_empty()) else { return Ok(None) };
        let Some(persona) = Self::read(visitor, "persona_get", json!({ "id": id })).await? else { return Ok(None) };
        let text = persona["systemPrompt"].as_str().unwrap_or_default().to_owned();
        Ok(Some(vec![ResourceContent {
            uri: uri.to_owned(),
            media_type: MEDIA_TYPE.to_owned(),
            body: Body::Text(text),
        }]))
    }

    async fn complete(&self, visitor: &Visitor, template: &str, variable: &str, begun: &str) -> Option<Vec<String>> {
        if (template, variable) != (TEMPLATE, "id") {
            return None;
        }
        let all = Self::all(visitor).await.ok()?;
        Some(all.iter().map(id).filter(|id| id.starts_with(begun)).collect())
    }

    fn touched(&self, event: &Event) -> Vec<String> {
        let about = [CREATED, UPDATED].contains(&event.topic.as_str());
        about.then(|| format!("{SCHEME}{}", event.subject)).into_iter().collect()
    }
}
