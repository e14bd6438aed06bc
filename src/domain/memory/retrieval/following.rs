//! The index of vectors follows the store: it takes in what the log says since its mark. Where its mark is of another store or from too
//! long ago, it is filled anew from the vectors that lie beside the documents.

mod refilling;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use uuid::Uuid;

use self::refilling::Refills;
pub use self::refilling::{Refilling, Stage};
use super::embedding::{EMBEDDED, EMBEDDING, Embedded, Embedding, fits};
use crate::capability::cx::store_fault;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::reading;
use crate::port::logs::LogQuery;
use crate::port::records::{Filter, Place, Query, Record, Scalar, Scope};
use crate::port::vectors::{Change, Corner, Index, Space, VectorFault, Vectors};

/// So many are taken in at a time.
const PORTION: u32 = 500;
/// So far behind a search catches up by itself; beyond that it goes on with what is there, and says so.
const NEAR_ENOUGH: i64 = 2_000;

/// How far the index has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has everything.
    Whole,
    /// It is being filled, or has much to take in.
    Behind,
}

/// What the log says of a thing.
#[derive(Default)]
struct Said {
    removed: bool,
    /// The vectors that were written since.
    embeddings: Vec<Uuid>,
}

/// Takes in what changed: one at a time.
#[derive(Default)]
pub struct Following {
    turn: Mutex<()>,
    refills: Refills,
}

impl Following {
    /// Takes in what a search should see. It waits neither for an index that must be filled anew nor for who is at it.
    pub(super) async fn for_search(&self, platform: &Platform) -> Result<Standing, Fault> {
        let index = platform.service::<Index>()?.0.clone();
        let last = platform.store.last(&EMBEDDED).await.map_err(store_fault)?;
        if index.mark().await.map_err(index_fault)? == Some(last) {
            return Ok(Standing::Whole);
        }
        let Ok(_turn) = self.turn.try_lock() else { return Ok(Standing::Behind) };
        // Read again: whoever had the turn may have gone on.
        match index.mark().await.map_err(index_fault)? {
            Some(mark) if mark == last => Ok(Standing::Whole),
            None if last == 0 => Ok(Standing::Whole),
            Some(mark) if mark < last && last - mark <= NEAR_ENOUGH && !is_cut_beyond(platform, mark).await? => {
                take_since(platform, &index, mark).await?;
                Ok(Standing::Whole)
            }
            Some(_) | None => Ok(Standing::Behind),
        }
    }

    /// Takes in everything, anew where that is needed.
    ///
    /// # Errors
    /// When the store or the index fails.
    pub async fn catch_up(&self, platform: &Platform) -> Result<(), Fault> {
        let index = platform.service::<Index>()?.0.clone();
        let last = platform.store.last(&EMBEDDED).await.map_err(store_fault)?;
        let mark = index.mark().await.map_err(index_fault)?;
        if mark == Some(last) {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        match index.mark().await.map_err(index_fault)? {
            Some(mark) if mark <= last && !is_cut_beyond(platform, mark).await? => {
                take_since(platform, &index, mark).await
            }
            mark => {
                if mark.is_some() {
                    tracing::info!(place = index.place(), "the index of vectors is of another time and is filled anew");
                }
                fill(platform, &index, last).await
            }
        }
    }

    /// Does what makes everything another, such as a restore, and throws the index away: nobody takes anything in meanwhile.
    ///
    /// # Errors
    /// By what it does, and when the index fails.
    pub async fn anew<T>(&self, platform: &Platform, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let _turn = self.turn.lock().await;
        let done = work.await?;
        let index = platform.service::<Index>()?.0.clone();
        index.clear().await.map_err(index_fault)?;
        Ok(done)
    }
}

/// Whether entries behind a mark that is not the last may have been trimmed away: then there is none, or the first one lies further.
async fn is_cut_beyond(platform: &Platform, mark: i64) -> Result<bool, Fault> {
    let first = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 1 };
    let first = platform.store.entries(Scope::Platform, &EMBEDDED, first).await.map_err(store_fault)?;
    Ok(first.first().is_none_or(|entry| entry.position > mark + 1))
}

async fn take_since(platform: &Platform, index: &Arc<dyn Vectors>, mut mark: i64) -> Result<(), Fault> {
    loop {
        let query = LogQuery { filter: Filter::All, beyond: Some(mark), descending: false, limit: PORTION };
        let entries = platform.store.entries(Scope::Platform, &EMBEDDED, query).await.map_err(store_fault)?;
        let Some(last) = entries.last().map(|entry| entry.position) else { return Ok(()) };
        let ends = entries.len() < PORTION as usize;
        // What was said last of each thing is how it stands.
        let mut said: HashMap<(TenantId, String, Uuid), Said> = HashMap::new();
        for entry in entries {
            let told: Embedded = reading::read(entry.body).map_err(|error| Fault::internal(error.to_string()))?;
            let of = said.entry((entry.tenant, told.of, told.thing)).or_default();
            match told.embedding {
                Some(id) if !of.embeddings.contains(&id) => of.embeddings.push(id),
                Some(_) => {}
                None => *of = Said { removed: true, embeddings: Vec::new() },
            }
        }
        let mut changes = Vec::new();
        for ((tenant, of, thing), said) in said {
            // A new vector takes the place of the one in its own space, and leaves those of other embedders.
            if said.removed {
                changes.push(Change::Remove { tenant, of: of.into(), id: thing });
            }
            for id in said.embeddings {
                let found = platform.store.get(Scope::Tenant(tenant), &EMBEDDING, id).await.map_err(store_fault)?;
                changes.extend(found.and_then(put));
            }
        }
        index.take(changes, Some(last)).await.map_err(index_fault)?;
        mark = last;
        if ends {
            return Ok(());
        }
    }
}

/// Fills the index from the vectors that there are. What changes meanwhile comes after `last` and is taken in next.
async fn fill(platform: &Platform, index: &Arc<dyn Vectors>, last: i64) -> Result<(), Fault> {
    index.clear().await.map_err(index_fault)?;
    let mut after: Option<Place> = None;
    loop {
        let query = Query { filter: Filter::All, order: "id", descending: false, after, limit: PORTION };
        let page = platform.store.find(Scope::Platform, &EMBEDDING, query).await.map_err(store_fault)?;
        after = page.last().map(|last| Place { key: Scalar::Id(last.id), id: last.id });
        let ends = page.len() < PORTION as usize;
        index.take(page.into_iter().filter_map(put).collect(), None).await.map_err(index_fault)?;
        if ends {
            return index.take(Vec::new(), Some(last)).await.map_err(index_fault);
        }
    }
}

fn put(record: Record) -> Option<Change> {
    let tenant = record.tenant;
    let stored = Stored::<Embedding>::read(record).ok()?;
    let numbers = stored.value.numbers().filter(|numbers| fits(numbers));
    let Some(vector) = numbers else {
        tracing::warn!(id = %stored.id, "a vector cannot be read and is left out");
        return None;
    };
    let Embedding { of, thing, part, embedder, size, .. } = stored.value;
    let corner = Corner { tenant, of: of.into(), part: part.into() };
    Some(Change::Put { space: Space { embedder: embedder.into(), size }, corner, id: thing, vector })
}

/// The index's fault as the caller learns it.
pub(super) fn index_fault(fault: VectorFault) -> Fault {
    match fault {
        VectorFault::Unfit(why) | VectorFault::Broken(why) => Fault::internal(why),
        VectorFault::Unavailable(why) => {
            Fault::new(&codes::UNAVAILABLE, "the index of vectors is unavailable").caused_by(why)
        }
    }
}
