//! What a store holds, piece by piece, as it lies there: how copies are written and taken in, whichever store they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::store::StoreFault;

/// One thing that a store holds, raw: documents are not lifted, texts are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A document of a kind.
    Document {
        /// The kind's name.
        kind: String,
        /// The document.
        row: Row,
    },
    /// A kept version of a document.
    Version {
        /// The kind's name.
        kind: String,
        /// The document as it was.
        row: Row,
    },
    /// An entry of a log.
    Entry {
        /// The log's name.
        log: String,
        /// Its place.
        position: i64,
        /// Its tenant.
        tenant: Uuid,
        /// The stream within the log.
        stream: String,
        /// When it was appended, in milliseconds.
        at: i64,
        /// What it says: JSON.
        body: String,
    },
    /// A counter.
    Counter {
        /// Its tenant.
        tenant: Uuid,
        /// The counter's name.
        name: String,
        /// Which one of that name.
        key: String,
        /// Its value.
        value: i64,
    },
    /// A job.
    Job {
        /// Its tenant.
        tenant: Uuid,
        /// Its id.
        id: Uuid,
        /// The queue that it waits in.
        queue: String,
        /// Smaller comes first.
        priority: i32,
        /// Not before this moment, in milliseconds.
        due: i64,
        /// The fence.
        token: i64,
        /// Held until this moment, in milliseconds.
        held_until: Option<i64>,
        /// What to do: JSON.
        body: String,
    },
    /// The last position that was given to an entry, as far as it is above all entries: none is ever given twice.
    Last {
        /// The log's name.
        log: String,
        /// The position.
        position: i64,
    },
}

/// A document as it lies in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its tenant.
    pub tenant: Uuid,
    /// Its id.
    pub id: Uuid,
    /// Its revision.
    pub revision: i64,
    /// Who owns it.
    pub owner: Option<Uuid>,
    /// The workspace that it belongs to.
    pub workspace: Option<Uuid>,
    /// Who else may see it.
    pub visibility: String,
    /// When it was made, in milliseconds.
    pub created_at: i64,
    /// When it was last changed, in milliseconds.
    pub updated_at: i64,
    /// The version of the form that it is written in.
    pub version: u32,
    /// The document: JSON.
    pub document: String,
}

/// What a store keeps of what another version of the program declared to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// The name of the kind or log.
    pub name: String,
    /// Whether it is a log.
    pub is_log: bool,
    /// The version of the form that its documents are written in at most.
    pub version: u32,
}

/// Pieces, some at a time. Blocks.
pub trait Pieces: Send {
    /// The next ones; none at the end.
    fn next(&mut self) -> Result<Vec<Piece>, StoreFault>;
}

/// Takes pieces in. Blocks.
pub trait Sink: Send {
    /// Takes some.
    fn take(&mut self, pieces: Vec<Piece>) -> Result<(), StoreFault>;

    /// That was all. What is not finished is nothing.
    fn finish(self: Box<Self>) -> Result<(), StoreFault>;
}

/// Copies of stores as files: the form in which a store is kept, moved and restored, whatever it runs on.
pub trait Copies: Send + Sync {
    /// A new copy. The file must not exist, and appears under its name when it is whole. Blocks.
    fn create(&self, file: &Path) -> Result<Box<dyn Sink>, StoreFault>;

    /// A new copy of what another version of the program wrote. It declares names and versions alone, so that the version which
    /// takes it in fills what it searches by anew. Blocks.
    fn create_former(&self, file: &Path, former: &[Former]) -> Result<Box<dyn Sink>, StoreFault>;

    /// What a copy holds, after checking it; a fault when it is none, damaged, or of a newer program. Blocks.
    fn open(&self, file: &Path) -> Result<Box<dyn Pieces>, StoreFault>;
}

/// How many pieces of each part there are, and a digest over them that does not depend on their order: two stores that hold
/// the same have the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    parts: BTreeMap<String, (u64, u128)>,
}

impl Summary {
    /// Takes in pieces. Places that were given and hold nothing are not counted.
    pub fn add_all(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            self.add(piece);
        }
    }

    fn add(&mut self, piece: &Piece) {
        let part = match piece {
            Piece::Document { kind, .. } => format!("documents '{kind}'"),
            Piece::Version { kind, .. } => format!("versions '{kind}'"),
            Piece::Entry { log, .. } => format!("log '{log}'"),
            Piece::Counter { .. } => "counters".to_owned(),
            Piece::Job { .. } => "jobs".to_owned(),
            Piece::Last { .. } => return,
        };
        let digest = Sha256::digest(format!("{piece:?}"));
        let number = digest.iter().take(16).fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
        let (count, sum) = self.parts.entry(part).or_default();
        *count += 1;
        *sum = sum.wrapping_add(number);
    }

    /// Each part with its count and its digest in hex.
    pub fn parts(&self) -> impl Iterator<Item = (&str, u64, String)> {
        self.parts.iter().map(|(part, (count, sum))| (part.as_str(), *count, format!("{sum:032x}")))
    }

    /// The parts in which another differs, in words.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.parts.keys().chain(other.parts.keys()).collect();
        let of = |summary: &Self, name: &String| summary.parts.get(name).copied().unwrap_or_default();
        let differ = names.into_iter().filter(|name| of(self, name) != of(other, name));
        differ.map(|name| format!("{name}: {} and {}", of(self, name).0, of(other, name).0)).collect()
    }
}
