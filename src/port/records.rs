//! Records: typed documents in collections. Each kind is a table of its own, with the document, an envelope (tenant, owner,
//! workspace, visibility, revision, times) and its declared fields as real indexed columns. A kind is declared once, here
//! is what a declaration can say; adapters make tables, columns, indexes and full text from it.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::store::StoreFault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;

/// A kind of document: the declaration from which a store makes the table.
#[derive(Debug)]
pub struct Kind {
    /// The table's name: `snake_case`, unique, never changed once released.
    pub name: &'static str,
    /// The version of the document's form that this program writes, from 1.
    pub version: u32,
    /// Top-level properties of the document that can be filtered and sorted by: real indexed columns.
    pub fields: &'static [Field],
    /// Sets of fields whose values are unique together.
    pub unique: &'static [Unique],
    /// Top-level text properties that full-text search covers.
    pub text: &'static [&'static str],
    /// Whether every version of a document is kept.
    pub history: bool,
    /// The most bytes of a document as it is written: a larger one is refused, and nothing of its batch is written.
    pub largest: usize,
    /// Top-level properties that audit entries and logs must not show.
    pub private: &'static [&'static str],
    /// Whether a change of this kind can change what callers may do: cached callers are resolved anew after one.
    pub authority: Authority,
    /// Whether instances remember what they read of this kind: where a store has several, the others are told of every change
    /// in the commit that makes it.
    pub remembered: bool,
    /// Lifts a document from an older version of the form to the next one: `(from, document)`.
    pub upcast: fn(u32, Value) -> Value,
}

impl Kind {
    /// A kind with no fields, nothing unique, no full text and no history.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            version: 1,
            fields: &[],
            unique: &[],
            text: &[],
            history: false,
            largest: usize::MAX,
            private: &[],
            authority: Authority::Never,
            remembered: false,
            upcast: |_, document| document,
        }
    }
}

/// Which changes of a kind can change what callers may do, and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// None.
    Never,
    /// Changing or removing one; a new one says nothing of callers who are known already.
    OnceMade(Whose),
    /// Making one too.
    Always(Whose),
}

/// Whose rights rest upon a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's of the tenant.
    Everybody,
    /// Those of the user that the document is.
    Itself,
    /// Those of the user whose id the property holds; everybody's where it holds none.
    Named(&'static str),
}

/// A top-level property of a document as an indexed column.
#[derive(Debug)]
pub struct Field {
    /// The property's name as the document writes it (`camelCase`).
    pub name: &'static str,
    /// What it holds.
    pub of: FieldType,
}

/// What a column holds. A missing or null property is a null column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Text, compared as bytes.
    Text,
    /// A 64-bit integer.
    Integer,
    /// True or false.
    Boolean,
    /// A `Timestamp`, written as RFC 3339 in the document.
    Time,
    /// A UUID.
    Id,
}

/// A set of fields whose values are unique together. Documents where one of them is null do not take part.
#[derive(Debug)]
pub struct Unique {
    /// The rule's name, as a conflict names it.
    pub name: &'static str,
    /// The fields.
    pub fields: &'static [&'static str],
    /// Within a tenant, or over all.
    pub across: Across,
}

/// How far a uniqueness rule reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Across {
    /// Within each tenant.
    Tenant,
    /// Over the whole installation.
    Platform,
}

/// A document of a kind.
pub trait Document: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kind.
    const KIND: &'static Kind;
}

/// Who may see a document besides its owner and those with the whole resource's permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Nobody.
    Private,
    /// The members of its workspace.
    Workspace,
    /// Everybody of the tenant who may read the resource.
    #[default]
    Tenant,
}

/// A document as it lies in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its id.
    pub id: Uuid,
    /// Its tenant.
    pub tenant: TenantId,
    /// Counts its changes from 1.
    pub revision: i64,
    /// Who owns it.
    pub owner: Option<Uuid>,
    /// The workspace that it belongs to.
    pub workspace: Option<Uuid>,
    /// Who else may see it.
    pub visibility: Visibility,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The document, lifted to the kind's present version.
    pub body: Value,
}

/// Whose documents a reader may see. Fixed when the reader is made; the adapter adds it to every statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One tenant's.
    Tenant(TenantId),
    /// All tenants': only for what must look across, such as finding the tenant of a key.
    Platform,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// No value.
    Null,
    /// Text.
    Text(String),
    /// An integer.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A moment.
    Time(Timestamp),
    /// A UUID.
    Id(Uuid),
}

/// The envelope's columns, by which every kind can be filtered and sorted besides its own fields.
pub const ENVELOPE: &[Field] = &[
    Field { name: "id", of: FieldType::Id },
    Field { name: "owner", of: FieldType::Id },
    Field { name: "workspace", of: FieldType::Id },
    Field { name: "visibility", of: FieldType::Text },
    Field { name: "createdAt", of: FieldType::Time },
    Field { name: "updatedAt", of: FieldType::Time },
];

