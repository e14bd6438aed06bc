//! The first step: who calls. Resolved callers are cached; a change of anything that callers' rights rest upon, an expiry or
//! a role's date makes the cached one worthless at once.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;

use super::limit::Limiter;
use super::passing::narrowed;
use crate::capability::bound::bounded;
use crate::capability::caches::{CacheBook, CountedCache};
use crate::capability::caller::{Caller, Credential, Principal};
use crate::capability::platform::Platform;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, UserId};
use crate::kernel::seal::sha256;

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

/// Where a caller is kept: never by the credential itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Slot {
    Owner,
    Token([u8; 32]),
    /// Whoever goes on for somebody: many steps of work in a row are for the same.
    Lasting(TenantId, UserId, Principal),
}

/// The most callers that are kept.
const MOST_KNOWN: u64 = 10_000;

/// Identifies callers.
pub struct Identify {
    identities: Arc<dyn Identities>,
    /// By the digest of their credential.
    known: Arc<CountedCache<Slot, Arc<Caller>>>,
}

impl Identify {
    /// Identifies by these identities.
    #[must_use]
    pub fn new(identities: Arc<dyn Identities>) -> Self {
        Self { identities, known: CountedCache::new(MOST_KNOWN) }
    }

    /// Tells the book of caches of the callers kept.
    pub fn list_in(&self, book: &CacheBook) {
        book.list("callers", "callers resolved from their credentials", &self.known);
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
            Credential::Bearer(token) => Slot::Token(sha256(token.reveal().as_bytes())),
            Credential::LocalOwner => Slot::Owner,
        };
        if let Some(known) = self.known.get_if(&slot, |known| is_fresh(platform, known)) {
            return in_time(&known, platform.clock.now());
        }
        // Read before resolving: a change in between makes the caller stale, not wrong.
        let resolved_under = platform.authority();
        match self.identities.resolve(platform, credential).await {
            Ok(Some(caller)) => {
                let caller = Arc::new(Caller { resolved_under, ..caller });
                self.known.insert(slot, caller.clone());
                in_time(&caller, platform.clock.now())
            }
            Ok(None) => {
                limiter.refused(address)?;
                Err(Fault::new(&codes::UNAUTHENTICATED, "the credential is not valid"))
            }
            Err(fault) => {
                if fault.code().status == 401 {
                    limiter.refused(address)?;
                }
                Err(fault)
            }
        }
    }

    /// The caller with the rights of now. A door may hold a caller for as long as a connection lives; every call is judged by
    /// what holds when it is made.
    ///
    /// # Errors
    /// `key_refused` when the caller is none any more.
    pub async fn refresh(&self, platform: &Platform, caller: &Arc<Caller>) -> Result<Arc<Caller>, Fault> {
        if !caller.is_known() || is_fresh(platform, caller) {
            return in_time(caller, platform.clock.now());
        }
        let mut now = self.resume(platform, caller.tenant, caller.user, caller.principal).await?;
        // A pass lets one do no more than before, whatever the roles are now.
        if let Some(pass) = &caller.pass {
            now = Arc::new(narrowed(&now, pass));
        }
        // Nor does a bound go away.
        now = bounded(now, caller.bound.as_deref());
        // Whoever acts for them goes on doing so.
        Ok(match &caller.acting {
            Some(acting) => Arc::new(Caller { acting: Some(acting.clone()), ..Caller::clone(&now) }),
            None => now,
        })
    }

    /// The caller that began something lasting, with the rights of now.
    ///
    /// # Errors
    /// `key_refused` when the caller is none any more.
    pub async fn resume(
        &self,
        platform: &Platform,
        tenant: TenantId,
        user: UserId,
        principal: Principal,
    ) -> Result<Arc<Caller>, Fault> {
        let slot = Slot::Lasting(tenant, user, principal);
        if let Some(known) = self.known.get_if(&slot, |known| is_fresh(platform, known)) {
            return in_time(&known, platform.clock.now());
        }
        let resolved_under = platform.authority();
        match self.identities.resume(platform, tenant, user, principal).await? {
            Some(now) => {
                let caller = Arc::new(Caller { resolved_under, ..now });
                self.known.insert(slot, caller.clone());
                in_time(&caller, platform.clock.now())
            }
            None => Err(Fault::new(&codes::KEY_REFUSED, "the credential is not valid any more")),
        }
    }
}

fn is_fresh(platform: &Platform, caller: &Caller) -> bool {
    platform.authority_changed_at(caller.tenant, caller.user) <= caller.resolved_under
        && caller.stale_at.is_none_or(|moment| platform.clock.now() < moment)
}

fn in_time(caller: &Arc<Caller>, now: crate::kernel::time::Timestamp) -> Result<Arc<Caller>, Fault> {
    if caller.expires_at.is_some_and(|end| end <= now) {
        return Err(Fault::new(&codes::KEY_REFUSED, "the key has expired"));
    }
    Ok(caller.clone())
}
