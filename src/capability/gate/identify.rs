//! The first step: who calls. Resolved callers are cached; a change of anything that callers' rights rest upon, an expiry or
//! a role's date makes the cached one worthless at once.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use moka::sync::Cache;

use super::limit::{Limiter, Measure};
use crate::capability::caller::{Caller, Credential, Principal};
use crate::capability::platform::Platform;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, UserId};
use crate::kernel::seal::sha256_hex;

/// Knows people and their keys. The identity domain implements it.
#[async_trait]
pub trait Identities: Send + Sync {
    /// The caller of a credential; `None` when there is none such.
    async fn resolve(&self, platform: &Platform, credential: &Credential) -> Result<Option<Caller>, Fault>;

    /// The caller that a durable operation was started by, with the rights of now; `None` when there is none such any more.
    async fn resume(
        &self,
        platform: &Platform,
        tenant: TenantId,
        user: UserId,
        principal: Principal,
    ) -> Result<Option<Caller>, Fault>;
}

struct Known {
    caller: Arc<Caller>,
    authority: u64,
}

/// Identifies callers.
pub struct Identify {
    identities: Arc<dyn Identities>,
    known: Cache<String, Arc<Known>>,
}

impl Identify {
    /// Identifies by these identities.
    #[must_use]
    pub fn new(identities: Arc<dyn Identities>) -> Self {
        Self { identities, known: Cache::new(10_000) }
    }

    /// How many callers are cached.
    #[must_use]
    pub fn cached(&self) -> u64 {
        self.known.entry_count()
    }

    /// Forgets all cached callers.
    pub fn clear(&self) {
        self.known.invalidate_all();
    }

    /// The identities behind.
    #[must_use]
    pub fn identities(&self) -> &Arc<dyn Identities> {
        &self.identities
    }

    /// The caller of a credential. Callers without one are anonymous, counted by address; so are refused credentials, so
    /// that guessing is slow.
    ///
    /// # Errors
    /// `unauthenticated`, `key_refused`, `rate_limited`.
    pub async fn identify(
        &self,
        platform: &Platform,
        limiter: &Limiter,
        credential: &Credential,
        address: Option<IpAddr>,
    ) -> Result<Arc<Caller>, Fault> {
        let slot = match credential {
            Credential::None => return Ok(Arc::new(Caller::anonymous())),
            Credential::Bearer(token) => sha256_hex(token.reveal().as_bytes()),
            Credential::LocalOwner => String::new(),
        };
        // Read before resolving: a change in between makes the entry stale, not wrong.
        let authority = platform.authority();
        let now = platform.clock.now();
        if let Some(known) = self.known.get(&slot)
            && known.authority == authority
            && known.caller.stale_at.is_none_or(|moment| now < moment)
        {
            return in_time(&known.caller, now);
        }
        limiter.check_address(address, Measure::Look)?;
        match self.identities.resolve(platform, credential).await {
            Ok(Some(caller)) => {
                let caller = Arc::new(caller);
                self.known.insert(slot, Arc::new(Known { caller: caller.clone(), authority }));
                in_time(&caller, now)
            }
            Ok(None) => {
                limiter.check_address(address, Measure::Count)?;
                Err(Fault::new(&codes::UNAUTHENTICATED, "the credential is not valid"))
            }
            Err(fault) => {
                if fault.code().status == 401 {
                    limiter.check_address(address, Measure::Count)?;
                }
                Err(fault)
            }
        }
    }
}

fn in_time(caller: &Arc<Caller>, now: crate::kernel::time::Timestamp) -> Result<Arc<Caller>, Fault> {
    if caller.expires_at.is_some_and(|end| end <= now) {
        return Err(Fault::new(&codes::KEY_REFUSED, "the key has expired"));
    }
    Ok(caller.clone())
}
