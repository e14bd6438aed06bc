//! Vectors: points by which texts are found that mean alike. An index of what the records hold, never the truth: it can be thrown away and filled
//! anew, and says how far in the feed of changes it has come.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::id::TenantId;

/// What made the vectors and how many numbers each has: vectors of two spaces are never compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Space {
    /// The embedder's name, its model and version included.
    pub embedder: Arc<str>,
    /// How many numbers a vector has.
    pub size: usize,
}

/// So many numbers a vector has at most.
pub const LONGEST: usize = 16_384;

impl Space {
    /// What keeps a vector out of the space; `None` when nothing does.
    #[must_use]
    pub fn misfit(&self, vector: &[f32]) -> Option<String> {
        let size = self.size;
        if size == 0 || size > LONGEST {
            return Some(format!("a space of {size} numbers: it must be 1 to {LONGEST}"));
        }
        if vector.len() != size {
            return Some(format!("{} numbers in a space of {size}", vector.len()));
        }
        let square: f64 = vector.iter().map(|number| f64::from(*number) * f64::from(*number)).sum();
        let fits = square.sqrt() <= f64::from(f32::MAX);
        (!fits).then(|| "it has numbers that are none, or too great ones".to_owned())
    }
}

/// Refuses changes with a vector that is none of its space.
///
/// # Errors
/// `Unfit`.
pub fn fitting(changes: &[Change]) -> Result<(), VectorFault> {
    let misfit = changes.iter().find_map(|change| match change {
        Change::Put { space, vector, .. } => space.misfit(vector),
        Change::Remove { .. } | Change::RemoveTenant(_) | Change::RemoveSpace(_) => None,
    });
    misfit.map_or(Ok(()), |why| Err(VectorFault::Unfit(why)))
}

/// Where a point lies: a search names the corners that it looks into, and costs what they hold.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Corner {
    /// The tenant.
    pub tenant: TenantId,
    /// What kind of thing the points stand for: the kind's name.
    pub of: Arc<str>,
    /// Whose they are within the tenant, such as `tenant` or `user:ID`.
    pub part: Arc<str>,
}

/// A change of the index.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A point is there, in place of the one of the same id in the same space and of the same kind, wherever that lay.
    Put {
        /// Its space.
        space: Space,
        /// Where it lies.
        corner: Corner,
        /// What it stands for.
        id: Uuid,
        /// Its vector, of the space's size.
        vector: Vec<f32>,
    },
    /// There is no point of this id and kind in any space.
    Remove {
        /// The tenant.
        tenant: TenantId,
        /// The kind's name.
        of: Arc<str>,
        /// What the point stood for.
        id: Uuid,
    },
    /// There is nothing of the tenant, in any space.
    RemoveTenant(TenantId),
    /// There is nothing in the space, of any tenant.
    RemoveSpace(Space),
}

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Search {
    /// The space of the vector.
    pub space: Space,
    /// Where to look. All are of one tenant and one kind.
    pub corners: Vec<Corner>,
    /// What the points should be near to.
    pub vector: Vec<f32>,
    /// At most so many.
    pub limit: usize,
    /// Only these, where given.
    pub among: Option<Arc<HashSet<Uuid>>>,
}

/// A point that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// What it stands for.
    pub id: Uuid,
    /// The cosine of the angle between the two: 1 is alike, 0 has nothing in common.
    pub likeness: f32,
}

/// How full the index is. Bytes are 0 where only a server knows them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fullness {
    /// Points.
    pub points: u64,
    /// Bytes in memory.
    pub memory_bytes: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
}

/// How far the next generation of an index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The position in the feed at which it was begun. What came later is taken in when it is in force: this is its mark then.
    pub from: i64,
    /// The last of what was read for it; none where nothing was read yet.
    pub after: Option<Uuid>,
    /// How much was read.
    pub read: u64,
}

/// What went wrong in the index. What it holds can be filled anew from the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VectorFault {
    /// A vector has another size than its space, or numbers that are none.
    Unfit(String),
    /// It cannot be reached or has no room.
    Unavailable(String),
    /// Anything else: the text is for the log.
    Broken(String),
}

impl fmt::Display for VectorFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit(why) => write!(formatter, "the vector does not fit: {why}"),
            Self::Unavailable(why) => write!(formatter, "the index of vectors is unavailable: {why}"),
            Self::Broken(why) => write!(formatter, "the index of vectors failed: {why}"),
        }
    }
}

impl std::error::Error for VectorFault {}

/// The service that finds texts which mean alike.
pub struct Index(pub Arc<dyn Vectors>);

/// An index of vectors.
#[async_trait]
pub trait Vectors: Send + Sync {
    /// The position in the feed of changes up to which everything was taken in; `None` when it must be filled from the beginning.
    async fn mark(&self) -> Result<Option<i64>, VectorFault>;

    /// Takes changes in, in order, and then the mark. When it returns, searches see them. After a crash the mark is never further than what is
    /// there: changes that came after it are taken in once more, which changes nothing. Without a mark the one that is there stays.
    async fn take(&self, changes: Vec<Change>, mark: Option<i64>) -> Result<(), VectorFault>;

    /// The nearest points, the nearest first; of equal ones the smaller id first.
    async fn search(&self, search: Search) -> Result<Vec<Near>, VectorFault>;

    /// The vectors of points, as they were put or nearly so, in the order of the ids that are there.
    async fn get(&self, space: &Space, corner: &Corner, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<f32>)>, VectorFault>;

    /// How far the next generation has come, which is filled beside this one; `None` where there is none. It outlives the process.
    async fn reached(&self) -> Result<Option<Reached>, VectorFault>;

    /// Takes changes into the next generation, and then how far it has come. Where nothing was read yet it is begun, and one that was begun before is
    /// thrown away; else what was taken into it before must be there. Searches see none of it.
    async fn take_next(&self, changes: Vec<Change>, reached: Reached) -> Result<(), VectorFault>;

    /// The next generation takes the place of this one, all at once, with `from` as its mark.
    async fn turn_over(&self) -> Result<(), VectorFault>;

    /// Throws everything away, the mark and the next generation too.
    async fn clear(&self) -> Result<(), VectorFault>;

    /// How full it is.
    async fn fullness(&self) -> Result<Fullness, VectorFault>;

    /// Where it is, for people; nothing secret is in it.
    fn place(&self) -> String;
}
