//! The worker that has texts embedded: it takes what waits in the queue, many at a time, writes the vectors beside their documents, and
//! lets the index follow. Once for each embedder it looks through everything for what that one has not embedded.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::embedding::{
    EMBEDDING, EMBEDDING_SWEEP, Embedded, Embedding, QUEUE, Searchable, Searched, ToEmbed, digest, sweep_body,
    sweep_id, vector_of,
};
use super::following::Following;
use super::making::Maker;
use crate::capability::caller::{Caller, Principal};
use crate::capability::cx::store_fault;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::domain::identity::model::tenant::platform as platform_tenant;
use crate::domain::models::Asker;
use crate::kernel::codes::Retry;
use crate::kernel::fault::Fault;
use crate::kernel::id::{KeyId, TenantId, UserId, new_uuid};
use crate::kernel::reading;
use crate::port::embedder::Of;
use crate::port::queue::Lease;
use crate::port::records::{Document as _, Filter, Place, Query, Record, Scalar, Scope, Visibility};
use crate::port::store::{Batch, Expect, Put, Step, StoreFault};

/// So long texts are leased.
const LEASE: Duration = Duration::from_mins(5);
/// So many texts are embedded at once.
const AT_ONCE: u32 = 64;
/// The first wait before what failed is tried again; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// And no longer than this.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// So many documents are looked at a time for what is not embedded.
const PAGE: u32 = 200;

/// Has texts embedded.
pub struct Worker {
    platform: Arc<Platform>,
}

/// A text that waits.
struct Waiting {
    lease: Lease,
    /// The revision of the document that the text is of.
    revision: i64,
    of: String,
    thing: Uuid,
    part: String,
    text: String,
}

impl Worker {
    /// The worker of an installation.
    #[must_use]
    pub fn new(platform: Arc<Platform>) -> Self {
        Self { platform }
    }

    /// Embeds what waits, at most so much at once, and lets the index follow; answers how many texts were taken from the queue.
    ///
    /// # Errors
    /// When the store or the index fails.
    pub async fn round(&self) -> Result<usize, Fault> {
        let platform = &self.platform;
        let following = platform.service::<Following>()?;
        let Some(maker) = Maker::of(platform) else { return Ok(0) };
        following.catch_up(platform).await?;
        let now = platform.clock.now();
        if platform.store.next_due(QUEUE).await.map_err(store_fault)?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let leases = platform.store.lease(QUEUE, now, LEASE, AT_ONCE).await.map_err(store_fault)?;
        let count = leases.len();
        let mut payers: BTreeMap<(TenantId, Option<UserId>, Option<KeyId>), Vec<Waiting>> = BTreeMap::new();
        for lease in leases {
            let to_embed: Option<ToEmbed> = reading::read(lease.body.clone()).ok();
            let Some(to_embed) = to_embed else {
                platform.store.finish(&lease).await.map_err(store_fault)?;
                continue;
            };
            let payer = (lease.tenant, to_embed.user, to_embed.key);
            if let Some(waiting) = self.waiting(&maker, lease, to_embed).await? {
                payers.entry(payer).or_default().push(waiting);
            }
        }
        for ((tenant, user, key), waiting) in payers {
            self.embed(&maker, tenant, user, key, waiting).await?;
        }
        following.catch_up(platform).await?;
        Ok(count)
    }

    /// What of a job is to be embedded. Where there is nothing any more its vectors go, where it was embedded the job is done.
    async fn waiting(&self, maker: &Maker, lease: Lease, to_embed: ToEmbed) -> Result<Option<Waiting>, Fault> {
        let platform = &self.platform;
        let ToEmbed { of, thing, .. } = to_embed;
        let searchable = platform.service::<Searched>()?.of(&of);
        let record = match searchable {
            Some(one) => {
                let scope = Scope::Tenant(lease.tenant);
                platform.store.get(scope, one.kind, thing).await.map_err(store_fault)?
            }
            None => None,
        };
        let piece = searchable.zip(record.as_ref()).and_then(|(one, record)| (one.piece)(record));
        let id = Embedding::id(&of, thing, &maker.name());
        let there = vector_of(platform, lease.tenant, id).await?;
        let Some(piece) = piece else {
            if let Some(there) = there {
                let told = Embedded { of, thing, embedding: None }.step()?;
                let removed = Step::Remove { kind: &EMBEDDING, id: there.id, expect: Expect::Anything };
                self.commit(lease.tenant, vec![removed, told, finish(&lease)]).await?;
            } else {
                platform.store.finish(&lease).await.map_err(store_fault)?;
            }
            return Ok(None);
        };
        if there.is_some_and(|there| there.value.digest == digest(&piece.text) && there.value.part == piece.part) {
            platform.store.finish(&lease).await.map_err(store_fault)?;
            return Ok(None);
        }
        let revision = record.map_or(0, |record| record.revision);
        Ok(Some(Waiting { lease, revision, of, thing, part: piece.part, text: piece.text }))
    }

