//! XML as a tree, as models come in: DMN, BPMN. Nothing outside is fetched, nothing is expanded, and whatever the bytes are, reading
//! them ends within the limits.

use std::fmt;

/// How much a document may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes.
    pub bytes: usize,
    /// Elements within each other.
    pub depth: usize,
    /// Elements and attributes in all.
    pub parts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 4 << 20, depth: 64, parts: 400_000 }
    }
}

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// The namespace that it is of; empty where it is of none.
    pub namespace: String,
    /// Its name without prefix.
    pub name: String,
    /// Its attributes, by name without prefix.
    pub attributes: Vec<(String, String)>,
    /// The elements in it.
    pub children: Vec<Element>,
    /// The text directly in it.
    pub text: String,
    /// The line that it begins on, from 1.
    pub line: u32,
}

impl Element {
    /// An attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first element of a name in it.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All elements of a name in it.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkupFault {
    /// Why.
    pub say: String,
    /// The line where it shows.
    pub line: u32,
}

impl fmt::Display for MarkupFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.say)
    }
}

/// Reads XML.
pub trait Markup: Send + Sync {
    /// The outermost element.
    ///
    /// # Errors
    /// Where it is no XML, declares a document type, or has more than it may.
    fn read(&self, text: &str, limits: Limits) -> Result<Element, MarkupFault>;
}

/// The service that reads XML.
pub struct Xml(pub std::sync::Arc<dyn Markup>);
