//! The embedded index of vectors: everything in memory that a search looks at, and a log in a folder from which that is read again
//! at a start. What was chosen and why: docs/decisions/0019.

mod closed;
mod code;
mod generations;
mod keeping;
mod kernels;
mod log;
mod records;
mod room;
mod search;
mod segment;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

pub use self::closed::ClosedVectors;
use self::code::Query;
use self::generations::Generations;
use self::room::look;
use self::search::Scene;
use crate::kernel::tasks;
use crate::port::vectors::{Change, Corner, Fullness, Near, Reached, Search, Space, VectorFault, Vectors, fitting};

/// An index in a folder of its own.
#[derive(Debug, Clone)]
pub struct EmbeddedVectors {
    folder: PathBuf,
    generations: Arc<Generations>,
}

impl EmbeddedVectors {
    /// Opens the index of a folder, which is made when it is not there. What cannot be read is thrown away, which the log says:
    /// the mark is `None` then.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open(folder: &Path) -> Result<Self, VectorFault> {
        Self::open_in_pieces(folder, log::PIECE)
    }

    /// Like `open`, with pieces of another size on the disk.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn open_in_pieces(folder: &Path, bytes: u64) -> Result<Self, VectorFault> {
        let generations = Generations::open(folder, bytes.clamp(1024, 1 << 30))?;
        Ok(Self { folder: folder.to_owned(), generations: Arc::new(generations) })
    }

    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Generations) -> Result<T, VectorFault> + Send + 'static,
    ) -> Result<T, VectorFault> {
        let generations = self.generations.clone();
        let ended = tasks::blocking(move || work(&generations)).await;
        ended.unwrap_or_else(|| Err(VectorFault::Broken("work on the index ended early".to_owned())))
    }
}

#[async_trait]
impl Vectors for EmbeddedVectors {
    async fn mark(&self) -> Result<Option<i64>, VectorFault> {
        Ok(self.generations.current().mark())
    }

    async fn take(&self, changes: Vec<Change>, mark: Option<i64>) -> Result<(), VectorFault> {
        fitting(&changes)?;
        self.beside(move |generations| generations.take(changes, mark)).await
    }

    async fn search(&self, search: Search) -> Result<Vec<Near>, VectorFault> {
        if let Some(why) = search.space.misfit(&search.vector) {
            return Err(VectorFault::Unfit(why));
        }
        let Some(first) = search.corners.first() else { return Ok(Vec::new()) };
        if search.corners.iter().any(|corner| (corner.tenant, &corner.of) != (first.tenant, &first.of)) {
            return Err(VectorFault::Broken("a search in corners of several tenants or kinds".to_owned()));
        }
        // Room and files are those of one generation.
        let keeping = self.generations.current();
        let Some(room) = keeping.house().room(&search.space, first) else { return Ok(Vec::new()) };
        self.beside(move |_| {
            let query = Query::new(&search.vector, &keeping.house().turning(search.space.size));
            let scene = Scene::new(&look(&room), &search, keeping.rests());
            Ok(scene.nearest(&query, search.limit))
        })
        .await
    }

    async fn get(&self, space: &Space, corner: &Corner, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<f32>)>, VectorFault> {
        let keeping = self.generations.current();
        let Some(room) = keeping.house().room(space, corner) else { return Ok(Vec::new()) };
        let (part, ids) = (corner.part.clone(), ids.to_vec());
        self.beside(move |_| {
            let held: Vec<_> = {
                let room = look(&room);
                let number = room.part(&part);
                let spots = ids.into_iter().map(|id| (id, room.spot(id)));
                let there =
                    spots.filter_map(|(id, spot)| Some((id, spot.filter(|spot| Some(spot.segment) == number)?)));
                there.filter_map(|(id, spot)| Some((id, room.segment(spot.segment)?.held(spot.slot)?))).collect()
            };
            let rests = keeping.rests();
            Ok(held.into_iter().map(|(id, (block, at))| (id, search::vector_at(&block, at, &rests))).collect())
        })
        .await
    }

    async fn clear(&self) -> Result<(), VectorFault> {
        self.beside(Generations::clear).await
    }

    async fn reached(&self) -> Result<Option<Reached>, VectorFault> {
        self.beside(Generations::reached).await
    }

    async fn take_next(&self, changes: Vec<Change>, reached: Reached) -> Result<(), VectorFault> {
        fitting(&changes)?;
        self.beside(move |generations| generations.take_next(changes, reached)).await
    }

    async fn turn_over(&self) -> Result<(), VectorFault> {
        self.beside(Generations::turn_over).await
    }

    async fn fullness(&self) -> Result<Fullness, VectorFault> {
        self.beside(|generations| Ok(generations.fullness())).await
    }

    fn place(&self) -> String {
        format!("embedded, in {}", self.folder.display())
    }
}
