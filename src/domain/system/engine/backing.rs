//! Making a backup from its beginning to its end: with the right to, so that no two are made at once, on this instance or another;
//! old ones removed; told of.

use std::pin::pin;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::OwnedMutexGuard;

use super::lead::{Ended, Kept, Lead, SAY_EVERY};
use super::shelf::{Shelf, Stage};
use crate::capability::events::Event;
use crate::capability::platform::Platform;
use crate::domain::identity::default_tenant;
use crate::domain::system::faults;
use crate::domain::system::topics::{COMPLETED, FAILED};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// The right to make a backup.
pub struct Right {
    shelf: Arc<Shelf>,
    lead: Lead,
    _held: OwnedMutexGuard<()>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// The size of what is in it.
    pub size_bytes: u64,
    /// How many files that are.
    pub files: usize,
    /// How many old ones were removed.
    pub removed: usize,
}

impl Right {
    /// Takes the right to make a backup.
    ///
    /// # Errors
    /// `backup_busy` while one is made or restored here or made by another instance; when the store fails.
    pub async fn take(platform: &Platform) -> Result<Self, Fault> {
        let shelf = platform.service::<Shelf>()?;
        let held = shelf.take()?;
        let busy = || Fault::new(&faults::BACKUP_BUSY, "another instance makes a backup");
        let mut lead = Lead::read(platform).await?;
        if lead.elsewhere(platform.clock.now()) {
            return Err(busy());
        }
        // Alone on its store it needs no lease, nor room on a full disk for one.
        if platform.store.instance().is_some() && !lead.take(platform).await? {
            return Err(busy());
        }
        Ok(Self { shelf, lead, _held: held })
    }

    /// How backups have gone until then.
    #[must_use]
    pub fn kept(&self) -> &Kept {
        self.lead.kept()
    }

    /// Gives it up without making one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn give_up(self, platform: &Platform) -> Result<(), Fault> {
        if platform.store.instance().is_none() {
            return Ok(());
        }
        self.lead.end(platform, Ended::Told, Vec::new()).await
    }

    /// Makes it.
    ///
    /// # Errors
    /// When the store, the disk or the object store fails; or the lease is lost.
    pub async fn back_up(
        mut self,
        platform: &Platform,
        name: &str,
        at: Timestamp,
        by_itself: bool,
        tell: impl Fn(Stage) + Send,
    ) -> Result<Made, Fault> {
        let made = self.make(platform, name, at, tell).await;
        let ended = match &made {
            Ok(_) => Ended::Whole(at),
            Err(fault) if by_itself => Ended::Failed(at, fault.to_string()),
            Err(_) => Ended::Told,
        };
        let is_held = platform.store.instance().is_some();
        if is_held || !matches!(ended, Ended::Told) {
            let events = event(platform, &self.shelf, name, &made, by_itself).await;
            let told = match events {
                Ok(events) => self.lead.end(platform, ended, events).await,
                Err(fault) => Err(fault),
            };
            // The backup is what it is all the same.
            if let Err(fault) = told {
                tracing::warn!(?fault, "how the backup went could not be written");
            }
        }
        made
    }

    async fn make(
        &mut self,
        platform: &Platform,
        name: &str,
        at: Timestamp,
        tell: impl Fn(Stage) + Send,
    ) -> Result<Made, Fault> {
        let shelf = self.shelf.clone();
        let manifest = {
            let mut work = pin!(shelf.make(platform, name, at, tell));
            loop {
                tokio::select! {
                    biased;
                    made = &mut work => break made?,
                    () = tokio::time::sleep(SAY_EVERY) => self.go_on(platform).await?,
                }
            }
        };
        let removed = shelf.prune_held(platform.clock.now(), true).await?;
        Ok(Made { name: name.to_owned(), size_bytes: manifest.size_bytes(), files: manifest.files.len(), removed })
    }

    /// Holds the lease for longer.
    async fn go_on(&mut self, platform: &Platform) -> Result<(), Fault> {
        if platform.store.instance().is_none() {
            return Ok(());
        }
        let lost =
            || Fault::new(&faults::BACKUP_BUSY, "another instance has taken over, this one was silent for too long");
        match self.lead.take(platform).await {
            Ok(true) => Ok(()),
            // The store may be back before the lease is over.
            Err(_) if platform.clock.now() < self.lead.until() => Ok(()),
            Ok(false) | Err(_) => Err(lost()),
        }
    }
}

/// What is told of a backup, in the installation's own tenant.
async fn event(
    platform: &Platform,
    shelf: &Shelf,
    name: &str,
    made: &Result<Made, Fault>,
    by_itself: bool,
) -> Result<Vec<Event>, Fault> {
    let Some((tenant_id, _)) = default_tenant(&*platform.store).await? else { return Ok(Vec::new()) };
    let (now, place) = (platform.clock.now(), shelf.place());
    let (topic, data) = match made {
        Ok(made) => {
            let Made { size_bytes, files, removed, .. } = made;
            let data = json!({ "name": name, "place": place, "sizeBytes": size_bytes, "files": files, "removed": removed,
                               "scheduled": by_itself });
            (COMPLETED, data)
        }
        Err(fault) => {
            (FAILED, json!({ "name": name, "place": place, "code": fault.code().name, "scheduled": by_itself }))
        }
    };
    let event = Event::by_itself(tenant_id, now, topic, name.to_owned(), data);
    Ok(vec![Event { key: Some("backup".to_owned()), ..event }])
}
