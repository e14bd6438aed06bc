//! The index of vectors in Qdrant: a collection for each space, in which a point's payload says whose it is; and one with a single point that
//! says which generation is in force and how far the feed was taken in. Several instances on one store share it. What was chosen and why:
//! docs/decisions/0026.

mod planning;
mod reaching;
mod state;
mod wire;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use qdrant_client::Qdrant;
use qdrant_client::qdrant::{
    CountPointsBuilder, DeletePointsBuilder, GetPointsBuilder, QueryPointsBuilder, SearchParamsBuilder,
    UpsertPointsBuilder,
};
use tokio::time::Instant;
use uuid::Uuid;

use self::planning::{Part, plan};
use self::reaching::{Ended, ended};
use self::state::State;
use crate::kernel::secret::Secret;
use crate::port::vectors::{Change, Corner, Fullness, Near, Reached, Search, Space, VectorFault, Vectors, fitting};

/// So many points are written, or read with their vectors, at once.
const AT_ONCE: usize = 256;

/// So many ids are named at once.
const IDS_AT_ONCE: usize = 5_000;

/// So many more than are wanted are asked for, since of equal ones the server answers any.
const MORE: usize = 16;

/// Among so many at most, equal ones are put in order.
const MOST: usize = 10_000;

/// What differs by less is equal.
const EQUAL: f32 = 1e-6;

/// After a server did not answer, those who search are told so at once for so long.
const SILENCE: Duration = Duration::from_secs(1);

/// Where Qdrant is and how it is spoken to.
#[derive(Clone)]
pub struct Settings {
    /// Its address for gRPC, such as `https://qdrant.example.org:6334`.
    pub url: String,
    /// The key that it asks for.
    pub api_key: Option<Secret>,
    /// What the names of all collections of this installation begin with.
    pub prefix: String,
    /// How long a search waits for an answer.
    pub read_timeout: Duration,
    /// How long a write waits for it.
    pub write_timeout: Duration,
}

/// An index in Qdrant.
pub struct QdrantVectors {
    settings: Settings,
    reads: Qdrant,
    writes: Qdrant,
    known: Mutex<Known>,
}

/// What is known of the server.
#[derive(Debug, Default)]
struct Known {
    /// The generation that was last seen in force.
    generation: u64,
    /// Collections that are there.
    collections: HashSet<String>,
    /// When it last did not answer.
    silent: Option<Instant>,
}

