//! Reading the domain's documents where there is no call yet: while a caller is being identified, or at a start.

use uuid::Uuid;

use crate::capability::cx::store_fault;
use crate::capability::owned::Stored;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::records::{Document, Filter, Place, Query, Scalar, Scope};
use crate::port::store::Store;

const PAGE: u32 = 1000;

/// One document of a tenant.
pub(super) async fn one<T: Document>(
    store: &dyn Store,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<Stored<T>>, Fault> {
    store.get(Scope::Tenant(tenant), T::KIND, id).await.map_err(store_fault)?.map(Stored::read).transpose()
}

/// The first document of a tenant that fits.
pub(super) async fn first<T: Document>(
    store: &dyn Store,
    tenant: TenantId,
    filter: Filter,
) -> Result<Option<Stored<T>>, Fault> {
    let query = Query { filter, order: "id", descending: false, after: None, limit: 1 };
    let found = store.find(Scope::Tenant(tenant), T::KIND, query).await.map_err(store_fault)?;
    found.into_iter().next().map(Stored::read).transpose()
}

/// Every document of a tenant that fits, by id.
pub(super) async fn all<T: Document>(
    store: &dyn Store,
    tenant: TenantId,
    filter: Filter,
) -> Result<Vec<Stored<T>>, Fault> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let query = Query { filter: filter.clone(), order: "id", descending: false, after, limit: PAGE };
        let found = store.find(Scope::Tenant(tenant), T::KIND, query).await.map_err(store_fault)?;
        let more = found.len() == PAGE as usize;
        after = found.last().map(|last| Place { key: Scalar::Id(last.id), id: last.id });
        for record in found {
            all.push(Stored::read(record)?);
        }
        if !more {
            return Ok(all);
        }
    }
}
