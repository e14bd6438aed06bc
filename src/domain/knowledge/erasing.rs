//! What a person alone sees of the graph, and what was read for it in texts that only that person sees, goes with the person's erasure.

use uuid::Uuid;

use super::ingesting::records::{KNOWLEDGE_INGESTION, KNOWLEDGE_PASSAGE, KNOWLEDGE_SUPPORT};
use crate::capability::cx::store_fault;
use crate::capability::owned::private_to;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, UserId};
use crate::port::graph::{NODE, RELATION};
use crate::port::records::{Filter, Kind, Query, Scalar, Scope};
use crate::port::store::{Batch, Expect, Step};

/// So many are removed at once.
const PORTION: u32 = 500;

/// Relations before the nodes that they lead to, and what was found in passages before what tells that they were read.
static KINDS: [&Kind; 5] = [&RELATION, &NODE, &KNOWLEDGE_SUPPORT, &KNOWLEDGE_PASSAGE, &KNOWLEDGE_INGESTION];

/// Removes what of the graph only its owner sees, with everything that leads to it; answers how many records went.
///
/// # Errors
/// When the store fails.
pub async fn forget_of(platform: &Platform, tenant: TenantId, user: UserId) -> Result<usize, Fault> {
    let mut gone = 0;
    for kind in KINDS {
        loop {
            let ids = found(platform, tenant, kind, private_to(user)).await?;
            if kind.name == NODE.name && !ids.is_empty() {
                gone += relations_of(platform, tenant, &ids).await?;
            }
            remove(platform, tenant, kind, &ids).await?;
            gone += ids.len();
            if ids.len() < PORTION as usize {
                break;
            }
        }
    }
    Ok(gone)
}

/// Removes the relations of these nodes, whoever sees them: they would lead to nothing.
async fn relations_of(platform: &Platform, tenant: TenantId, nodes: &[Uuid]) -> Result<usize, Fault> {
    let mut gone = 0;
    for end in ["from", "to"] {
        loop {
            let filter = Filter::In(end, nodes.iter().map(|id| Scalar::Id(*id)).collect());
            let ids = found(platform, tenant, &RELATION, filter).await?;
            remove(platform, tenant, &RELATION, &ids).await?;
            gone += ids.len();
            if ids.len() < PORTION as usize {
                break;
            }
        }
    }
    Ok(gone)
}

async fn found(platform: &Platform, tenant: TenantId, kind: &'static Kind, filter: Filter) -> Result<Vec<Uuid>, Fault> {
    let found = platform.store.find(Scope::Tenant(tenant), kind, Query::newest(filter, PORTION)).await;
    Ok(found.map_err(store_fault)?.into_iter().map(|record| record.id).collect())
}

async fn remove(platform: &Platform, tenant: TenantId, kind: &'static Kind, ids: &[Uuid]) -> Result<(), Fault> {
    if ids.is_empty() {
        return Ok(());
    }
    let steps = ids.iter().map(|id| Step::Remove { kind, id: *id, expect: Expect::Anything }).collect();
    let batch = Batch { tenant, at: platform.clock.now(), steps };
    platform.store.commit(vec![batch]).await.map(|_| ()).map_err(store_fault)
}
