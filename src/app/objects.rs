//! Which object stores, and how they are reached: for blobs, for backups, for checkpoints of the audit log.

use std::path::Path;
use std::sync::Arc;

use super::credential::VaultAtStart;
use super::unusable;
use crate::adapter::anchor::objects::ObjectAnchor;
use crate::adapter::arriving::FolderArriving;
use crate::adapter::folder::FolderBlobs;
use crate::adapter::objects::{Access, ObjectBlobs, ObjectPlace};
use crate::config::Config;
use crate::kernel::bucket::Bucket;
use crate::kernel::clock::Clock;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::new_uuid;
use crate::port::anchors::Anchor;
use crate::port::arriving::ArrivingFiles;
use crate::port::blobs::Blobs;
use crate::port::objects::{Objects, Trial};
use crate::port::secrets::Environment;

/// Blobs that are no object store's.
const FOLDER: &str = "folder";

/// What reaching an object store needs.
#[derive(Clone, Copy)]
pub(crate) struct Reach<'a> {
    pub(crate) config: &'a Config,
    pub(crate) data: &'a Path,
    pub(crate) environment: &'a Arc<dyn Environment>,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) vault: Option<&'a VaultAtStart>,
}

impl Reach<'_> {
    /// Where blobs are kept. An object store that refuses them is wrong in the configuration; one that does not answer may be
    /// back soon.
    pub(super) async fn blobs(self) -> Result<Arc<dyn Blobs>, Fault> {
        if self.config.store.blobs == FOLDER {
            let folder = self.data.join("blobs");
            let blobs = FolderBlobs::open(folder.clone()).map_err(|fault| unusable(&folder, fault))?;
            return Ok(Arc::new(blobs));
        }
        let place = self.place("store.blobs", &self.config.store.blobs, 0).await?;
        match place.try_out(&self.trial()).await {
            Ok(()) => {}
            Err(Trial::Refused(why)) => return Err(wrong("store.blobs", &why)),
            Err(Trial::Unreachable(why)) => tracing::warn!(why, "the blobs cannot be used now"),
        }
        Ok(Arc::new(ObjectBlobs::new(place, self.clock.clone())))
    }

    /// Where files arrive: always here, wherever blobs are kept.
    pub(super) fn arriving(self) -> Result<ArrivingFiles, Fault> {
        let folder = self.data.join("arriving");
        let arriving = FolderArriving::open(folder.clone()).map_err(|fault| unusable(&folder, fault))?;
        Ok(ArrivingFiles(Arc::new(arriving)))
    }

    /// Where backups go, where that is an object store.
    pub(super) async fn backups(self) -> Result<Option<Arc<dyn Objects>>, Fault> {
        let place = &self.config.backup.place;
        if place.is_empty() { Ok(None) } else { self.place("backup.place", place, 0).await.map(Some) }
    }

    /// The anchor in an object store.
    pub(super) async fn anchor(self) -> Result<Arc<dyn Anchor>, Fault> {
        let audit = &self.config.audit;
        let place = self.place("audit.anchor_objects", &audit.anchor_objects, audit.anchor_retain_days).await?;
        Ok(Arc::new(ObjectAnchor::new(place)))
    }

    /// What is wrong with the object stores that the configuration names, each tried out; nothing when all is well.
    pub(crate) async fn faults(self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let (store, backup, audit) = (&self.config.store, &self.config.backup, &self.config.audit);
        let anchored = audit.anchors.iter().any(|anchor| anchor == "objects");
        let all = [
            ("store.blobs", store.blobs.as_str(), store.blobs != FOLDER),
            ("backup.place", backup.place.as_str(), !backup.place.is_empty()),
            ("audit.anchor_objects", audit.anchor_objects.as_str(), anchored),
        ];
        for (key, text, _) in all.into_iter().filter(|(_, _, is_used)| *is_used) {
            let tried = match self.place(key, text, 0).await {
                // What is written among checkpoints may be there to stay.
                Ok(place) if key == "audit.anchor_objects" => {
                    place.check().await.map_err(|fault| wrong(key, &fault.to_string()))
                }
                Ok(place) => place.try_out(&self.trial()).await.map_err(|trial| match trial {
                    Trial::Refused(why) | Trial::Unreachable(why) => wrong(key, &why),
                }),
                Err(fault) => Err(fault),
            };
            faults.extend(tried.err());
        }
        faults
    }

    fn trial(self) -> String {
        new_uuid(self.clock.now()).simple().to_string()
    }

    async fn place(self, key: &str, text: &str, retain_days: u64) -> Result<Arc<dyn Objects>, Fault> {
        let bucket = Bucket::parse(text).map_err(|why| wrong(key, &why))?;
        let objects = &self.config.objects;
        let access = Access {
            endpoint: Some(objects.endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
            region: objects.region.clone(),
            credentials: self.credential("objects.credentials", objects.credentials_in()).await?,
            environment: self.environment.clone(),
            authority: (!objects.tls_ca.is_empty()).then(|| self.data.join(&objects.tls_ca)),
            retain_days,
            clock: self.clock.clone(),
        };
        let place = ObjectPlace::new(bucket, &access).map_err(|why| wrong(key, &why))?;
        Ok(Arc::new(place))
    }
}

fn wrong(key: &str, why: &str) -> Fault {
    Fault::new(&codes::BAD_CONFIGURATION, format!("{key} cannot be used: {why}"))
}
