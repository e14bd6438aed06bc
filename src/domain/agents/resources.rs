//! Runs as resources: the transcript, under `convoke://agents/` with the ids of the agent and of the run.

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::capability::source::{
    Body, ResourceCard, ResourceContent, ResourceSource, ResourceTemplate, Visitor, unless_hidden,
};
use crate::kernel::codes;
use crate::kernel::fault::Fault;

const SCHEME: &str = "convoke://agents/";
const BETWEEN: &str = "/executions/";
const TEMPLATE: &str = "convoke://agents/{id}/executions/{execution}";
const MEDIA_TYPE: &str = "application/json";

/// The runs that a visitor may read.
pub(super) struct Resources;

#[async_trait]
impl ResourceSource for Resources {
    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![ResourceTemplate {
            uri_template: TEMPLATE.to_owned(),
            name: "execution".to_owned(),
            description:
                "What an agent did in one run: the conversation, every answer of the model, every call of a tool"
                    .to_owned(),
            media_type: MEDIA_TYPE.to_owned(),
        }]
    }

    /// Runs are too many to be listed; the answer of one names its own.
    async fn list(&self, _: &Visitor, _: Option<&str>, _: usize) -> Result<Vec<ResourceCard>, Fault> {
        Ok(Vec::new())
    }

    async fn read(&self, visitor: &Visitor, uri: &str) -> Result<Option<Vec<ResourceContent>>, Fault> {
        let Some((id, execution)) = uri.strip_prefix(SCHEME).and_then(|rest| rest.split_once(BETWEEN)) else {
            return Ok(None);
        };
        let status = match visitor.read("agent_status", json!({ "id": id, "executionId": execution })).await {
            // What cannot be an id is the id of nothing.
            Err(fault) if fault.is(&codes::BAD_INPUT) => return Ok(None),
            answer => unless_hidden(answer)?,
        };
        let Some(status) = status else { return Ok(None) };
        let transcript = status.get("execution").unwrap_or(&Value::Null);
        let text = serde_json::to_string_pretty(transcript).map_err(Fault::internal)?;
        let (uri, media_type) = (uri.to_owned(), MEDIA_TYPE.to_owned());
        Ok(Some(vec![ResourceContent { uri, media_type, body: Body::Text(text) }]))
    }
}
