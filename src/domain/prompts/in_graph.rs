//! Prompts of a tenant as nodes of the graph: what they are called and for, never what they say.

use serde_json::json;

use super::model::prompt::{PROMPT, Prompt};
use super::topics::{CREATED, PUBLISHED, UPDATED};
use crate::kernel::reading;
use crate::port::graph_mirror::{Image, Mirrored};
use crate::port::records::Record;

/// Prompts in the graph.
pub static IN_GRAPH: Mirrored = Mirrored {
    kind: &PROMPT,
    of: "prompt",
    topics: &[CREATED, UPDATED, PUBLISHED],
    record: |prompt_id| Some(Prompt::id(prompt_id)),
    image,
};

fn image(record: &Record) -> Option<Image> {
    let prompt: Prompt = reading::read(record.body.clone()).ok()?;
    let properties = json!({
        "description": prompt.description,
        "kind": prompt.kind,
        "tags": prompt.tags,
        "published": prompt.published,
    });
    let properties = properties.as_object().cloned().unwrap_or_default();
    Some(Image { key: prompt.prompt_id, name: prompt.name, properties, ties: Vec::new() })
}
