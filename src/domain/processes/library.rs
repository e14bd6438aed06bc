//! The templates that come as files, in the versions that are in force.

use std::sync::Arc;

use super::engine::template::Template;
use crate::kernel::fault::Fault;
use crate::port::expressions::Expressions;
use crate::port::overlay::{ById, FromFile, Shelf};

/// The files in force, by id.
pub type Files = ById<Template>;

/// Keeps the files. Whether they keep what they promise is told by `unmet`, in the program's
/// tests and by `convoke check`, and not at every start.
pub type Templates = Shelf<Template>;

impl FromFile for Template {
    const FOLDER: &'static str = "processes";
    const ENDING: &'static str = "json";

    fn read(stem: &str, text: &str) -> Result<Self, String> {
        Self::read(stem, text)
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// The template of an id.
///
/// # Errors
/// `not_found`, with those that there are.
pub(super) fn named<'a>(files: &'a Files, id: &str) -> Result<&'a Arc<Template>, Fault> {
    files.get(id).ok_or_else(|| {
        let known: Vec<&String> = files.keys().collect();
        Fault::not_found("template", id).with_detail(serde_json::json!({ "templates": known }))
    })
}

/// What the templates do not keep of what they promise, each with its id.
#[must_use]
pub fn unmet(files: &Files, language: &Arc<dyn Expressions>) -> Vec<(String, String)> {
    let of = |template: &Arc<Template>| {
        let id = template.id.clone();
        template.unmet(language).into_iter().map(move |why| (id.clone(), why)).collect::<Vec<_>>()
    };
    files.values().flat_map(of).collect()
}
