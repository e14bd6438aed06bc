//! Executions as resources: each as it is now, under `execution://` and its id; who subscribes hears when it goes on.

use async_trait::async_trait;
use serde_json::json;

use super::topics::{CANCELLED, COMPENSATED, COMPLETED, FAILED, PROGRESSED, STARTED};
use crate::capability::events::Event;
use crate::capability::source::{
    Body, ResourceCard, ResourceContent, ResourceSource, ResourceTemplate, Visitor, unless_hidden,
};
use crate::kernel::fault::Fault;
use crate::kernel::id::ExecutionId;

const SCHEME: &str = "execution://";
const TEMPLATE: &str = "execution://{id}";
const MEDIA_TYPE: &str = "application/json";

/// The executions that a visitor may read.
pub(super) struct Resources;

#[async_trait]
impl ResourceSource for Resources {
    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![ResourceTemplate {
            uri_template: TEMPLATE.to_owned(),
            name: "process execution".to_owned(),
            description: "An execution of a process as it is now: status, current nodes, variables, result".to_owned(),
            media_type: MEDIA_TYPE.to_owned(),
        }]
    }

    /// There may be very many: they are found by the tools, and read here by id.
    async fn list(&self, _: &Visitor, _: Option<&str>, _: usize) -> Result<Vec<ResourceCard>, Fault> {
        Ok(Vec::new())
    }

    async fn read(&self, visitor: &Visitor, uri: &str) -> Result<Option<Vec<ResourceContent>>, Fault> {
        let Some(id) = uri.strip_prefix(SCHEME).filter(|id| id.parse::<ExecutionId>().is_ok()) else { return Ok(None) };
        let Some(told) = unless_hidden(visitor.read("execution_get", json!({ "id": id })).await)? else {
            return Ok(None);
        };
        let body = Body::Text(serde_json::to_string_pretty(&told).map_err(Fault::internal)?);
        Ok(Some(vec![ResourceContent { uri: uri.to_owned(), media_type: MEDIA_TYPE.to_owned(), body }]))
    }

    fn touched(&self, event: &Event) -> Vec<String> {
        let about = [STARTED, PROGRESSED, COMPLETED, FAILED, CANCELLED, COMPENSATED].contains(&event.topic.as_str());
        about.then(|| format!("{SCHEME}{}", event.subject)).into_iter().collect()
    }
}
