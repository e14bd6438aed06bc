//! Who the installation belongs to. Its logs, backups and settings concern all tenants, so only the first one, made by the
//! first start, may see and touch them; an administrator of another tenant may not.

use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Resource};
use crate::domain::identity::default_tenant;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Refuses callers of other tenants than the installation's own.
///
/// # Errors
/// `forbidden`.
pub(super) async fn check(cx: &Cx) -> Result<(), Fault> {
    if is_own_tenant(cx).await? {
        return Ok(());
    }
    Err(Fault::new(&codes::FORBIDDEN, "the installation as a whole is the business of its first tenant"))
}

/// Whether the caller may know how the installation is doing.
pub(super) async fn may_look(cx: &Cx) -> bool {
    let caller = cx.caller();
    caller.is_known() && caller.may(Resource::System, Action::Read) && is_own_tenant(cx).await.unwrap_or(false)
}

async fn is_own_tenant(cx: &Cx) -> Result<bool, Fault> {
    let own = default_tenant(&*cx.platform().store).await?;
    Ok(own.is_some_and(|(tenant, _)| tenant == cx.tenant()))
}