    /// Embeds texts that one pays for.
    async fn embed(
        &self,
        maker: &Maker,
        tenant: TenantId,
        user: Option<UserId>,
        key: Option<KeyId>,
        waiting: Vec<Waiting>,
    ) -> Result<(), Fault> {
        let platform = &self.platform;
        let principal = key.map_or(Principal::LocalOwner, Principal::Key);
        let user = user.unwrap_or_else(|| UserId::from_uuid(Uuid::nil()));
        let caller = Arc::new(Caller { tenant, user, principal, ..Caller::anonymous() });
        let texts = waiting.iter().map(|one| one.text.clone()).collect();
        let made = Box::pin(maker.vectors(&Asker::inside(platform, &caller), texts, Of::Passage)).await;
        let (space, vectors) = match made {
            Ok(made) => made,
            // One text that is refused holds up no others: each is tried by itself.
            Err(fault) if fault.code().retry == Retry::Never && waiting.len() > 1 => {
                for one in waiting {
                    Box::pin(self.embed(maker, tenant, Some(user), key, vec![one])).await?;
                }
                return Ok(());
            }
            Err(fault) => {
                tracing::warn!(%fault, texts = waiting.len(), "texts could not be embedded and wait");
                for one in waiting {
                    let wait = (FIRST_WAIT * 2_u32.saturating_pow(one.lease.attempts.min(16))).min(LONGEST_WAIT);
                    let wait = fault.retry_after().map_or(wait, |asked| asked.max(wait));
                    let due = platform.clock.now().plus(wait);
                    platform.store.put_back(&one.lease, due).await.map_err(store_fault)?;
                }
                return Ok(());
            }
        };
        let mut all: Vec<(Lease, Vec<Step>)> = Vec::new();
        for (one, vector) in waiting.into_iter().zip(vectors) {
            let mut steps = Vec::new();
            let id = Embedding::id(&one.of, one.thing, &space.embedder);
            let embedding = Embedding {
                of: one.of.clone(),
                thing: one.thing,
                part: one.part,
                embedder: space.embedder.to_string(),
                size: space.size,
                digest: digest(&one.text),
                vector: Embedding::written(&vector),
            };
            // A document that was changed or removed meanwhile keeps no vector of this text: both are looked at by this one commit.
            if let Some(searchable) = platform.service::<Searched>()?.of(&one.of) {
                let expect = Expect::Revision(one.revision);
                steps.push(Step::Check { kind: searchable.kind, id: one.thing, expect });
            }
            steps.push(Step::Put(Put {
                kind: Embedding::KIND,
                id,
                expect: Expect::Anything,
                owner: None,
                workspace: None,
                visibility: Visibility::Private,
                body: serde_json::to_value(&embedding).map_err(Fault::internal)?,
            }));
            steps.push(Embedded { of: one.of, thing: one.thing, embedding: Some(id) }.step()?);
            steps.push(finish(&one.lease));
            all.push((one.lease, steps));
        }
        let together = all.iter().flat_map(|(_, steps)| steps.iter().cloned()).collect();
        if self.commit(tenant, together).await? {
            return Ok(());
        }
        // One of them changed meanwhile: the others are written all the same, and that one is looked at anew.
        for (lease, steps) in all {
            if !self.commit(tenant, steps).await? {
                let due = platform.clock.now().plus(FIRST_WAIT);
                platform.store.put_back(&lease, due).await.map_err(store_fault)?;
            }
        }
        Ok(())
    }

    /// Writes all of it, or nothing where something changed meanwhile.
    async fn commit(&self, tenant: TenantId, steps: Vec<Step>) -> Result<bool, Fault> {
        let batch = Batch { tenant, at: self.platform.clock.now(), steps };
        match self.platform.store.commit(vec![batch]).await {
            Ok(_) => Ok(true),
            Err(StoreFault::Conflict(_)) => Ok(false),
            Err(fault) => Err(store_fault(fault)),
        }
    }

