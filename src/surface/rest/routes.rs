//! The tools' routes: a path and a method find a tool and the inputs that the path holds. Made once from the built-in tools;
//! tools that tenants add have no routes.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::capability::outcome::Form;
use crate::capability::spec::{Effect, Verb};
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// What a route leads to.
pub struct Target {
    /// The tool.
    pub tool: Arc<Tool>,
    /// The path of what the tool creates, up to its id, where there is a route to read it.
    pub created_at: Option<String>,
    /// The inputs that the path holds, in order.
    names: Vec<&'static str>,
}

impl Target {
    /// Whether the answer is one value, which can also be told later.
    #[must_use]
    pub fn is_value(&self) -> bool {
        matches!(self.tool.form, Form::Value | Form::Content)
    }
}

type Methods = BTreeMap<Verb, Arc<Target>>;

/// All routes.
pub struct Routes {
    by_path: matchit::Router<Methods>,
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
        // Methods of one path may call its inputs by different names: the path is known by its shape.
        let mut shapes: BTreeMap<String, Methods> = BTreeMap::new();
        let mut by_tool = HashMap::new();
        for tool in tools {
            for route in &tool.routes {
                let (shape, names) = shape(route.path);
                let created_at = (tool.effect == Effect::Create && reads_one(tools, route.path))
                    .then(|| format!("{}{}/", super::PREFIX, route.path));
                let target = Arc::new(Target { tool: tool.clone(), created_at, names });
                by_tool.entry(tool.name.clone()).or_insert_with(|| target.clone());
                let methods = shapes.entry(shape).or_default();
                if let Some(first) = methods.get(&route.verb) {
                    tracing::error!(
                        path = route.path,
                        first = &*first.tool.name,
                        tool = &*tool.name,
                        "a route is there twice"
                    );
                } else {
                    methods.insert(route.verb, target);
                }
            }
        }
        let mut by_path = matchit::Router::new();
        for (shape, methods) in shapes {
            if let Err(error) = by_path.insert(&shape, methods) {
                tracing::error!(shape, %error, "a route cannot be told from another");
            }
        }
        Self { by_path, by_tool }
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
        let Ok(at) = self.by_path.at(path) else { return Ok(Found::Nothing) };
        let Some(target) = verb_of(method).and_then(|verb| at.value.get(&verb)) else {
            return Ok(Found::Others(at.value.keys().copied().collect()));
        };
        let params = target.names.iter().zip(at.params.iter()).map(|(name, (_, value))| {
            let value = percent_decode_str(value)
                .decode_utf8()
                .map_err(|_| Fault::new(&codes::MALFORMED, "the path holds bytes that are not UTF-8"))?;
            Ok(((*name).to_owned(), value.into_owned()))
        });
        Ok(Found::Target(target, params.collect::<Result<_, Fault>>()?))
    }
}

/// A path with its inputs numbered, and their names.
fn shape(path: &'static str) -> (String, Vec<&'static str>) {
    let mut shape = String::with_capacity(path.len());
    let mut names = Vec::new();
    for (index, part) in path.split('{').enumerate() {
        match part.split_once('}') {
            Some((name, rest)) if index > 0 => {
                let (star, name) = name.strip_prefix('*').map_or(("", name), |name| ("*", name));
                let _ = write!(shape, "{{{star}{}}}{rest}", names.len());
                names.push(name);
            }
            _ => shape.push_str(part),
        }
    }
    (shape, names)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known_by_their_shape() {
        assert_eq!(shape("/users/{id}/keys/{keyId}"), ("/users/{0}/keys/{1}".to_owned(), vec!["id", "keyId"]));
        assert_eq!(shape("/files/{*path}"), ("/files/{*0}".to_owned(), vec!["path"]));
        assert_eq!(shape("/users"), ("/users".to_owned(), vec![]));
    }
}
