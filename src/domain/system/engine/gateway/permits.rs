//! Who may go through the gateway. A key that is limited to tools of other domains, or to reading, is limited here too.

use crate::capability::caller::Caller;
use crate::capability::cx::forbidden;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::Domain;
use crate::domain::system::model::route::RouteMethod;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Whether a caller may send this.
///
/// # Errors
/// `forbidden`.
pub(super) fn may_pass(caller: &Caller, method: RouteMethod) -> Result<(), Fault> {
    let action = if method.reads() { Action::Read } else { Action::Change };
    if !caller.may(Resource::Gateway, action) {
        return Err(forbidden(Permit::on(Resource::Gateway, action)));
    }
    if caller.read_only && !method.reads() {
        return Err(Fault::new(&codes::FORBIDDEN, "the key may only read"));
    }
    if caller.toolsets.as_ref().is_some_and(|toolsets| !toolsets.contains(&Domain::System)) {
        return Err(Fault::new(&codes::FORBIDDEN, "the key is limited to tools of other domains"));
    }
    Ok(())
}
