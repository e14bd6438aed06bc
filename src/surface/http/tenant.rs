//! The tenant that a caller believes to be in, as a header names it. It chooses nothing: a key is of one tenant. It keeps
//! somebody who holds several keys from calling with the wrong one, so it is checked by every door, before everything else.

use http::{HeaderMap, HeaderName};

use crate::capability::caller::Caller;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;

/// The header, and the name under which other platforms know it.
pub static NAMES: [HeaderName; 2] = [HeaderName::from_static("convoke-tenant"), HeaderName::from_static("x-tenant-id")];

/// Holds every tenant that the headers name against the caller's. Callers without a credential are in none.
///
/// # Errors
/// `wrong_tenant`.
pub fn check(headers: &HeaderMap, caller: &Caller) -> Result<(), Fault> {
    let mut named = NAMES.iter().flat_map(|name| headers.get_all(name));
    let is_own = |value: &http::HeaderValue| {
        value.to_str().ok().and_then(|text| text.trim().parse::<TenantId>().ok()) == Some(caller.tenant)
    };
    if !caller.is_known() || named.all(is_own) {
        return Ok(());
    }
    Err(Fault::new(&codes::WRONG_TENANT, "the tenant named is not the caller's"))
}
