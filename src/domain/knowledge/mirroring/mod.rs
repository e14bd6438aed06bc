//! Records as nodes of the graph: kept by what events tell of them, and looked through as a whole now and then, so that what was missed, was
//! restored or was changed by hand is put right. What is written follows from the records alone: it does no harm twice, or from two instances.

mod standing;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use self::standing::{Origins, Standing};
use super::model::Node;
use crate::capability::cx::store_fault;
use crate::capability::events::EVENTS;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::graph::NODE;
use crate::port::graph_mirror::Mirrored;
use crate::port::logs::LogQuery;
use crate::port::records::{Filter, Place, Query, Record, Scalar, Scope};

/// Events of one round.
const PORTION: u32 = 500;
/// Records and nodes that are looked at together.
const PAGE: u32 = 200;

/// The kinds of records that stand in the graph: a service of the platform.
pub struct Mirrors(pub Vec<&'static Mirrored>);

/// Keeps the nodes of records.
pub struct Worker {
    platform: Arc<Platform>,
    /// Up to where events were followed. What came before this instance the first look through everything finds.
    mark: Mutex<Option<i64>>,
}

impl Worker {
    /// The worker of an installation.
    #[must_use]
    pub fn new(platform: Arc<Platform>) -> Self {
        Self { platform, mark: Mutex::new(None) }
    }

    /// Follows what events tell; answers how many records were looked at.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn round(&self) -> Result<usize, Fault> {
        let store = &self.platform.store;
        let mirrors = self.platform.service::<Mirrors>()?;
        let last = store.last(&EVENTS).await.map_err(store_fault)?;
        // After a restore the log may be shorter than it was.
        let mark = self.mark().filter(|mark| *mark <= last).unwrap_or(last);
        self.set_mark(mark);
        if mark == last {
            return Ok(0);
        }
        let topics = mirrors.0.iter().flat_map(|one| one.topics);
        let topics = topics.map(|topic| Scalar::Text((*topic).to_owned())).collect();
        let query =
            LogQuery { filter: Filter::In("stream", topics), beyond: Some(mark), descending: false, limit: PORTION };
        let entries = store.entries(Scope::Platform, &EVENTS, query).await.map_err(store_fault)?;
        let through = if entries.len() < PORTION as usize { Some(last) } else { None };
        let through = through.or_else(|| entries.last().map(|entry| entry.position)).unwrap_or(last);
        let (mut seen, mut looked_at) = (HashSet::new(), 0);
        for entry in entries {
            let subject = entry.body.get("subject").and_then(serde_json::Value::as_str).unwrap_or_default();
            let mirrored = mirrors.0.iter().find(|one| one.topics.contains(&entry.stream.as_str()));
            let Some((mirrored, id)) = mirrored.and_then(|one| Some((one, (one.record)(subject)?))) else { continue };
            if seen.insert((entry.tenant, mirrored.kind.name, id)) {
                self.look_at(entry.tenant, mirrored, id).await?;
                looked_at += 1;
            }
        }
        self.set_mark(through);
        Ok(looked_at)
    }

    /// Looks through all records and all nodes of records; answers how many of them were not as they should be.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self) -> Result<usize, Fault> {
        let mirrors = self.platform.service::<Mirrors>()?;
        let mut mended = 0;
        for mirrored in &mirrors.0 {
            let mut after: Option<Place> = None;
            loop {
                let records = self.page(mirrored.kind, Filter::All, &mut after).await?;
                let ends = records.len() < PAGE as usize;
                for record in records {
                    mended += usize::from(self.standing(record.tenant)?.put_right(mirrored, record.id).await?);
                }
                if ends {
                    break;
                }
            }
        }
        // Nodes whose record is gone.
        let types = mirrors.0.iter().map(|one| Scalar::Text(one.of.to_owned()));
        let types = types.chain([Scalar::Text("tool".to_owned())]).collect();
        let (filter, mut after) = (Filter::In("type", types), None);
        loop {
            let nodes = self.page(&NODE, filter.clone(), &mut after).await?;
            let ends = nodes.len() < PAGE as usize;
            for record in nodes {
                let tenant = record.tenant;
                let node = Stored::<Node>::read(record)?;
                let standing = self.standing(tenant)?;
                mended += usize::from(match Origins::of(&node) {
                    Origins::Record { kind, id } => match mirrors.0.iter().find(|one| one.kind.name == kind) {
                        Some(mirrored) if standing.is_gone(mirrored, id).await? => {
                            standing.put_right(mirrored, id).await?
                        }
                        _ => false,
                    },
                    Origins::Named => standing.drop_unneeded(&node).await?,
                    Origins::Own => false,
                });
            }
            if ends {
                return Ok(mended);
            }
        }
    }

    /// One page of what fits, over all tenants, in the order of ids.
    async fn page(
        &self,
        kind: &'static crate::port::records::Kind,
        filter: Filter,
        after: &mut Option<Place>,
    ) -> Result<Vec<Record>, Fault> {
        let query = Query { filter, order: "id", descending: false, after: after.take(), limit: PAGE };
        let found = self.platform.store.find(Scope::Platform, kind, query).await.map_err(store_fault)?;
        *after = found.last().map(|last| Place { key: Scalar::Id(last.id), id: last.id });
        Ok(found)
    }

    async fn look_at(&self, tenant: TenantId, mirrored: &Mirrored, id: Uuid) -> Result<(), Fault> {
        self.standing(tenant)?.put_right(mirrored, id).await.map(drop)
    }

    fn standing(&self, tenant: TenantId) -> Result<Standing<'_>, Fault> {
        Ok(Standing { platform: &self.platform, mirrors: self.platform.service::<Mirrors>()?, tenant })
    }

    fn mark(&self) -> Option<i64> {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_mark(&self, mark: i64) {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = Some(mark);
    }
}
