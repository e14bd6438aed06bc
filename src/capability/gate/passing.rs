//! Who holds a pass acts as the person that it is for, and may do what it says and nothing else: two tools, with the members that it fixes.

use std::net::IpAddr;
use std::sync::Arc;

use super::Gate;
use crate::capability::caller::{Caller, Principal};
use crate::capability::cx::forbidden;
use crate::capability::passes::Pass;
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

impl Gate {
    /// The pass of a token, and the person who holds it.
    ///
    /// # Errors
    /// `unauthenticated` for what is no pass, `key_refused` for one whose time is over or whose person may not come in any more, `rate_limited`.
    pub async fn identify_pass(&self, token: &str, address: Option<IpAddr>) -> Result<(Arc<Pass>, Arc<Caller>), Fault> {
        let Some(pass) = Pass::open(&self.platform.seal, token) else {
            self.limiter.refused(address)?;
            return Err(Fault::new(&codes::UNAUTHENTICATED, "the link is not one that this server gave out"));
        };
        if pass.until <= self.platform.clock.now() {
            return Err(Fault::new(&codes::KEY_REFUSED, "the link's time is over"));
        }
        let caller = self.identify.resume(&self.platform, pass.tenant, pass.user, Principal::Link).await?;
        let pass = Arc::new(pass);
        Ok((pass.clone(), Arc::new(narrowed(&caller, &pass))))
    }
}

/// The person with what the pass lets them do in place of what their roles do.
pub(super) fn narrowed(caller: &Caller, pass: &Arc<Pass>) -> Caller {
    Caller {
        grants: pass.grants(),
        pass: Some(pass.clone()),
        read_only: false,
        expires_at: Some(pass.until),
        ..caller.clone()
    }
}

/// Whether a call is one that the pass of its caller is for.
pub(super) fn hold(caller: &Caller, tool: &Tool, input: &serde_json::Value) -> Result<(), Fault> {
    match &caller.pass {
        Some(pass) if !pass.may_use(&tool.name) || !pass.fits(input) => Err(forbidden(tool.permit)),
        _ => Ok(()),
    }
}