impl fmt::Debug for QdrantVectors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("QdrantVectors").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl QdrantVectors {
    /// Connects to a server, which must answer.
    ///
    /// # Errors
    /// When the address cannot be used, or the server does not answer or refuses the key.
    pub async fn open(settings: Settings) -> Result<Self, VectorFault> {
        let client = |timeout: Duration| {
            let mut client = Qdrant::from_url(&settings.url).timeout(timeout).connect_timeout(settings.read_timeout);
            client = client.api_key(settings.api_key.as_ref().map(|key| key.reveal().to_owned()));
            // Its own check of versions would write to standard output.
            client.skip_compatibility_check().build().map_err(|error| VectorFault::Unavailable(error.to_string()))
        };
        let (reads, writes) = (client(settings.read_timeout)?, client(settings.write_timeout)?);
        let opened = Self { settings, reads, writes, known: Mutex::default() };
        opened.heard(opened.reads.health_check().await)?;
        // What says how it is may be open to all; what it holds is not.
        opened.read_state().await?;
        Ok(opened)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the server answered, or why it did not; whether it answers at all is kept in mind.
    fn heard<T>(&self, answered: Result<T, qdrant_client::QdrantError>) -> Result<T, VectorFault> {
        let answered = answered.map_err(|error| ended(&error));
        let silent = matches!(answered, Err(Ended::Silent(_)));
        self.known().silent = silent.then(Instant::now);
        answered.map_err(Ended::fault)
    }

    /// The same; `None` where what was asked for is not there.
    fn found<T>(&self, answered: Result<T, qdrant_client::QdrantError>) -> Result<Option<T>, VectorFault> {
        match answered {
            Err(error) if matches!(ended(&error), Ended::NotThere(_)) => {
                self.known().silent = None;
                Ok(None)
            }
            answered => self.heard(answered).map(Some),
        }
    }

    /// Whoever searches does not wait again for a server that just did not answer.
    fn patience(&self) -> Result<(), VectorFault> {
        match self.known().silent {
            Some(since) if since.elapsed() < SILENCE => {
                Err(VectorFault::Unavailable("Qdrant did not answer just now".to_owned()))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn collection(&self, generation: u64, space: &Space) -> String {
        wire::collection(&self.settings.prefix, generation, space)
    }

    /// Makes the collection of a space where it is not there.
    async fn make_sure_of(&self, collection: &str, size: usize) -> Result<(), VectorFault> {
        if self.known().collections.contains(collection) {
            return Ok(());
        }
        if !self.heard(self.writes.collection_exists(collection).await)? {
            let made = self.writes.create_collection(wire::collection_of(collection, size)).await;
            // Another instance may have been faster.
            match made.map_err(|error| ended(&error)) {
                Err(Ended::Refused(_)) if self.heard(self.writes.collection_exists(collection).await)? => {}
                Ok(_) => {}
                Err(why) => return Err(why.fault()),
            }
        }
        for field in wire::INDEXED {
            self.heard(self.writes.create_field_index(wire::index_of(collection, field)).await)?;
        }
        self.known().collections.insert(collection.to_owned());
        Ok(())
    }

    /// The collections of a generation, or of all.
    async fn collections(&self, generation: Option<u64>) -> Result<Vec<String>, VectorFault> {
        let listed = self.heard(self.writes.list_collections().await)?;
        let names = listed.collections.into_iter().map(|collection| collection.name);
        let of = names.filter(|name| match generation {
            Some(generation) => name.starts_with(&wire::generation(&self.settings.prefix, generation)),
            None => wire::is_ours(&self.settings.prefix, name),
        });
        Ok(of.collect())
    }

    async fn drop_collection(&self, collection: &str) -> Result<(), VectorFault> {
        self.known().collections.remove(collection);
        self.found(self.writes.delete_collection(collection).await).map(|_| ())
    }

    /// Takes changes into a generation.
    async fn take_into(&self, generation: u64, changes: Vec<Change>) -> Result<(), VectorFault> {
        for part in plan(changes) {
            match part {
                Part::Points { removed, put } => self.points(generation, &removed, put).await?,
                Part::NoTenant(tenant) => {
                    for collection in self.collections(Some(generation)).await? {
                        let of = DeletePointsBuilder::new(&collection).points(wire::of_tenant(tenant)).wait(true);
                        self.found(self.writes.delete_points(of).await)?;
                    }
                }
                Part::NoSpace(space) => self.drop_collection(&self.collection(generation, &space)).await?,
            }
        }
        Ok(())
    }

    async fn points(
        &self,
        generation: u64,
        removed: &HashSet<Uuid>,
        put: Vec<(Space, Vec<planning::Point>)>,
    ) -> Result<(), VectorFault> {
        if !removed.is_empty() {
            for collection in self.collections(Some(generation)).await? {
                let stays = put.iter().find(|(space, _)| self.collection(generation, space) == collection);
                let stays: HashSet<Uuid> =
                    stays.map(|(_, points)| points.iter().map(planning::Point::key).collect()).unwrap_or_default();
                let gone: Vec<Uuid> = removed.difference(&stays).copied().collect();
                for ids in gone.chunks(IDS_AT_ONCE) {
                    let of = DeletePointsBuilder::new(&collection).points(wire::points(ids)).wait(true);
                    self.found(self.writes.delete_points(of).await)?;
                }
            }
        }
        for (space, points) in put {
            let collection = self.collection(generation, &space);
            for points in points.chunks(AT_ONCE) {
                let points: Vec<_> = points.iter().map(wire::point).collect();
                self.make_sure_of(&collection, space.size).await?;
                let upsert = || UpsertPointsBuilder::new(&collection, points.clone()).wait(true);
                if self.found(self.writes.upsert_points(upsert()).await)?.is_none() {
                    // Another instance removed it, or somebody else.
                    self.known().collections.remove(&collection);
                    self.make_sure_of(&collection, space.size).await?;
                    self.heard(self.writes.upsert_points(upsert()).await)?;
                }
            }
        }
        Ok(())
    }

    /// The nearest in a collection; `None` where there is none such.
    async fn nearest(
        &self,
        collection: &str,
        search: &Search,
        among: Option<&[Uuid]>,
    ) -> Result<Option<Vec<Near>>, VectorFault> {
        let vector = wire::unit(&search.vector).0;
        let mut ask = search.limit.saturating_add(MORE).min(MOST.max(search.limit));
        loop {
            let query = QueryPointsBuilder::new(collection)
                .query(vector.clone())
                .filter(wire::filter(&search.corners, among))
                .params(SearchParamsBuilder::default().hnsw_ef((2 * ask).max(128) as u64))
                .limit(ask as u64)
                .with_payload(wire::only(&["id"]));
            let Some(answer) = self.found(self.reads.query(query).await)? else { return Ok(None) };
            let near: Vec<Near> = answer.result.iter().filter_map(wire::near).collect();
            // Where the last one is as near as the last that is wanted, there may be more like them, with smaller ids.
            let cut = search.limit.checked_sub(1).and_then(|last| near.get(last));
            let undecided =
                cut.zip(near.last()).is_some_and(|(cut, last)| (cut.likeness - last.likeness).abs() < EQUAL);
            if near.len() < ask || ask >= MOST || !undecided {
                return Ok(Some(near));
            }
            ask = ask.saturating_mul(4).min(MOST);
        }
    }

    async fn searched(&self, generation: u64, search: &Search) -> Result<Option<Vec<Near>>, VectorFault> {
        let collection = self.collection(generation, &search.space);
        let mut near = match (&search.among, search.corners.first()) {
            (_, None) => Vec::new(),
            (None, Some(_)) => {
                let Some(near) = self.nearest(&collection, search, None).await? else { return Ok(None) };
                near
            }
            (Some(among), Some(corner)) => {
                let ids: Vec<Uuid> = among.iter().map(|id| wire::key(corner.tenant, &corner.of, *id)).collect();
                let mut all = Vec::new();
                for ids in ids.chunks(IDS_AT_ONCE) {
                    let Some(near) = self.nearest(&collection, search, Some(ids)).await? else { return Ok(None) };
                    all.extend(near);
                }
                all
            }
        };
        near.sort_by_key(wire::rank);
        near.truncate(search.limit);
        Ok(Some(near))
    }

    async fn read_state(&self) -> Result<State, VectorFault> {
        let collection = wire::state(&self.settings.prefix);
        let asked = GetPointsBuilder::new(&collection, wire::state_point()).with_payload(true);
        let answer = self.found(self.reads.get_points(asked).await)?;
        let point = answer.and_then(|answer| answer.result.into_iter().next());
        let state = point.map(|point| State::read(&point.payload)).unwrap_or_default();
        self.known().generation = state.generation;
        Ok(state)
    }

    /// Writes some of what is kept of the whole, and leaves the rest as it is.
    async fn write_state(&self, payload: state::Payload) -> Result<(), VectorFault> {
        let collection = wire::state(&self.settings.prefix);
        if !self.known().collections.contains(&collection) {
            if !self.heard(self.writes.collection_exists(&collection).await)? {
                let made = self.writes.create_collection(wire::collection_of(&collection, 1)).await;
                if let Err(error) = made
                    && !self.heard(self.writes.collection_exists(&collection).await)?
                {
                    return Err(ended(&error).fault());
                }
            }
            let there = GetPointsBuilder::new(&collection, wire::state_point());
            if self.heard(self.writes.get_points(there).await)?.result.is_empty() {
                let point = wire::empty_state();
                self.heard(
                    self.writes.upsert_points(UpsertPointsBuilder::new(&collection, vec![point]).wait(true)).await,
                )?;
            }
            self.known().collections.insert(collection.clone());
        }
        let asked = wire::set(&collection, payload);
        if self.found(self.writes.set_payload(asked).await)?.is_none() {
            self.known().collections.remove(&collection);
            return Err(VectorFault::Unavailable("what Qdrant keeps of the index was removed".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Vectors for QdrantVectors {
    async fn mark(&self) -> Result<Option<i64>, VectorFault> {
        self.patience()?;
        Ok(self.read_state().await?.mark)
    }

    async fn take(&self, changes: Vec<Change>, mark: Option<i64>) -> Result<(), VectorFault> {
        fitting(&changes)?;
        let state = self.read_state().await?;
        self.take_into(state.generation, changes).await?;
        match mark {
            // It is the mark of this generation only: whoever put another in its place meanwhile has set that one's.
            Some(mark) if state.mark != Some(mark) => self.write_state(State::mark(state.generation, mark)).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn search(&self, search: Search) -> Result<Vec<Near>, VectorFault> {
        if let Some(why) = search.space.misfit(&search.vector) {
            return Err(VectorFault::Unfit(why));
        }
        let Some(first) = search.corners.first() else { return Ok(Vec::new()) };
        if search.corners.iter().any(|corner| (corner.tenant, &corner.of) != (first.tenant, &first.of)) {
            return Err(VectorFault::Broken("a search in corners of several tenants or kinds".to_owned()));
        }
        self.patience()?;
        let generation = self.known().generation;
        if let Some(found) = self.searched(generation, &search).await? {
            return Ok(found);
        }
        // Another generation may have taken over, by another instance.
        let state = self.read_state().await?;
        if state.generation == generation {
            return Ok(Vec::new());
        }
        Ok(self.searched(state.generation, &search).await?.unwrap_or_default())
    }

    async fn get(&self, space: &Space, corner: &Corner, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<f32>)>, VectorFault> {
        self.patience()?;
        let collection = self.collection(self.read_state().await?.generation, space);
        let mut held = Vec::new();
        for some in ids.chunks(AT_ONCE) {
            let keys: Vec<Uuid> = some.iter().map(|id| wire::key(corner.tenant, &corner.of, *id)).collect();
            let asked = GetPointsBuilder::new(&collection, wire::ids(&keys)).with_payload(true).with_vectors(true);
            let Some(answer) = self.found(self.reads.get_points(asked).await)? else { return Ok(Vec::new()) };
            let mut there: std::collections::HashMap<Uuid, Vec<f32>> =
                answer.result.iter().filter_map(|point| wire::held(point, corner)).collect();
            held.extend(some.iter().filter_map(|id| Some((*id, there.remove(id)?))));
        }
        Ok(held)
    }

    async fn reached(&self) -> Result<Option<Reached>, VectorFault> {
        Ok(self.read_state().await?.next)
    }

    async fn take_next(&self, changes: Vec<Change>, reached: Reached) -> Result<(), VectorFault> {
        fitting(&changes)?;
        let state = self.read_state().await?;
        let generation = state.generation + 1;
        if reached.after.is_none() {
            for collection in self.collections(Some(generation)).await? {
                self.drop_collection(&collection).await?;
            }
        } else if state.next.is_none() {
            return Err(VectorFault::Unavailable("its next generation was thrown away: begin anew".to_owned()));
        }
        self.take_into(generation, changes).await?;
        self.write_state(State::next(Some(reached))).await
    }

    async fn turn_over(&self) -> Result<(), VectorFault> {
        let state = self.read_state().await?;
        let Some(reached) = state.next else {
            return Err(VectorFault::Unavailable("it has no next generation".to_owned()));
        };
        self.write_state(State::turned(state.generation + 1, reached.from)).await?;
        self.known().generation = state.generation + 1;
        for collection in self.collections(Some(state.generation)).await? {
            self.drop_collection(&collection).await?;
        }
        Ok(())
    }

    async fn clear(&self) -> Result<(), VectorFault> {
        // What says how far it has come goes first: a clearing that is broken off leaves nothing that seems whole.
        self.drop_collection(&wire::state(&self.settings.prefix)).await?;
        for collection in self.collections(None).await? {
            self.drop_collection(&collection).await?;
        }
        *self.known() = Known::default();
        Ok(())
    }

    async fn fullness(&self) -> Result<Fullness, VectorFault> {
        let generation = self.read_state().await?.generation;
        let mut points = 0;
        for collection in self.collections(Some(generation)).await? {
            let counted = self.found(self.reads.count(CountPointsBuilder::new(&collection).exact(true)).await)?;
            points += counted.and_then(|counted| counted.result).map_or(0, |result| result.count);
        }
        // What it takes there is the server's own business.
        Ok(Fullness { points, ..Fullness::default() })
    }

    fn place(&self) -> String {
        format!("Qdrant at {}, collections {}_*", self.settings.url, self.settings.prefix)
    }
}
