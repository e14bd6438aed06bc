//! The sequencer: takes entries of the log in order, some hundred at a time, and adds them to their tenants' chains and to the
//! tree. It works behind the writers and never holds one up. Of several instances one does it: whoever finds that the head has
//! moved under its hands lets the other go on, and looks again when that one has been idle.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::hash::{Class, NOTHING, Said, leaf, of_entry, of_link};
use super::kept::{self, ChainEnd, Head, Link, WIDTH, head_id, platform};
use crate::capability::cx::store_fault;
use crate::capability::gate::audit::AUDIT;
use crate::kernel::clock::Clock;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::logs::{Entry, LogQuery};
use crate::port::records::{Filter, Scope};
use crate::port::store::{Batch, Conflict, Expect, Step, Store, StoreFault};

/// Entries that are taken at a time.
const STRETCH: u32 = 1024;

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// So many entries were added; there may be more.
    Added(usize),
    /// Every entry is in the chain.
    Done,
    /// Another instance does it.
    Elsewhere,
}

/// What one instance remembers between two rounds. It is good as long as the head has the revision that it was left with.
struct Standing {
    head: Head,
    revision: i64,
    /// The links of the last bundle, which is not full.
    bundle: Vec<Link>,
    /// The last tile of each tier, which is not full.
    tiles: Vec<Vec<super::hash::Hash>>,
    chains: BTreeMap<TenantId, ChainEnd>,
}

/// Tenants whose chains are remembered between two rounds.
const CHAINS: usize = 4096;

/// Adds entries to the chains and the tree.
pub struct Sequencer {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    standing: Mutex<Option<Standing>>,
}

impl Sequencer {
    /// A sequencer of a store's log.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, standing: Mutex::new(None) }
    }

    /// Up to where the log is chained, where that is not all of it: a look that costs next to nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn behind_at(&self) -> Result<Option<i64>, Fault> {
        let last = self.store.last(&AUDIT).await.map_err(store_fault)?;
        let head = head(&*self.store).await?.map_or(0, |(head, _)| head.position);
        Ok((last > head).then_some(head))
    }

    /// Whether there is anything to do.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_behind(&self) -> Result<bool, Fault> {
        Ok(self.behind_at().await?.is_some())
    }

    /// Adds everything that there is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn catch_up(&self) -> Result<Round, Fault> {
        loop {
            match self.round().await? {
                Round::Added(_) => {}
                ended @ (Round::Done | Round::Elsewhere) => return Ok(ended),
            }
        }
    }

    /// Adds the next entries, in one commit.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn round(&self) -> Result<Round, Fault> {
        let mut remembered = self.standing.lock().await;
        let mut standing = self.stand(remembered.take()).await?;
        let beyond = Some(standing.head.position);
        let query = LogQuery { filter: Filter::All, beyond, descending: false, limit: STRETCH };
        let entries = self.store.entries(Scope::Platform, &AUDIT, query).await.map_err(store_fault)?;
        if entries.is_empty() {
            *remembered = Some(standing);
            return Ok(Round::Done);
        }
        let added = entries.len();
        let hashed = tokio::task::spawn_blocking(move || hashed(entries)).await.map_err(Fault::internal)?;
        let steps = self.add(&mut standing, hashed).await?;
        let batch = Batch { tenant: platform(), at: self.clock.now(), steps };
        match self.store.commit(vec![batch]).await {
            Ok(revisions) => {
                standing.revision = revisions.first().copied().unwrap_or_default();
                *remembered = Some(standing);
                Ok(Round::Added(added))
            }
            Err(StoreFault::Conflict(Conflict::Changed { .. })) => Ok(Round::Elsewhere),
            Err(fault) => Err(store_fault(fault)),
        }
    }

    /// What was remembered, where the head is still the one that it belongs to; else what the store says.
    async fn stand(&self, remembered: Option<Standing>) -> Result<Standing, Fault> {
        let (head, revision) = head(&*self.store).await?.unwrap_or_default();
        if let Some(standing) = remembered
            && standing.revision == revision
            && standing.head == head
        {
            return Ok(standing);
        }
        let bundles = head.size / WIDTH;
        let mut bundle = kept::bundle(&*self.store, bundles).await?;
        // What lies beyond the head is of no commit that this one follows.
        bundle.truncate(usize::try_from(head.size % WIDTH).unwrap_or(0));
        let mut tiles = Vec::new();
        let mut whole = bundles;
        for tier in 1_u32.. {
            if whole == 0 {
                break;
            }
            let mut tile = kept::tile(&*self.store, tier, whole / WIDTH).await?;
            tile.truncate(usize::try_from(whole % WIDTH).unwrap_or(0));
            tiles.push(tile);
            whole /= WIDTH;
        }
        Ok(Standing { head, revision, bundle, tiles, chains: BTreeMap::new() })
    }

    /// The steps that add entries. The head comes first: whoever was overtaken writes nothing.
    async fn add(&self, standing: &mut Standing, entries: Vec<Hashed>) -> Result<Vec<Step>, Fault> {
        if standing.chains.len() > CHAINS {
            standing.chains.clear();
        }
        let mut touched = BTreeMap::new();
        let mut steps = vec![];
        let mut tiles_touched = BTreeMap::new();
        for entry in entries {
            let end = match standing.chains.get(&entry.tenant) {
                Some(end) => *end,
                None => kept::read::<ChainEnd>(&*self.store, entry.tenant.uuid())
                    .await?
                    .map_or(ChainEnd { length: 0, hash: NOTHING }, |(end, _)| end),
            };
            let said = Said {
                tenant: entry.tenant,
                number: end.length + 1,
                at: entry.at,
                class: entry.class,
                entry: entry.hash,
            };
            let hash = of_link(&end.hash, &said);
            let end = ChainEnd { length: said.number, hash };
            standing.chains.insert(entry.tenant, end);
            touched.insert(entry.tenant, end);
            standing.bundle.push(Link { said, position: entry.position, hash });
            standing.head.size += 1;
            standing.head.position = entry.position;
            standing.head.link = hash;
            if standing.head.size.is_multiple_of(WIDTH) {
                let number = standing.head.size / WIDTH - 1;
                steps.push(kept::put_bundle(number, &standing.bundle));
                let leaves: Vec<_> = standing.bundle.iter().map(|link| leaf(&link.hash)).collect();
                standing.bundle.clear();
                fill(&mut standing.tiles, number, &leaves, &mut tiles_touched)?;
            }
        }
        if !standing.bundle.is_empty() {
            steps.push(kept::put_bundle(standing.head.size / WIDTH, &standing.bundle));
        }
        steps.extend(tiles_touched.into_iter().map(|((tier, number), tile)| kept::put_tile(tier, number, &tile)));
        for (tenant, end) in touched {
            steps.push(kept::put(tenant.uuid(), Expect::Anything, &end)?);
        }
        let expect = if standing.revision == 0 { Expect::Absent } else { Expect::Revision(standing.revision) };
        steps.insert(0, kept::put(head_id(), expect, &standing.head)?);
        Ok(steps)
    }
}

