//! The audit log as resources: what one call did, by its request id. They are read through `audit_query`, by whoever may call it.

use async_trait::async_trait;
use serde_json::json;

use crate::capability::source::{Body, ResourceCard, ResourceContent, ResourceSource, ResourceTemplate, Visitor};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;

const SCHEME: &str = "convoke://audit/";
const TEMPLATE: &str = "convoke://audit/{requestId}";
const JSON: &str = "application/json";

/// What each call did.
pub(super) struct Entries;

#[async_trait]
impl ResourceSource for Entries {
    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![ResourceTemplate {
            uri_template: TEMPLATE.to_owned(),
            name: "audit".to_owned(),
            description: "What a call changed: the entries of the audit log under its request id".to_owned(),
            media_type: JSON.to_owned(),
        }]
    }

    /// None: there are as many as there were changes, and they are searched with `audit_query`.
    async fn list(&self, _: &Visitor, _: Option<&str>, _: usize) -> Result<Vec<ResourceCard>, Fault> {
        Ok(Vec::new())
    }

    async fn read(&self, visitor: &Visitor, uri: &str) -> Result<Option<Vec<ResourceContent>>, Fault> {
        let Some(call) = uri.strip_prefix(SCHEME).and_then(|call| call.parse::<CallId>().ok()) else { return Ok(None) };
        let found = match visitor.read("audit_query", json!({ "requestId": call })).await {
            Ok(found) => found,
            // Who may not read the log is not told what is in it.
            Err(fault) if fault.is(&codes::FORBIDDEN) || fault.is(&codes::UNKNOWN_TOOL) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let entries = found.get("items").filter(|items| items.as_array().is_some_and(|items| !items.is_empty()));
        Ok(entries.map(|entries| {
            let body = Body::Text(entries.to_string());
            vec![ResourceContent { uri: uri.to_owned(), media_type: JSON.to_owned(), body }]
        }))
    }
}
