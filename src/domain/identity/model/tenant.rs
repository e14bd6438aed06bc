//! A tenant: an organisation whose data nobody else sees. Tenants lie under the platform's own nil tenant.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::id::{TenantId, UserId};
use crate::port::records::{Authority, Document, Field, FieldType, Kind, Whose};

/// The kind of tenants.
pub static TENANT: Kind = Kind {
    fields: &[Field { name: "localOwner", of: FieldType::Id }],
    authority: Authority::OnceMade(Whose::Everybody),
    ..Kind::new("tenant")
};

/// The tenant that the platform's own documents belong to.
#[must_use]
pub fn platform() -> TenantId {
    TenantId::from_uuid(Uuid::nil())
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// Who acts as whoever has access to the machine itself; only the default tenant, made by the first start, has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_owner: Option<UserId>,
}

impl Document for Tenant {
    const KIND: &'static Kind = &TENANT;
}