/// The head as it is kept, with its revision.
///
/// # Errors
/// When the store fails.
pub async fn head(store: &dyn Store) -> Result<Option<(Head, i64)>, Fault> {
    kept::read::<Head>(store, head_id()).await
}

/// An entry, as far as the chain needs to know it.
struct Hashed {
    tenant: TenantId,
    position: i64,
    at: crate::kernel::time::Timestamp,
    class: Class,
    hash: super::hash::Hash,
}

fn hashed(entries: Vec<Entry>) -> Vec<Hashed> {
    let hash = |entry: Entry| Hashed {
        tenant: entry.tenant,
        position: entry.position,
        at: entry.at,
        class: Class::of(&entry.body),
        hash: of_entry(&entry),
    };
    entries.into_iter().map(hash).collect()
}

/// Adds the root over a full bundle to the tile above it; where that is full, its root to the one above that.
fn fill(
    tiles: &mut Vec<Vec<super::hash::Hash>>,
    number: u64,
    full: &[super::hash::Hash],
    touched: &mut BTreeMap<(u32, u64), Vec<super::hash::Hash>>,
) -> Result<(), Fault> {
    let missing = || Fault::internal("a part of the audit log's tree is missing: audit_verify tells more");
    let (mut number, mut full) = (number, full.to_vec());
    for tier in 1_u32.. {
        let root = kept::whole_root(&full).ok_or_else(missing)?;
        let at = usize::try_from(tier - 1).unwrap_or(usize::MAX);
        if tiles.len() <= at {
            tiles.push(Vec::new());
        }
        let tile = tiles.get_mut(at).ok_or_else(missing)?;
        tile.push(root);
        touched.insert((tier, number / WIDTH), tile.clone());
        number /= WIDTH;
        if tile.len() < usize::try_from(WIDTH).unwrap_or(usize::MAX) {
            return Ok(());
        }
        full = std::mem::take(tile);
    }
    Ok(())
}
