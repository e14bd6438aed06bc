//! The graph: nodes and the relations between them, walked. The records are the truth; their kinds are declared here, because whoever walks
//! reads them. What a reader may see stands in the view that every question carries, never in the question itself.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;

use super::graph_query::GraphQuery;
use super::logs::{Keep, Log};
use super::records::{Across, Field, FieldType, Filter, Kind, Unique};
use super::store::StoreFault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;

/// Nodes. A key names one of a type within a room: the tenant's, a workspace's, or what is private to somebody.
pub static NODE: Kind = Kind {
    fields: &[
        Field { name: "type", of: FieldType::Text },
        Field { name: "key", of: FieldType::Text },
        Field { name: "nameKey", of: FieldType::Text },
        Field { name: "room", of: FieldType::Text },
        Field { name: "validFrom", of: FieldType::Time },
        Field { name: "validTo", of: FieldType::Time },
    ],
    unique: &[Unique { name: "type_and_key", fields: &["room", "type", "key"], across: Across::Tenant }],
    text: &["name", "aliases", "says"],
    history: true,
    private: &["name", "aliases", "says", "nameKey", "properties", "provenance", "merges"],
    ..Kind::new("graph_node")
};

/// Relations. The id follows from the ends, the type and the beginning of the validity.
pub static RELATION: Kind = Kind {
    fields: &[
        Field { name: "from", of: FieldType::Id },
        Field { name: "to", of: FieldType::Id },
        Field { name: "type", of: FieldType::Text },
        Field { name: "validFrom", of: FieldType::Time },
        Field { name: "validTo", of: FieldType::Time },
    ],
    history: true,
    private: &["properties", "provenance"],
    ..Kind::new("graph_relation")
};

/// Which nodes and relations were written or removed, in the very commits that did it: what a projection follows. Nothing is told where none
/// is kept.
pub static CHANGES: Log = Log {
    name: "graph_changes",
    fields: &[],
    text: &[],
    keep: Keep { age: Duration::from_secs(30 * 86_400), entries: 1_000_000 },
    followed: false,
};

/// Who looks, and at which moment's graph.
#[derive(Debug, Clone)]
pub struct View {
    /// The tenant.
    pub tenant: TenantId,
    /// Which nodes and relations the reader may see: over the envelope alone. What does not fit is not there, at no step of a walk.
    pub visible: Filter,
    /// Only what was valid at this moment; everything where it is none.
    pub at: Option<Timestamp>,
}

/// Which way a relation is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From its beginning to its end.
    Out,
    /// From its end to its beginning.
    In,
    /// Either way.
    Both,
}

/// What one question may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Relations and nodes looked at.
    pub steps: usize,
    /// Rows of the answer.
    pub rows: usize,
    /// Bytes held meanwhile, roughly.
    pub memory: usize,
    /// How long it may take.
    pub time: Duration,
}

/// A relation without its properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub id: Uuid,
    /// Where it begins.
    pub from: Uuid,
    /// Where it ends.
    pub to: Uuid,
    /// Its type.
    pub of: String,
}

/// Which neighbours are wanted.
#[derive(Debug, Clone)]
pub struct Around {
    /// The node in the middle.
    pub node: Uuid,
    /// So many relations away at most.
    pub depth: u32,
    /// Along relations of these types; all where it is empty.
    pub types: Vec<String>,
    /// Which way.
    pub direction: Direction,
    /// So many nodes at most.
    pub most: usize,
}

/// Neighbours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// The nodes, each with how far it is away, the nearest first; not the one in the middle.
    pub nodes: Vec<(Uuid, u32)>,
    /// The relations along which they were found, each once.
    pub links: Vec<Link>,
    /// Whether there is more than may be told.
    pub cut: bool,
}

/// Which paths are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// One of the shortest.
    Shortest,
    /// All of the shortest, as many as `most` says.
    AllShortest,
    /// Those that visit no node twice, the shortest first, as many as `most` says.
    Simple,
}

/// Between which nodes, and how.
#[derive(Debug, Clone)]
pub struct Between {
    /// Where they begin.
    pub from: Uuid,
    /// Where they end.
    pub to: Uuid,
    /// Along relations of these types; all where it is empty.
    pub types: Vec<String>,
    /// Which way each relation is followed.
    pub direction: Direction,
    /// So many relations long at most.
    pub depth: u32,
    /// Which.
    pub which: Which,
    /// So many paths at most.
    pub most: usize,
}

/// A path: one node more than it has links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The nodes, from the beginning to the end.
    pub nodes: Vec<Uuid>,
    /// The relations between them.
    pub links: Vec<Link>,
}

/// Paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    /// The shortest first.
    pub paths: Vec<Path>,
    /// Whether there are more than may be told.
    pub cut: bool,
}

/// What a query answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
    /// Nodes and relations looked at of those that the view has: others leave no trace in it.
    pub steps: usize,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphFault {
    /// More would have to be looked at than the limits say.
    TooManySteps,
    /// The answer has more rows than the limits say.
    TooManyRows,
    /// More would have to be held at once than the limits say.
    TooMuchMemory,
    /// It took longer than the limits say.
    TooLong,
    /// The query does with a value what cannot be done with it.
    Unfit(String),
    /// The store's or the server's fault.
    Store(StoreFault),
}

impl From<StoreFault> for GraphFault {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::TooMuch => Self::TooManySteps,
            other => Self::Store(other),
        }
    }
}

impl fmt::Display for GraphFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManySteps => formatter.write_str("too much of the graph would have to be looked at"),
            Self::TooManyRows => formatter.write_str("the answer has too many rows"),
            Self::TooMuchMemory => formatter.write_str("too much would have to be held at once"),
            Self::TooLong => formatter.write_str("it took too long"),
            Self::Unfit(why) => formatter.write_str(why),
            Self::Store(fault) => fault.fmt(formatter),
        }
    }
}

impl std::error::Error for GraphFault {}

/// How a server is doing that finds in the store's stead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphHealth {
    /// What and where it is.
    pub product: String,
    /// Why questions do without it now; nothing where they do not.
    pub fault: Option<String>,
}

/// What walks the graph.
#[async_trait]
pub trait Graph: Send + Sync {
    /// The nodes around one. A node that the view does not have has none.
    async fn around(&self, view: &View, around: Around, limits: Limits) -> Result<Neighbours, GraphFault>;

    /// Paths between two nodes. From a node to itself there is the path without relations.
    async fn between(&self, view: &View, between: Between, limits: Limits) -> Result<Paths, GraphFault>;

    /// Runs a query.
    async fn run(&self, view: &View, query: &GraphQuery, limits: Limits) -> Result<Table, GraphFault>;

    /// What it is, for people.
    fn place(&self) -> String;

    /// How the server is doing that finds; `None` where there is none.
    fn health(&self) -> Option<GraphHealth> {
        None
    }
}

/// The graph as a service of the platform.
pub struct TheGraph(pub std::sync::Arc<dyn Graph>);

/// A name as names are compared: the words of it in small letters.
#[must_use]
pub fn name_key(name: &str) -> String {
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { lower.trim().to_owned() } else { words.join(" ") }
}
