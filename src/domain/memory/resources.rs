//! Memories as resources: what one says, under `convoke://memories/` and an id.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::topics::{STORED, UPDATED};
use crate::capability::events::Event;
use crate::capability::source::{
    Body, ResourceCard, ResourceContent, ResourceSource, ResourceTemplate, Visitor, unless_hidden,
};
use crate::kernel::fault::Fault;

const SCHEME: &str = "convoke://memories/";
const TEMPLATE: &str = "convoke://memories/{id}";
const MEDIA_TYPE: &str = "application/json";
/// A list of resources names so many, the newest: all of them are found by `memory_search`.
const NEWEST: usize = 50;

/// The memories that a visitor may read.
pub(super) struct Resources;

#[async_trait]
impl ResourceSource for Resources {
    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![ResourceTemplate {
            uri_template: TEMPLATE.to_owned(),
            name: "memory".to_owned(),
            description: "Something that is remembered, with where it comes from and how long it was believed"
                .to_owned(),
            media_type: MEDIA_TYPE.to_owned(),
        }]
    }

    async fn list(&self, visitor: &Visitor, after: Option<&str>, limit: usize) -> Result<Vec<ResourceCard>, Fault> {
        let newest =
            unless_hidden(visitor.read("memory_search", json!({ "limit": NEWEST })).await)?.unwrap_or_default();
        let mut cards: Vec<ResourceCard> = newest["items"].as_array().into_iter().flatten().map(card).collect();
        cards.sort_by(|one, other| one.uri.cmp(&other.uri));
        let behind = cards.into_iter().filter(|card| after.is_none_or(|after| card.uri.as_str() > after));
        Ok(behind.take(limit).collect())
    }

    async fn read(&self, visitor: &Visitor, uri: &str) -> Result<Option<Vec<ResourceContent>>, Fault> {
        let Some(id) = uri.strip_prefix(SCHEME).filter(|id| uuid::Uuid::parse_str(id).is_ok()) else { return Ok(None) };
        let Some(memory) = unless_hidden(visitor.read("memory_get", json!({ "id": id })).await)? else {
            return Ok(None);
        };
        let body = Body::Text(serde_json::to_string_pretty(&memory).map_err(Fault::internal)?);
        Ok(Some(vec![ResourceContent { uri: uri.to_owned(), media_type: MEDIA_TYPE.to_owned(), body }]))
    }

    fn touched(&self, event: &Event) -> Vec<String> {
        let about = [STORED, UPDATED].contains(&event.topic.as_str());
        about.then(|| format!("{SCHEME}{}", event.subject)).into_iter().collect()
    }
}

fn card(memory: &Value) -> ResourceCard {
    let id = memory["memoryId"].as_str().unwrap_or_default();
    let text = memory["text"].as_str().unwrap_or_default();
    ResourceCard {
        uri: format!("{SCHEME}{id}"),
        name: id.to_owned(),
        title: None,
        description: text.chars().take(200).collect(),
        media_type: MEDIA_TYPE.to_owned(),
    }
}
