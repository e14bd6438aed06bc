//! What a file says that is not in the subset: named with its place, never dropped in silence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::xml::Element;

/// The most that are named; how many there are besides is said by the last.
pub(super) const MOST: usize = 200;

/// Something that is not in the subset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outside {
    /// The element, such as `eventBasedGateway`.
    pub element: String,
    /// Its id, or that of the element in which it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The line of the file, from 1.
    pub line: usize,
    /// What it means for the process.
    pub effect: Effect,
    /// What comes of it, and what to do.
    pub say: String,
}

/// What it means that something is not in the subset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The process would run otherwise: the file is refused.
    Flow,
    /// The process runs as it should once what is said is done.
    Todo,
    /// Nothing: it is left out.
    None,
}

/// Collects them.
#[derive(Default)]
pub(super) struct Found {
    all: Vec<Outside>,
    more: usize,
}

impl Found {
    pub(super) fn add(&mut self, element: &Element, id: Option<&str>, effect: Effect, say: impl Into<String>) {
        let id = element.attribute("id").or(id).map(str::to_owned);
        self.named(&element.name, id, element.line, effect, say);
    }

    /// A text that is not longer than it may be; what is cut off is told.
    pub(super) fn cut(&mut self, element: &Element, what: &str, text: String, most: usize) -> String {
        if text.len() <= most || text.chars().count() <= most {
            return text;
        }
        self.add(element, None, Effect::None, format!("the {what} is cut after {most} characters"));
        text.chars().take(most).collect()
    }

    fn named(&mut self, element: &str, id: Option<String>, line: usize, effect: Effect, say: impl Into<String>) {
        // What makes the file refused is always told.
        if self.all.len() >= MOST && (effect != Effect::Flow || self.all.len() >= 2 * MOST) {
            self.more += 1;
            return;
        }
        let id = id.map(|id| id.chars().take(200).collect());
        self.all.push(Outside { element: element.chars().take(100).collect(), id, line, effect, say: say.into() });
    }

    pub(super) fn is_flow(&self) -> bool {
        self.all.iter().any(|one| one.effect == Effect::Flow)
    }

    /// All, those that forbid first, else by line.
    pub(super) fn told(mut self) -> Vec<Outside> {
        self.all.sort_by_key(|one| (one.effect != Effect::Flow, one.effect != Effect::Todo, one.line));
        if self.more > 0 {
            let say = format!("{} more are not named", self.more);
            self.all.push(Outside { element: "more".to_owned(), id: None, line: 0, effect: Effect::None, say });
        }
        self.all
    }
}
