//! Nodes as resources: what is known of one with its relations, under `graph://nodes/` and its id.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::topics::{DELETED, UPSERTED};
use crate::capability::events::Event;
use crate::capability::source::{
    Body, ResourceCard, ResourceContent, ResourceSource, ResourceTemplate, Visitor, unless_hidden,
};
use crate::kernel::codes;
use crate::kernel::fault::Fault;

const SCHEME: &str = "graph://nodes/";
const TEMPLATE: &str = "graph://nodes/{id}";
const MEDIA_TYPE: &str = "application/json";

/// The nodes that a visitor may read.
pub(super) struct Resources;

#[async_trait]
impl ResourceSource for Resources {
    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![ResourceTemplate {
            uri_template: TEMPLATE.to_owned(),
            name: "node".to_owned(),
            description: "What is known of somebody or something, with its relations and where they come from"
                .to_owned(),
            media_type: MEDIA_TYPE.to_owned(),
        }]
    }

    /// Nodes are too many to be listed; whoever finds one learns its id.
    async fn list(&self, _: &Visitor, _: Option<&str>, _: usize) -> Result<Vec<ResourceCard>, Fault> {
        Ok(Vec::new())
    }

    async fn read(&self, visitor: &Visitor, uri: &str) -> Result<Option<Vec<ResourceContent>>, Fault> {
        let Some(id) = uri.strip_prefix(SCHEME) else { return Ok(None) };
        let node = match visitor.read("graph_get", json!({ "id": id })).await {
            // What cannot be an id is the id of nothing.
            Err(fault) if fault.is(&codes::BAD_INPUT) => return Ok(None),
            answer => unless_hidden(answer)?,
        };
        let Some(node) = node else { return Ok(None) };
        let text = serde_json::to_string_pretty(&node).map_err(Fault::internal)?;
        let (uri, media_type) = (uri.to_owned(), MEDIA_TYPE.to_owned());
        Ok(Some(vec![ResourceContent { uri, media_type, body: Body::Text(text) }]))
    }

    fn touched(&self, event: &Event) -> Vec<String> {
        let ids: Vec<&str> = match event.topic.as_str() {
            UPSERTED => event.data["changed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
            DELETED => event.data["nodeId"].as_str().into_iter().collect(),
            _ => Vec::new(),
        };
        ids.into_iter().map(|id| format!("{SCHEME}{id}")).collect()
    }
}
