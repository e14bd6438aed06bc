//! Filling the index anew from the vectors in the store, beside the one that is searched meanwhile. What an earlier process began is gone on
//! with: the index keeps how far it came.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::embedding::{EMBEDDED, EMBEDDING};
use super::super::making::Maker;
use super::{Following, PORTION, index_fault, is_cut_beyond, put, take_since};
use crate::capability::cx::store_fault;
use crate::capability::platform::Platform;
use crate::domain::memory::faults::NO_EMBEDDER;
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Place, Query, Scalar, Scope};
use crate::port::vectors::{Index, Reached, Vectors};

/// So often it is begun anew when the index was emptied meanwhile.
const TRIES: u32 = 3;

/// How far filling the index anew has come, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refilling {
    /// How it stands.
    pub stage: Stage,
    /// So many vectors were read.
    pub read: u64,
    /// Of so many that there were when it began, or was taken up.
    pub of: u64,
    /// Whether it went on where an earlier process had been broken off.
    pub taken_up: bool,
}

/// How filling anew stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It goes on.
    Running,
    /// The new generation is in force.
    Complete,
    /// It was broken off: the log says why.
    Failed,
}

/// The one that runs, or the last one of this process.
#[derive(Default)]
pub(super) struct Refills(Mutex<Option<Refilling>>);

impl Refills {
    fn now(&self) -> Option<Refilling> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, refilling: Refilling) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(refilling);
    }

    /// Takes the right to fill anew; `None` where somebody has it.
    fn begin(&self) -> Option<Running<'_>> {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.is_some_and(|now| now.stage == Stage::Running) {
            return None;
        }
        *now = Some(Refilling { stage: Stage::Running, read: 0, of: 0, taken_up: false });
        Some(Running(self))
    }
}

/// The right to fill anew. Where it ends early, it has failed.
struct Running<'a>(&'a Refills);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(now) = self.0.now()
            && now.stage == Stage::Running
        {
            self.0.set(Refilling { stage: Stage::Failed, ..now });
        }
    }
}

impl Following {
    /// How far filling anew has come, or how the last one of this process ended; `None` where there was none.
    #[must_use]
    pub fn refilling(&self) -> Option<Refilling> {
        self.refills.now()
    }

    /// Fills another generation of the index from the vectors in the store, and lets it take the place of the one that is searched meanwhile.
    /// Answers at once where that goes on already.
    ///
    /// # Errors
    /// When nothing embeds here, and when the store or the index fails: what was done is gone on with the next time.
    pub async fn refill(
        &self,
        platform: &Platform,
        tell: impl Fn(Refilling) + Send + Sync,
    ) -> Result<Refilling, Fault> {
        if Maker::of(platform).is_none() {
            let say = "embeddings.model names no embedder: there are no vectors, and no index of them";
            return Err(Fault::new(&NO_EMBEDDER, say));
        }
        let index = platform.service::<Index>()?.0.clone();
        let Some(running) = self.refills.begin() else {
            let idle = Refilling { stage: Stage::Running, read: 0, of: 0, taken_up: false };
            return Ok(self.refilling().unwrap_or(idle));
        };
        let mut tries = 1;
        let (reached, taken_up) = loop {
            match self.read_all(platform, &index, &tell).await {
                Ok(reached) => break reached,
                // A restore, or an index that was filled anew by itself, threw the next generation away.
                Err(_) if tries < TRIES && index.reached().await == Ok(None) => tries += 1,
                Err(fault) => return Err(fault),
            }
        };
        let _turn = self.turn.lock().await;
        index.turn_over().await.map_err(index_fault)?;
        take_since(platform, &index, reached.from).await?;
        let done = Refilling { stage: Stage::Complete, read: reached.read, of: reached.read, taken_up };
        self.refills.set(done);
        drop(running);
        tracing::info!(place = index.place(), vectors = reached.read, "the index of vectors was filled anew");
        Ok(done)
    }

    /// Reads all vectors of the store into the next generation.
    async fn read_all(
        &self,
        platform: &Platform,
        index: &Arc<dyn Vectors>,
        tell: &(impl Fn(Refilling) + Send + Sync),
    ) -> Result<(Reached, bool), Fault> {
        let store = &platform.store;
        let last = store.last(&EMBEDDED).await.map_err(store_fault)?;
        let mut reached = Reached { from: last, after: None, read: 0 };
        let begun = index.reached().await.map_err(index_fault)?.filter(|begun| begun.after.is_some());
        // What changed since that was begun must still be in the log.
        if let Some(begun) = begun
            && (begun.from == last || (begun.from < last && !is_cut_beyond(platform, begun.from).await?))
        {
            reached = begun;
        }
        let taken_up = reached.after.is_some();
        if !taken_up {
            index.take_next(Vec::new(), reached).await.map_err(index_fault)?;
        }
        let of = store.count(Scope::Platform, &EMBEDDING, Filter::All).await.map_err(store_fault)?;
        loop {
            let now = Refilling { stage: Stage::Running, read: reached.read, of: of.max(reached.read), taken_up };
            self.refills.set(now);
            tell(now);
            let after = reached.after.map(|id| Place { key: Scalar::Id(id), id });
            let query = Query { filter: Filter::All, order: "id", descending: false, after, limit: PORTION };
            let page = store.find(Scope::Platform, &EMBEDDING, query).await.map_err(store_fault)?;
            let Some(last) = page.last() else { return Ok((reached, taken_up)) };
            reached = Reached { after: Some(last.id), read: reached.read + page.len() as u64, ..reached };
            let changes = page.into_iter().filter_map(put).collect();
            index.take_next(changes, reached).await.map_err(index_fault)?;
        }
    }
}
