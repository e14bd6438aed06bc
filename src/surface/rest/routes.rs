//! The tools' routes: a path and a method find a tool and the inputs that the path holds. Made once from the built-in tools;
//! tools that tenants add have no routes.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::capability::spec::{Effect, Verb};
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

const VERBS: [Verb; 5] = [Verb::Get, Verb::Post, Verb::Put, Verb::Patch, Verb::Delete];

/// What a route leads to.
pub struct Target {
    /// The tool.
    pub tool: Arc<Tool>,
    /// The path of what the tool creates, up to its id, where there is a route to read it.
    pub created_at: Option<String>,
}

/// All routes.
pub struct Routes {
    by_verb: Vec<(Verb, matchit::Router<Arc<Target>>)>,
    by_tool: HashMap<Arc<str>, Arc<Target>>,
}

/// What is at a path.
pub enum Found<'a> {
    /// A tool, and the inputs of the path.
    Target(&'a Target, Vec<(String, String)>),
    /// Nothing for this method, something for these.
    Others(Vec<Verb>),
    /// Nothing at all.
    Nothing,
}

impl Routes {
    /// The routes of these tools. Two tools with one route are a fault of the program: the first one keeps it.
    #[must_use]
    pub fn of(tools: &[Arc<Tool>]) -> Self {
        let mut by_verb: Vec<_> = VERBS.iter().map(|verb| (*verb, matchit::Router::new())).collect();
        let mut by_tool = HashMap::new();
        for tool in tools {
            for route in &tool.routes {
                let Some((_, router)) = by_verb.iter_mut().find(|(verb, _)| *verb == route.verb) else { continue };
                let created_at = (tool.effect == Effect::Create && reads_one(tools, route.path))
                    .then(|| format!("{}{}/", super::PREFIX, route.path));
                let target = Arc::new(Target { tool: tool.clone(), created_at });
                by_tool.entry(tool.name.clone()).or_insert_with(|| target.clone());
                if let Err(error) = router.insert(route.path, target) {
                    tracing::error!(tool = &*tool.name, path = route.path, %error, "a route is there twice");
                }
            }
        }
        Self { by_verb, by_tool }
    }

    /// Where a tool's own route leads.
    #[must_use]
    pub fn of_tool(&self, name: &str) -> Option<&Target> {
        self.by_tool.get(name).map(|target| &**target)
    }

    /// What is at a path below the prefix.
    ///
    /// # Errors
    /// `malformed` when the path is not text.
    pub fn find(&self, method: &Method, path: &str) -> Result<Found<'_>, Fault> {
        let wanted = verb_of(method);
        if let Some((_, router)) = self.by_verb.iter().find(|(verb, _)| Some(*verb) == wanted)
            && let Ok(at) = router.at(path)
        {
            let params = at.params.iter().map(|(name, value)| {
                let value = percent_decode_str(value)
                    .decode_utf8()
                    .map_err(|_| Fault::new(&codes::MALFORMED, "the path holds bytes that are not UTF-8"))?;
                Ok((name.to_owned(), value.into_owned()))
            });
            return Ok(Found::Target(at.value, params.collect::<Result<_, Fault>>()?));
        }
        let others: Vec<Verb> =
            self.by_verb.iter().filter(|(_, router)| router.at(path).is_ok()).map(|(verb, _)| *verb).collect();
        Ok(if others.is_empty() { Found::Nothing } else { Found::Others(others) })
    }
}

/// Whether what lies below a path can be read by its id.
fn reads_one(tools: &[Arc<Tool>], path: &str) -> bool {
    tools
        .iter()
        .flat_map(|tool| &tool.routes)
        .any(|route| route.verb == Verb::Get && route.path.strip_prefix(path).is_some_and(|rest| rest == "/{id}"))
}

fn verb_of(method: &Method) -> Option<Verb> {
    match *method {
        Method::GET | Method::HEAD => Some(Verb::Get),
        Method::POST => Some(Verb::Post),
        Method::PUT => Some(Verb::Put),
        Method::PATCH => Some(Verb::Patch),
        Method::DELETE => Some(Verb::Delete),
        _ => None,
    }
}
