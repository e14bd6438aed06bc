//! Who makes the backups of a store that several instances share: one at a time, by a lease in the store. Whoever holds it says
//! so again and again; one that is gone is missed for as long as the lease lasts, and another takes over. How the backups that
//! are made by themselves went is kept with it, so that every instance knows.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::cx::store_fault;
use crate::capability::events::Event;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, new_uuid};
use crate::kernel::reading;
use crate::kernel::time::Timestamp;
use crate::port::records::{Kind, Scope, Visibility};
use crate::port::store::{Batch, Expect, Put, Step, StoreFault};

/// How long a lease is.
const LEASE: Duration = Duration::from_secs(30);
/// How often whoever holds it says so.
pub(super) const SAY_EVERY: Duration = Duration::from_secs(8);
/// What the document is named by: there is one.
const ID: u128 = 0x6261_636b_7570_5f6c_6561_645f_6f6e_6501;

/// The kind of the one document. It belongs to no tenant.
pub(crate) static BACKUP_LEAD: Kind = Kind::new("backup_lead");

/// This instance, as leases name it: a service of the platform.
pub struct BackupsBy(Uuid);

impl BackupsBy {
    /// On a store that other instances may share.
    #[must_use]
    pub fn one_of_several(now: Timestamp) -> Self {
        Self(new_uuid(now))
    }

    /// On a store that nobody shares: what an earlier run held is its own.
    #[must_use]
    pub const fn alone() -> Self {
        Self(Uuid::from_u128(1))
    }
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Since when there is a schedule.
    pub since: Timestamp,
    /// When the last whole backup was begun.
    pub last_at: Option<Timestamp>,
    /// When the last one was begun that failed, where none was whole after it.
    pub failed_at: Option<Timestamp>,
    /// Why it failed.
    pub failure: Option<String>,
    holder: Option<Uuid>,
    until: Timestamp,
}

/// How a backup ended.
pub(super) enum Ended {
    /// It is whole; when it was begun.
    Whole(Timestamp),
    /// One that was made by itself failed; when it was begun, and why.
    Failed(Timestamp, String),
    /// One that somebody asked for failed: they are told, and nobody else.
    Told,
}

/// The lease, as it was read last.
pub struct Lead {
    me: Uuid,
    kept: Kept,
    revision: Option<i64>,
}

fn nobody() -> TenantId {
    TenantId::from_uuid(Uuid::nil())
}

impl Lead {
    /// Reads it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(platform: &Platform) -> Result<Self, Fault> {
        let me = platform.service::<BackupsBy>()?.0;
        let found = platform.store.get(Scope::Tenant(nobody()), &BACKUP_LEAD, Uuid::from_u128(ID)).await;
        let (kept, revision) = if let Some(record) = found.map_err(store_fault)? {
            (reading::read(record.body).map_err(Fault::internal)?, Some(record.revision))
        } else {
            let now = platform.clock.now();
            (Kept { since: now, last_at: None, failed_at: None, failure: None, holder: None, until: now }, None)
        };
        Ok(Self { me, kept, revision })
    }

    /// What is kept.
    #[must_use]
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Whether nobody has written it yet.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.revision.is_none()
    }

    /// Whether another instance makes a backup.
    #[must_use]
    pub fn elsewhere(&self, now: Timestamp) -> bool {
        self.kept.until > now && self.kept.holder.is_some_and(|holder| holder != self.me)
    }

    /// When the lease ends.
    pub(super) fn until(&self) -> Timestamp {
        self.kept.until
    }

    /// Takes the lease, or holds it for longer; false when another instance was faster.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take(&mut self, platform: &Platform) -> Result<bool, Fault> {
        let now = platform.clock.now();
        (self.kept.holder, self.kept.until) = (Some(self.me), now.plus(LEASE));
        self.write(platform, Vec::new()).await
    }

    /// Says that there is a schedule, from now on; false when another instance has said so.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin(&mut self, platform: &Platform) -> Result<bool, Fault> {
        self.write(platform, Vec::new()).await
    }

    /// Gives it up, with how the backup ended, and tells of it.
    pub(super) async fn end(mut self, platform: &Platform, ended: Ended, events: Vec<Event>) -> Result<(), Fault> {
        (self.kept.holder, self.kept.until) = (None, platform.clock.now());
        match ended {
            Ended::Whole(begun_at) => {
                (self.kept.last_at, self.kept.failed_at, self.kept.failure) = (Some(begun_at), None, None);
            }
            Ended::Failed(begun_at, why) => {
                (self.kept.failed_at, self.kept.failure) = (Some(begun_at), Some(why));
            }
            Ended::Told => {}
        }
        // Where the lease was lost, whoever has it now says how it goes.
        self.write(platform, events).await.map(drop)
    }

    async fn write(&mut self, platform: &Platform, events: Vec<Event>) -> Result<bool, Fault> {
        let now = platform.clock.now();
        let put = Step::Put(Put {
            kind: &BACKUP_LEAD,
            id: Uuid::from_u128(ID),
            expect: self.revision.map_or(Expect::Absent, Expect::Revision),
            owner: None,
            workspace: None,
            visibility: Visibility::Private,
            body: serde_json::to_value(&self.kept).map_err(Fault::internal)?,
        });
        let mut batches = vec![Batch { tenant: nobody(), at: now, steps: vec![put] }];
        for event in &events {
            batches.push(Batch { tenant: event.tenant_id, at: now, steps: vec![event.step()?] });
        }
        match platform.store.commit(batches).await {
            Ok(revisions) => {
                self.revision = revisions.first().copied();
                for event in events {
                    platform.tell(event.into());
                }
                Ok(true)
            }
            Err(StoreFault::Conflict(_)) => Ok(false),
            Err(fault) => Err(store_fault(fault)),
        }
    }
}
