//! Documents as resources: the text of each, under `document://` and its id.

use async_trait::async_trait;
use serde_json::json;

use super::topics::{DELETED, UPLOADED};
use crate::capability::events::Event;
use crate::capability::source::{
    Body, ResourceCard, ResourceContent, ResourceSource, ResourceTemplate, Visitor, unless_hidden,
};
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;

const SCHEME: &str = "document://";
const TEMPLATE: &str = "document://{id}";
const MEDIA_TYPE: &str = "text/plain";
/// The most characters that one answer of `document_get` has.
const PIECE: u64 = 200_000;
/// The most pieces that a resource has.
const MOST_PIECES: usize = 20;

/// The documents that a visitor may read.
pub struct Resources;

#[async_trait]
impl ResourceSource for Resources {
    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![ResourceTemplate {
            uri_template: TEMPLATE.to_owned(),
            name: "document".to_owned(),
            description: "The text of an uploaded document".to_owned(),
            media_type: MEDIA_TYPE.to_owned(),
        }]
    }

    /// There may be very many: they are found by the tools, and read here by id.
    async fn list(&self, _: &Visitor, _: Option<&str>, _: usize) -> Result<Vec<ResourceCard>, Fault> {
        Ok(Vec::new())
    }

    async fn read(&self, visitor: &Visitor, uri: &str) -> Result<Option<Vec<ResourceContent>>, Fault> {
        let Some(id) = uri.strip_prefix(SCHEME).filter(|id| id.parse::<DocumentId>().is_ok()) else { return Ok(None) };
        let mut text = String::new();
        let mut offset = 0;
        for _ in 0..MOST_PIECES {
            let input = json!({ "id": id, "offset": offset, "length": PIECE });
            let Some(told) = unless_hidden(visitor.read("document_get", input).await)? else { return Ok(None) };
            text.push_str(told["text"].as_str().unwrap_or_default());
            match told["nextOffset"].as_u64() {
                Some(next) => offset = next,
                None => break,
            }
        }
        let body = Body::Text(text);
        Ok(Some(vec![ResourceContent { uri: uri.to_owned(), media_type: MEDIA_TYPE.to_owned(), body }]))
    }

    async fn complete(&self, _: &Visitor, _: &str, _: &str, _: &str) -> Option<Vec<String>> {
        None
    }

    fn touched(&self, event: &Event) -> Vec<String> {
        let about = [UPLOADED, DELETED].contains(&event.topic.as_str());
        about.then(|| format!("{SCHEME}{}", event.subject)).into_iter().collect()
    }
}
