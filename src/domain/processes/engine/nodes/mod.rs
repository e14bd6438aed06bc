//! The types of nodes: what each is for, the closed schema of its `config`, which expressions it says and what it names. A type is one
//! struct in one of these files and one line in the list below.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::capability::schema::{SharedSchema, of_input};

pub mod boundaries;
pub mod calls;
pub mod ends;
pub mod gateways;
pub mod people;
pub mod waiting;
pub mod work;

/// What a node is in the play of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Where an execution begins.
    Start,
    /// Where a way ends.
    End,
    /// It does something: it can fail, be tried again, take too long, be compensated.
    Activity,
    /// It waits for something.
    Event,
    /// One way is taken of those that leave it; whatever comes in goes on.
    Exclusive,
    /// All ways are taken; it waits for all that lead to it.
    Parallel,
    /// Every way is taken whose condition holds; it waits for all that may still come.
    Inclusive,
    /// It stands on the edge of an activity, and a way leaves from there.
    Boundary,
    /// It names what undoes an activity.
    Compensation,
}

/// An expression that a node's `config` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Where, as a JSON pointer within `config`.
    pub at: String,
    /// The expression, without `=`.
    pub text: String,
}

/// What a node's `config` names outside of its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A capability or custom tool.
    Tool(String),
    /// An agent.
    Agent(String),
    /// A prompt.
    Prompt(String),
    /// A rule set, its decision and version.
    Rules(String, Option<String>, Option<u32>),
    /// Another process and its version.
    Process(String, Option<String>),
    /// A node of the same process, which it runs.
    Body(String),
}

/// A type of node.
pub trait Typed: JsonSchema + Serialize + DeserializeOwned {
    /// What it is called.
    const NAME: &'static str;
    /// What it is for, in a sentence.
    const ABOUT: &'static str;
    /// What it is in the play of tokens.
    const ROLE: Role;

    /// The expressions that it says.
    fn says(&self) -> Vec<Said> {
        Vec::new()
    }

    /// What it names, each with its place in `config`.
    fn names(&self) -> Vec<(&'static str, Named)> {
        Vec::new()
    }

    /// The activity that it stands on.
    fn on(&self) -> Option<&str> {
        None
    }

    /// What does not go together in it: place in `config` and how to mend it.
    fn amiss(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}

/// A row of the list of types.
pub struct NodeType {
    /// What it is called.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What it is in the play of tokens.
    pub role: Role,
    /// The schema of its `config`.
    pub schema: fn() -> SharedSchema,
    read: fn(&Map<String, Value>) -> Result<Config, String>,
}

macro_rules! node_types {
    ($($variant:ident: $module:ident),+ $(,)?) => {
        /// A `config` as its type reads it.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(clippy::large_enum_variant, reason = "a graph has one for each node, and most are read where they lie")]
        pub enum Config {
            $(#[doc = concat!("Of the type of `", stringify!($module), "::", stringify!($variant), "`.")] $variant($module::$variant),)+
        }

        impl Config {
            /// The type.
            #[must_use]
            pub fn kind(&self) -> &'static NodeType {
                match self { $(Self::$variant(_) => row::<$module::$variant>(),)+ }
            }

            /// The expressions that it says.
            #[must_use]
            pub fn says(&self) -> Vec<Said> {
                match self { $(Self::$variant(one) => one.says(),)+ }
            }

            /// What it names.
            #[must_use]
            pub fn names(&self) -> Vec<(&'static str, Named)> {
                match self { $(Self::$variant(one) => one.names(),)+ }
            }

            /// The activity that it stands on.
            #[must_use]
            pub fn on(&self) -> Option<&str> {
                match self { $(Self::$variant(one) => one.on(),)+ }
            }

            /// What does not go together in it.
            #[must_use]
            pub fn amiss(&self) -> Vec<(&'static str, String)> {
                match self { $(Self::$variant(one) => one.amiss(),)+ }
            }
        }

        /// Every type, in the order of documentation.
        pub static NODE_TYPES: &[NodeType] = &[
            $(NodeType {
                name: <$module::$variant as Typed>::NAME,
                about: <$module::$variant as Typed>::ABOUT,
                role: <$module::$variant as Typed>::ROLE,
                schema: of_input::<$module::$variant>,
                read: |config| read(config).map(Config::$variant),
            },)+
        ];
    };
}

node_types! {
    Start: ends,
    End: ends,
    HumanTask: people,
    Agent: work,
    Tool: work,
    Integration: work,
    Decision: work,
    Script: work,
    Prompt: work,
    SubProcess: calls,
    ForEach: calls,
    Exclusive: gateways,
    Parallel: gateways,
    Inclusive: gateways,
    Timer: waiting,
    Wait: waiting,
    BoundaryTimeout: boundaries,
    BoundaryError: boundaries,
    Compensation: boundaries,
    Compensate: boundaries,
}

/// The type of a name.
#[must_use]
pub fn node_type(name: &str) -> Option<&'static NodeType> {
    NODE_TYPES.iter().find(|one| one.name == name)
}

impl NodeType {
    /// A `config` that fits the schema, read.
    ///
    /// # Errors
    /// What is wrong with it, where the schema does not say so.
    pub fn read(&self, config: &Map<String, Value>) -> Result<Config, String> {
        (self.read)(config)
    }
}

fn read<T: Typed>(config: &Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(config.clone())).map_err(|error| error.to_string())
}

fn row<T: Typed>() -> &'static NodeType {
    // Every type of `Config` is in the list that the same macro made.
    node_type(T::NAME).unwrap_or(&NODE_TYPES[0])
}

/// The expressions of a map of values that begin with `=`, at places below `under`.
pub(super) fn said_in(under: &str, values: &Map<String, Value>, into: &mut Vec<Said>) {
    for (name, value) in values {
        said_at(&format!("{under}/{}", escaped(name)), value, into);
    }
}

/// The same for one value, at any depth.
pub(super) fn said_at(at: &str, value: &Value, into: &mut Vec<Said>) {
    match value {
        Value::String(text) => {
            if let Some(text) = super::definition::expression_of(text) {
                into.push(Said { at: at.to_owned(), text: text.to_owned() });
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                said_at(&format!("{at}/{number}"), item, into);
            }
        }
        Value::Object(members) => said_in(at, members, into),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A name as a JSON pointer writes it.
#[must_use]
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The expression that a text is, where it is one.
fn said(at: &str, text: &str, into: &mut Vec<Said>) {
    if let Some(text) = super::definition::expression_of(text) {
        into.push(Said { at: at.to_owned(), text: text.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_type_has_a_name_of_its_own_and_a_closed_schema() {
        let mut names = std::collections::BTreeSet::new();
        for one in NODE_TYPES {
            assert!(names.insert(one.name), "{} twice", one.name);
            let schema = (one.schema)();
            assert_eq!(schema.get("additionalProperties"), Some(&json!(false)), "{}", one.name);
            assert!(one.about.ends_with('.'), "{}", one.name);
        }
        assert!(node_type("tool").is_some() && node_type("tools").is_none());
    }

    #[test]
    fn expressions_are_found_at_any_depth_with_their_place() {
        let Value::Object(values) = json!({ "a/b": { "list": [1, "= x + 1"] }, "plain": "x", "c": "=y" }) else {
            panic!()
        };
        let mut found = Vec::new();
        said_in("/input", &values, &mut found);
        let found: Vec<_> = found.iter().map(|one| (one.at.as_str(), one.text.as_str())).collect();
        assert_eq!(found, [("/input/a~1b/list/1", "x + 1"), ("/input/c", "y")]);
    }
}