/// Which documents. Names are those of declared fields or of the envelope; any other name is a fault of the program.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Every one.
    All,
    /// Those that fit all of these.
    And(Vec<Filter>),
    /// Those that fit one of these.
    Or(Vec<Filter>),
    /// Those that do not fit.
    Not(Box<Filter>),
    /// Field against value. A null field fits no comparison.
    Compare(&'static str, Comparison, Scalar),
    /// Field has one of these values.
    In(&'static str, Vec<Scalar>),
    /// Field has no value.
    IsNull(&'static str),
    /// Text field begins with this.
    StartsWith(&'static str, String),
    /// Full text: every word of it, the last one also as a beginning. Text without words fits nothing.
    Matches(String),
}

impl Filter {
    /// Field equals value.
    #[must_use]
    pub fn is(field: &'static str, value: Scalar) -> Self {
        Self::Compare(field, Comparison::Equal, value)
    }

    /// Both this and the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, one) | (one, Self::All) => one,
            (Self::And(mut all), other) => {
                all.push(other);
                Self::And(all)
            }
            (one, other) => Self::And(vec![one, other]),
        }
    }
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Less.
    Less,
    /// Less or equal.
    AtMost,
    /// Greater.
    Greater,
    /// Greater or equal.
    AtLeast,
}

/// One page of a list. Order is by the field, then by id; nulls come first in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Which documents.
    pub filter: Filter,
    /// The field to sort by.
    pub order: &'static str,
    /// Largest first.
    pub descending: bool,
    /// Only what comes after this place in the order.
    pub after: Option<Place>,
    /// At most so many.
    pub limit: u32,
}

impl Query {
    /// The newest first, at most `limit`.
    #[must_use]
    pub fn newest(filter: Filter, limit: u32) -> Self {
        Self { filter, order: "id", descending: true, after: None, limit }
    }
}

/// A place in an ordered list.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The value of the field that the list is sorted by.
    pub key: Scalar,
    /// The document's id.
    pub id: Uuid,
}

/// A word that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Word {
    /// The word, in any case and with or without marks.
    pub text: String,
    /// Whether words that begin with it are meant, too.
    pub beginning: bool,
}

/// The documents that tell most of some words.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// The words; a document has at least one of them. The rarer a word, the more it tells.
    pub words: Vec<Word>,
    /// Which documents come into question.
    pub filter: Filter,
    /// At most so many.
    pub limit: u32,
}

/// The documents that have many of some words.
#[derive(Debug, Clone, PartialEq)]
pub struct Sharing {
    /// The words.
    pub words: Vec<Word>,
    /// At least so many of them a document has.
    pub least: usize,
    /// Which documents come into question.
    pub filter: Filter,
    /// At most so many.
    pub limit: u32,
}

/// Reads documents. Writing goes through `Store::commit`.
#[async_trait]
pub trait Records: Send + Sync {
    /// One document, `None` when the scope has none of that id.
    async fn get(&self, scope: Scope, kind: &'static Kind, id: Uuid) -> Result<Option<Record>, StoreFault>;

    /// One page of documents.
    async fn find(&self, scope: Scope, kind: &'static Kind, query: Query) -> Result<Vec<Record>, StoreFault>;

    /// Columns of at most so many documents that fit, in no particular order and without the documents: for what is walked over in great
    /// numbers. Names are those of declared fields or of the envelope, and each row has their values in the order in which they are named.
    async fn columns(
        &self,
        scope: Scope,
        kind: &'static Kind,
        names: &'static [&'static str],
        filter: Filter,
        limit: u32,
    ) -> Result<Vec<Vec<Scalar>>, StoreFault>;

    /// The documents of a tenant in the order of how much their full text tells of some words, the most first; of equal ones the smaller
    /// id first. The figure is greater than 0 and can be compared within one answer only.
    async fn rank(
        &self,
        tenant: TenantId,
        kind: &'static Kind,
        ranking: Ranking,
    ) -> Result<Vec<(Record, f64)>, StoreFault>;

    /// The documents of a tenant whose full text has at least so many of some words, in no particular order, and perhaps some that have fewer of
    /// them. Where there are too many, those that tell most of the words. It costs less than `rank`, which looks at all that have any word.
    async fn sharing(&self, tenant: TenantId, kind: &'static Kind, sharing: Sharing)
    -> Result<Vec<Record>, StoreFault>;

    /// How many documents fit.
    async fn count(&self, scope: Scope, kind: &'static Kind, filter: Filter) -> Result<u64, StoreFault>;

    /// The kept versions of a document, newest first; empty where the kind keeps none.
    async fn versions(
        &self,
        scope: Scope,
        kind: &'static Kind,
        id: Uuid,
        limit: u32,
    ) -> Result<Vec<Record>, StoreFault>;

    /// The value of a counter, 0 when it never counted.
    async fn counter(&self, scope: Scope, name: &'static str, key: &str) -> Result<i64, StoreFault>;

    /// The counters of a name whose keys begin with a prefix, by key: at most `limit`, after a key.
    async fn counters(
        &self,
        scope: Scope,
        name: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, i64)>, StoreFault>;
}
