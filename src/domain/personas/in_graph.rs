//! Personas of a tenant as nodes of the graph.

use serde_json::json;

use super::model::{PERSONA, Persona};
use super::topics::{CREATED, UPDATED};
use crate::kernel::reading;
use crate::port::graph_mirror::{Image, Mirrored};
use crate::port::records::Record;

/// Personas in the graph.
pub static IN_GRAPH: Mirrored = Mirrored {
    kind: &PERSONA,
    of: "persona",
    topics: &[CREATED, UPDATED],
    record: |persona_id| Some(Persona::id(persona_id)),
    image,
};

fn image(record: &Record) -> Option<Image> {
    let persona: Persona = reading::read(record.body.clone()).ok()?;
    let profile = persona.profile;
    let properties = json!({
        "description": profile.description,
        "role": profile.role,
        "expertise": profile.expertise,
        "tags": profile.tags,
        "version": persona.version,
    });
    let properties = properties.as_object().cloned().unwrap_or_default();
    Some(Image { key: persona.persona_id, name: profile.title, properties, ties: Vec::new() })
}
