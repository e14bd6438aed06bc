//! The types that a model of DMN defines, as the kinds that a rule set knows.

use std::collections::HashMap;

use super::{name_of, text, text_in};
use crate::port::expressions::Kind;
use crate::port::markup::Element;

/// Types may be made of types so deep.
const DEEPEST: usize = 10;

/// The types of a model.
pub(super) struct Types<'a> {
    by_name: HashMap<String, &'a Element>,
    /// What of them has no place.
    pub(super) left: Vec<(&'a Element, String)>,
}

impl<'a> Types<'a> {
    pub(super) fn new(root: &'a Element) -> Self {
        let named = |element: &'a Element| Some((name_of(element.attribute("name")?), element));
        Self { by_name: root.all("itemDefinition").filter_map(named).collect(), left: Vec::new() }
    }

    /// A type as a rule set names it, and the tests of what its values may be.
    pub(super) fn of(&mut self, name: &str) -> (Option<String>, Option<String>) {
        self.below(name, DEEPEST)
    }

    fn below(&mut self, name: &str, depth: usize) -> (Option<String>, Option<String>) {
        let name = name_of(name);
        if let Some(kind) = Kind::parse(&name) {
            return ((kind != Kind::Any).then(|| kind.name()), None);
        }
        let Some(element) = self.by_name.get(&name).copied().filter(|_| depth > 0) else { return (None, None) };
        let is_list = element.attribute("isCollection") == Some("true");
        let constraint = text_in(element.child("allowedValues")).or_else(|| text_in(element.child("typeConstraint")));
        let (of, allowed) = if element.child("itemComponent").is_some() {
            (Some("context".to_owned()), None)
        } else if let Some(base) = text(element.child("typeRef")) {
            self.below(&base, depth - 1)
        } else {
            (None, None)
        };
        if !is_list {
            return (of, constraint.or(allowed));
        }
        if constraint.is_some() || allowed.is_some() {
            self.left.push((element, format!("what the items of '{name}' may be is not tested")));
        }
        let inner = of.unwrap_or_else(|| "Any".to_owned());
        // Lists of lists are lists of anything.
        let of = if inner.starts_with("list") { "list".to_owned() } else { format!("list<{inner}>") };
        (Some(of), None)
    }
}