    /// Once for each embedder: puts into the queue what it has not embedded. It goes on from the beginning where it was cut, which costs reading.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self) -> Result<usize, Fault> {
        let platform = &self.platform;
        let home = platform_tenant();
        let Some(maker) = Maker::of(platform) else {
            // What is written while nothing embeds is looked for when something does again.
            let steps = self.notes(home).await?;
            if !steps.is_empty() {
                self.commit(home, steps).await?;
            }
            return Ok(0);
        };
        let name = maker.name();
        let note = sweep_id(&name);
        if platform.store.get(Scope::Tenant(home), &EMBEDDING_SWEEP, note).await.map_err(store_fault)?.is_some() {
            return Ok(0);
        }
        let mut found = 0;
        for searchable in &platform.service::<Searched>()?.0 {
            let mut after: Option<Place> = None;
            loop {
                let query = Query { filter: Filter::All, order: "id", descending: false, after, limit: PAGE };
                let page = platform.store.find(Scope::Platform, searchable.kind, query).await.map_err(store_fault)?;
                after = page.last().map(|last| Place { key: Scalar::Id(last.id), id: last.id });
                let ends = page.len() < PAGE as usize;
                let mut waiting: BTreeMap<TenantId, Vec<Step>> = BTreeMap::new();
                let there = self.embedded(searchable, &page, &name).await?;
                for record in page {
                    let Some(piece) = (searchable.piece)(&record) else { continue };
                    let id = Embedding::id(searchable.kind.name, record.id, &name);
                    let known = there.get(&(record.tenant, id));
                    if known.is_some_and(|there| there.digest == digest(&piece.text) && there.part == piece.part) {
                        continue;
                    }
                    let user = piece.user.map(UserId::from_uuid);
                    let to_embed = ToEmbed { of: searchable.kind.name.to_owned(), thing: record.id, user, key: None };
                    let now = platform.clock.now();
                    // What callers do now goes first.
                    let job = to_embed.job(new_uuid(now), now, 10)?;
                    waiting.entry(record.tenant).or_default().push(Step::Enqueue(job));
                    found += 1;
                }
                for (tenant, steps) in waiting {
                    self.commit(tenant, steps).await?;
                }
                if ends {
                    break;
                }
            }
        }
        let put = Put {
            kind: &EMBEDDING_SWEEP,
            id: note,
            expect: Expect::Anything,
            owner: None,
            workspace: None,
            visibility: Visibility::Private,
            body: sweep_body(&name),
        };
        // Going back to another one looks through everything again.
        let mut steps = self.notes(home).await?;
        steps.push(Step::Put(put));
        self.commit(home, steps).await?;
        Ok(found)
    }

    /// What removes every note on which embedder everything was looked through for.
    async fn notes(&self, home: TenantId) -> Result<Vec<Step>, Fault> {
        let notes = Query::newest(Filter::All, 100);
        let store = &self.platform.store;
        let notes = store.find(Scope::Tenant(home), &EMBEDDING_SWEEP, notes).await.map_err(store_fault)?;
        let removed = |note: Record| Step::Remove { kind: &EMBEDDING_SWEEP, id: note.id, expect: Expect::Anything };
        Ok(notes.into_iter().map(removed).collect())
    }

    /// The vectors that an embedder made of documents.
    async fn embedded(
        &self,
        searchable: &Searchable,
        page: &[Record],
        embedder: &str,
    ) -> Result<HashMap<(TenantId, Uuid), Embedding>, Fault> {
        let ids = page.iter().map(|record| Scalar::Id(Embedding::id(searchable.kind.name, record.id, embedder)));
        let filter = Filter::In("id", ids.collect());
        let found = self.platform.store.find(Scope::Platform, &EMBEDDING, Query::newest(filter, PAGE * 4)).await;
        let read = |record: Record| {
            let tenant = record.tenant;
            Stored::<Embedding>::read(record).map(|stored| ((tenant, stored.id), stored.value))
        };
        found.map_err(store_fault)?.into_iter().map(read).collect()
    }
}

fn finish(lease: &Lease) -> Step {
    Step::Finish { queue: QUEUE, id: lease.id, token: lease.token }
}
