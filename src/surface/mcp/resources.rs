//! Resources of all sources as one list, and reading them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::{
    CacheScope, ErrorData, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate,
};
use serde_json::json;

use super::era::Era;
use super::server::Server;
use crate::capability::source::{Body, ResourceContent, Visitor};
use crate::kernel::fault::Fault;

const LONGEST_URI: usize = 2048;

impl Server {
    /// One page of the resources, source by source.
    pub(super) async fn resources_page(
        &self,
        visitor: &Visitor,
        cursor: Option<&str>,
        era: Era,
    ) -> Result<ListResourcesResult, ErrorData> {
        let place = self.open_cursor("resources", cursor)?;
        let (mut source, mut after) = match place.as_deref().and_then(|place| place.split_once(' ')) {
            Some((source, uri)) => (source.parse().unwrap_or(usize::MAX), Some(uri.to_owned())),
            None => (0, None),
        };
        let mut page = Vec::new();
        let mut next = None;
        while let Some(here) = self.resources.get(source) {
            // One more than fits says whether there is a next page.
            let room = self.page - page.len();
            let listed = here.list(visitor, after.as_deref(), room + 1).await.map_err(|fault| self.refuse(&fault))?;
            let more = listed.len() > room;
            page.extend(listed.into_iter().take(room).map(|card| (source, card)));
            if more {
                next = page.last().map(|(source, card)| format!("{source} {}", card.uri));
                break;
            }
            source += 1;
            after = None;
        }
        let listed = page.into_iter().map(|(_, card)| {
            let mut resource = Resource::new(card.uri, card.name);
            resource.title = card.title;
            resource.description = Some(card.description);
            resource.mime_type = Some(card.media_type);
            resource
        });
        let mut result = ListResourcesResult::with_all_items(listed.collect());
        result.next_cursor = next.map(|place| self.seal_cursor("resources", &place));
        if era == Era::Modern {
            result = result.with_ttl_ms(self.ttl()).with_cache_scope(CacheScope::Private);
        }
        Ok(result)
    }

    /// The templates of all sources, on one page.
    pub(super) fn templates(&self, cursor: Option<&str>, era: Era) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.open_cursor("templates", cursor)?;
        let all = self.resources.iter().flat_map(|source| source.templates()).map(|template| {
            ResourceTemplate::new(template.uri_template, template.name)
                .with_description(template.description)
                .with_mime_type(template.media_type)
        });
        let mut result = ListResourceTemplatesResult::with_all_items(all.collect());
        if era == Era::Modern {
            result = result.with_ttl_ms(self.ttl()).with_cache_scope(CacheScope::Private);
        }
        Ok(result)
    }

    /// The content of a resource.
    pub(super) async fn read(&self, visitor: &Visitor, uri: &str, era: Era) -> Result<ReadResourceResult, ErrorData> {
        let Some(contents) = self.find(visitor, uri).await.map_err(|fault| self.refuse(&fault))? else {
            return Err(not_there(uri));
        };
        let contents = contents.into_iter().map(|content| {
            match content.body {
                Body::Text(text) => ResourceContents::text(text, content.uri),
                Body::Bytes(bytes) => ResourceContents::blob(STANDARD.encode(bytes), content.uri),
            }
            .with_mime_type(content.media_type)
        });
        let mut result = ReadResourceResult::new(contents.collect());
        if era == Era::Modern {
            result = result.with_ttl_ms(0).with_cache_scope(CacheScope::Private);
        }
        Ok(result)
    }

    /// Whether a visitor may read a resource.
    pub(super) async fn is_readable(&self, visitor: &Visitor, uri: &str) -> bool {
        matches!(self.find(visitor, uri).await, Ok(Some(_)))
    }

    async fn find(&self, visitor: &Visitor, uri: &str) -> Result<Option<Vec<ResourceContent>>, Fault> {
        if uri.len() > LONGEST_URI {
            return Ok(None);
        }
        for source in &self.resources {
            if let Some(contents) = source.read(visitor, uri).await? {
                return Ok(Some(contents));
            }
        }
        Ok(None)
    }
}

/// The protocol error for a resource that is not there for the caller.
pub(super) fn not_there(uri: &str) -> ErrorData {
    let uri: String = uri.chars().take(LONGEST_URI).collect();
    ErrorData::resource_not_found("there is no such resource", Some(json!({ "uri": uri })))
}
