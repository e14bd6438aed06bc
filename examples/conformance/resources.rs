//! The resources that the suite reads and follows.

use async_trait::async_trait;
use base64::Engine as _;
use convoke::capability::source::{Body, ResourceCard, ResourceContent, ResourceSource, ResourceTemplate, Visitor};
use convoke::kernel::fault::Fault;
use serde_json::json;

use crate::plain::PICTURE;

const TEXT: &str = "test://static-text";
const BINARY: &str = "test://static-binary";
const WATCHED: &str = "test://watched-resource";
const TEMPLATE: &str = "test://template/{id}/data";

pub(crate) struct Fixtures;

#[async_trait]
impl ResourceSource for Fixtures {
    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![ResourceTemplate {
            uri_template: TEMPLATE.to_owned(),
            name: "data".to_owned(),
            description: "Data of an id".to_owned(),
            media_type: "application/json".to_owned(),
        }]
    }

    async fn list(&self, _: &Visitor, after: Option<&str>, limit: usize) -> Result<Vec<ResourceCard>, Fault> {
        let all = [(BINARY, "image/png"), (TEXT, "text/plain"), (WATCHED, "text/plain")];
        let behind = all.into_iter().filter(|(uri, _)| after.is_none_or(|after| *uri > after)).take(limit);
        Ok(behind.map(|(uri, media)| card(uri, media)).collect())
    }

    async fn read(&self, _: &Visitor, uri: &str) -> Result<Option<Vec<ResourceContent>>, Fault> {
        let (media, body) = match uri {
            TEXT => ("text/plain", Body::Text("This is the content of the static text resource.".to_owned())),
            WATCHED => ("text/plain", Body::Text("This resource is watched.".to_owned())),
            BINARY => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(PICTURE).map_err(Fault::internal)?;
                ("image/png", Body::Bytes(bytes))
            }
            other => match other.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data")) {
                Some(id) => {
                    let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
                    ("application/json", Body::Text(data.to_string()))
                }
                None => return Ok(None),
            },
        };
        Ok(Some(vec![ResourceContent { uri: uri.to_owned(), media_type: media.to_owned(), body }]))
    }

    async fn complete(&self, _: &Visitor, template: &str, _: &str, begun: &str) -> Option<Vec<String>> {
        (template == TEMPLATE).then(|| vec![format!("{begun}1"), format!("{begun}2")])
    }
}

fn card(uri: &str, media: &str) -> ResourceCard {
    ResourceCard {
        uri: uri.to_owned(),
        name: uri.trim_start_matches("test://").to_owned(),
        title: None,
        description: "A resource of the conformance suite".to_owned(),
        media_type: media.to_owned(),
    }
}
