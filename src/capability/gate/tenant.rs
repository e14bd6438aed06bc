//! Whether a tenant that the caller names is the caller's own.

use crate::capability::caller::Caller;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;

/// Holds a named tenant against the caller's.
///
/// # Errors
/// `wrong_tenant`.
pub(super) fn check(caller: &Caller, named: Option<TenantId>) -> Result<(), Fault> {
    match named {
        Some(named) if named != caller.tenant => {
            Err(Fault::new(&codes::WRONG_TENANT, "the tenant named is not the caller's"))
        }
        _ => Ok(()),
    }
}
