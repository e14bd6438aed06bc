//! How far a subscription is, held by one instance: who writes it demands the revision that was read, so that an instance
//! which lost its lease writes nothing. Delivering and writing how far one is go apart: a crash in between delivers again.

use std::time::Duration;

use uuid::Uuid;

use crate::capability::cx::store_fault;
use crate::capability::events::Event;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::domain::events::model::progress::Progress;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Scope};
use crate::port::store::{Batch, Expect, Put, Step, StoreFault};

/// How long a lease is. An instance that is gone is missed for as long.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// A lease that ends sooner is not relied upon.
const MARGIN: Duration = Duration::from_secs(2);

/// The progress of a subscription in the hands of an instance.
pub(super) struct Held {
    pub(super) progress: Progress,
    revision: i64,
    owner: Option<Uuid>,
    tenant: TenantId,
    id: Uuid,
    me: Uuid,
}

/// How writing ended.
pub(super) enum Written {
    /// It is on disk.
    Kept,
    /// Somebody else has written it: what is held here is worth nothing.
    Lost,
}

impl Held {
    /// Reads it; `None` when the subscription is no more.
    pub(super) async fn read(platform: &Platform, tenant: TenantId, id: Uuid, me: Uuid) -> Result<Option<Self>, Fault> {
        let found = platform.store.get(Scope::Tenant(tenant), Progress::KIND, id).await.map_err(store_fault)?;
        let Some(stored) = found.map(Stored::<Progress>::read).transpose()? else { return Ok(None) };
        Ok(Some(Self { progress: stored.value, revision: stored.revision, owner: stored.owner, tenant, id, me }))
    }

    /// Until when another instance delivers.
    pub(super) fn elsewhere(&self, now: Timestamp) -> Option<Timestamp> {
        let other = self.progress.holder.is_some_and(|holder| holder != self.me);
        Some(self.progress.until).filter(|until| other && *until > now)
    }

    /// Whether this instance may deliver.
    pub(super) fn is_mine(&self, now: Timestamp) -> bool {
        self.progress.holder == Some(self.me) && self.progress.until > now.plus(MARGIN)
    }

    /// Whether it is time to keep the lease for longer.
    pub(super) fn wears_off(&self, now: Timestamp) -> bool {
        self.progress.until < now.plus(LEASE / 2)
    }

    /// Writes it, with what else belongs to it, and holds the lease for longer; or gives it up.
    pub(super) async fn write(
        &mut self,
        platform: &Platform,
        also: Vec<Step>,
        events: Vec<Event>,
        give_up: bool,
    ) -> Result<Written, Fault> {
        let now = platform.clock.now();
        (self.progress.holder, self.progress.until) =
            if give_up { (None, now) } else { (Some(self.me), now.plus(LEASE)) };
        let mut steps = vec![Step::Put(Put {
            kind: Progress::KIND,
            id: self.id,
            expect: Expect::Revision(self.revision),
            owner: self.owner,
            workspace: None,
            visibility: crate::port::records::Visibility::Private,
            body: serde_json::to_value(&self.progress).map_err(Fault::internal)?,
        })];
        steps.extend(also);
        for event in &events {
            steps.push(event.step()?);
        }
        let batch = Batch { tenant: self.tenant, at: now, steps };
        match platform.store.commit(vec![batch]).await {
            Ok(revisions) => {
                self.revision = revisions.first().copied().unwrap_or(self.revision + 1);
                for event in events {
                    platform.tell(event.into());
                }
                Ok(Written::Kept)
            }
            Err(StoreFault::Conflict(_)) => Ok(Written::Lost),
            Err(fault) => Err(store_fault(fault)),
        }
    }

    /// Whether nobody else has written it since.
    pub(super) async fn is_as_stored(&self, platform: &Platform) -> Result<bool, Fault> {
        let stored = platform.store.get(Scope::Tenant(self.tenant), Progress::KIND, self.id).await;
        Ok(stored.map_err(store_fault)?.is_some_and(|stored| stored.revision == self.revision))
    }

    /// Whose subscription it is.
    pub(super) fn owner(&self) -> Option<Uuid> {
        self.owner
    }
}
