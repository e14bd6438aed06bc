//! What of records stands in the graph by itself: declared by the domain whose records they are, kept by whoever keeps the graph. The records
//! are the truth.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::records::{Kind, Record};

/// That records of a kind are nodes of the graph.
#[derive(Debug)]
pub struct Mirrored {
    /// The kind of the records.
    pub kind: &'static Kind,
    /// The type of their nodes.
    pub of: &'static str,
    /// The topics that tell of a change of one.
    pub topics: &'static [&'static str],
    /// The id of the record that an event of these topics has as its subject.
    pub record: fn(&str) -> Option<Uuid>,
    /// The node of a record; nothing where it has none.
    pub image: fn(&Record) -> Option<Image>,
}

/// The node of a record. It is seen by whoever may see the record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Image {
    /// What the record is known by: the node's key.
    pub key: String,
    /// What it is called.
    pub name: String,
    /// What is known of it; null where there is nothing, so that nothing stays.
    pub properties: Map<String, Value>,
    /// What it hangs together with.
    pub ties: Vec<Tie>,
}

/// A relation from the node of a record to another, which is made where there is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tie {
    /// The type of the relation.
    pub of: &'static str,
    /// The type of the other node.
    pub to: &'static str,
    /// What the other is known by.
    pub key: String,
}
