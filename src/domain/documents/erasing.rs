//! What a person alone sees of documents goes with the person's erasure: the record, the passages with their vectors, and the files.

use uuid::Uuid;

use super::model::chunk::DOCUMENT_CHUNK;
use super::model::{DOCUMENT, Document};
use super::reading::{Reader, remove_unnamed};
use super::tools::document_upload::COUNTER;
use crate::capability::cx::store_fault;
use crate::capability::owned::private_to;
use crate::capability::platform::Platform;
use crate::domain::memory::retrieval::removal;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, UserId};
use crate::kernel::reading;
use crate::port::records::{Filter, Query, Record, Scalar, Scope};
use crate::port::store::{Batch, Expect, Step};

/// Passages that are removed at once.
const PORTION: u32 = 500;

/// Removes the documents that only their owner sees; answers how many went.
///
/// # Errors
/// When the store fails.
pub async fn forget_of(platform: &Platform, tenant: TenantId, user: UserId) -> Result<usize, Fault> {
    let reader = platform.service::<Reader>()?;
    let mut gone = 0;
    loop {
        let query = Query::newest(private_to(user), PORTION);
        let page = platform.store.find(Scope::Tenant(tenant), &DOCUMENT, query).await.map_err(store_fault)?;
        let ends = page.len() < PORTION as usize;
        for record in page {
            forget(platform, tenant, &reader, record).await?;
            gone += 1;
        }
        if ends {
            return Ok(gone);
        }
    }
}

/// The passages first: what ends in between leaves a document that is still found here, and removed the next time.
async fn forget(platform: &Platform, tenant: TenantId, reader: &Reader, record: Record) -> Result<(), Fault> {
    let id = record.id;
    loop {
        let filter = Filter::is("documentId", Scalar::Id(id));
        let query = Query::newest(filter, PORTION);
        let page = platform.store.find(Scope::Tenant(tenant), &DOCUMENT_CHUNK, query).await.map_err(store_fault)?;
        if page.is_empty() {
            break;
        }
        let mut steps = Vec::new();
        for chunk in page {
            steps.push(Step::Remove { kind: &DOCUMENT_CHUNK, id: chunk.id, expect: Expect::Anything });
            steps.extend(removal(platform, tenant, &DOCUMENT_CHUNK, chunk.id).await?);
        }
        commit(platform, tenant, steps).await?;
    }
    let document: Document = reading::read(record.body).map_err(|error| Fault::internal(error.to_string()))?;
    // One that somebody else removed meanwhile is counted by them.
    let there = platform.store.get(Scope::Tenant(tenant), &DOCUMENT, id).await.map_err(store_fault)?.is_some();
    if there {
        commit(platform, tenant, removed(id)).await?;
    }
    remove_unnamed(platform, tenant, reader, &document).await;
    Ok(())
}

fn removed(id: Uuid) -> Vec<Step> {
    let remove = Step::Remove { kind: &DOCUMENT, id, expect: Expect::Present };
    vec![remove, Step::Count { name: COUNTER, key: String::new(), by: -1, at_most: None }]
}

async fn commit(platform: &Platform, tenant: TenantId, steps: Vec<Step>) -> Result<(), Fault> {
    let batch = Batch { tenant, at: platform.clock.now(), steps };
    platform.store.commit(vec![batch]).await.map(|_| ()).map_err(store_fault)
}
