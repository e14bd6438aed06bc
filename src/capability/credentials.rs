//! Credentials: how a capability comes by the key, token or password that something outside demands. It names it; where the
//! text lies, that it is the caller's tenant's own, and that its use is told of in the audit log before it is handed out, is
//! the business of whoever keeps it.

use std::sync::Arc;

use async_trait::async_trait;

use super::caller::{Caller, Origin};
use super::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, TenantId, UserId};
use crate::kernel::secret::Secret;

/// Who uses a credential, and for what: so it stands in the audit log.
#[derive(Debug, Clone)]
pub struct UseOf {
    /// The tenant, whose credential it is.
    pub tenant: TenantId,
    /// The user for whom.
    pub actor: UserId,
    /// The principal by which they called.
    pub principal: String,
    /// The agent that acted for them, where one did.
    pub agent: Option<String>,
    /// The call.
    pub request_id: CallId,
    /// Where it came in.
    pub origin: Origin,
    /// What needs it: a tool's name, or what else reaches outside.
    pub what: String,
}

impl UseOf {
    /// Of a caller.
    #[must_use]
    pub fn by(caller: &Caller, request_id: CallId, origin: Origin, what: impl Into<String>) -> Self {
        Self {
            tenant: caller.tenant,
            actor: caller.user,
            principal: caller.principal_name(),
            agent: caller.acting.as_ref().map(|acting| acting.agent.clone()),
            request_id,
            origin,
            what: what.into(),
        }
    }
}

/// Keeps credentials.
#[async_trait]
pub trait CredentialSource: Send + Sync {
    /// The credential of a name, of the tenant of its user. Its use is on disk in the audit log when this returns. The text is
    /// wiped from memory when what it answers is dropped.
    ///
    /// # Errors
    /// When there is none of that name or it cannot be opened.
    async fn take(&self, platform: &Platform, of: &UseOf, name: &str) -> Result<Secret, Fault>;

    /// A credential that the operator's own configuration or files name: a variable of the environment. It is never a caller
    /// who names it. Audited as the other.
    ///
    /// # Errors
    /// When the variable is not set.
    async fn take_of_operator(&self, platform: &Platform, of: &UseOf, variable: &str) -> Result<Secret, Fault>;
}

/// The keeper of credentials, as a service.
pub struct Credentials(pub Arc<dyn CredentialSource>);
