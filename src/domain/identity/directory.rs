//! Who a credential speaks for: the gate's `Identities`. Resolving reads the key, the user and the roles in force; the gate
//! keeps the result until something of it changes, a role's date passes or the key ends.

use async_trait::async_trait;

use super::bootstrap::default_tenant;
use super::keys;
use super::model::api_key::ApiKey;
use super::model::user::{User, UserStatus};
use super::reading::one;
use super::rights;
use crate::capability::caller::{Caller, Credential, Principal};
use crate::capability::cx::store_fault;
use crate::capability::gate::identify::Identities;
use crate::capability::owned::Stored;
use crate::capability::permit::Grants;
use crate::capability::platform::Platform;
use crate::capability::spec::Domain;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{KeyId, TenantId, UserId};
use crate::kernel::secret::Secret;
use crate::port::records::{Document as _, Filter, Query, Scalar, Scope};

/// Knows everybody of the installation.
#[derive(Debug, Clone, Copy)]
pub struct Directory;

#[async_trait]
impl Identities for Directory {
    async fn resolve(&self, platform: &Platform, credential: &Credential) -> Result<Option<Caller>, Fault> {
        match credential {
            Credential::None => Ok(None),
            Credential::Bearer(token) => by_key(platform, token).await,
            Credential::LocalOwner => local_owner(platform).await,
        }
    }

    async fn resume(
        &self,
        platform: &Platform,
        tenant: TenantId,
        user: UserId,
        principal: Principal,
    ) -> Result<Option<Caller>, Fault> {
        let resumed = match principal {
            Principal::Anonymous => Ok(None),
            Principal::LocalOwner => local_owner(platform)
                .await
                .map(|owner| owner.filter(|owner| owner.tenant == tenant && owner.user == user)),
            // What a link lets them do, whoever holds the link narrows it to.
            Principal::Link => match one::<User>(&*platform.store, tenant, user.uuid()).await? {
                Some(found) => of_user(platform, tenant, &found, Principal::Link, Grants::ALL).await.map(Some),
                None => Ok(None),
            },
            Principal::Key(key) => match one::<ApiKey>(&*platform.store, tenant, key.uuid()).await? {
                Some(stored) if stored.value.user == user => of_key(platform, tenant, &stored).await,
                Some(_) | None => Ok(None),
            },
        };
        match resumed {
            Ok(caller) => {
                let now = platform.clock.now();
                Ok(caller.filter(|caller| caller.expires_at.is_none_or(|end| now < end)))
            }
            // Revoked or suspended since: nobody to go on for.
            Err(fault) if fault.is(&codes::KEY_REFUSED) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

async fn by_key(platform: &Platform, token: &Secret) -> Result<Option<Caller>, Fault> {
    let Some(prefix) = keys::prefix_of(token.reveal()) else { return Ok(None) };
    let query = Query::newest(Filter::is("prefix", Scalar::Text(prefix.to_owned())), 1);
    let found = platform.store.find(Scope::Platform, ApiKey::KIND, query).await.map_err(store_fault)?;
    let Some(record) = found.into_iter().next() else { return Ok(None) };
    let tenant = record.tenant;
    let stored = Stored::<ApiKey>::read(record)?;
    if !keys::fits(token.reveal(), &stored.value.hash) {
        return Ok(None);
    }
    of_key(platform, tenant, &stored).await
}

async fn of_key(platform: &Platform, tenant: TenantId, stored: &Stored<ApiKey>) -> Result<Option<Caller>, Fault> {
    let key = &stored.value;
    if key.revoked_at.is_some() {
        return Err(Fault::new(&codes::KEY_REFUSED, "the key was revoked"));
    }
    let Some(user) = one::<User>(&*platform.store, tenant, key.user.uuid()).await? else { return Ok(None) };
    let principal = Principal::Key(KeyId::from_uuid(stored.id));
    let mut caller = of_user(platform, tenant, &user, principal, key.scope()).await?;
    caller.toolsets = key.toolsets.as_ref().map(|names| names.iter().filter_map(|name| Domain::parse(name)).collect());
    caller.read_only = key.read_only;
    caller.expires_at = key.expires_at;
    caller.usage_limit = key.usage_limit;
    Ok(Some(caller))
}

async fn local_owner(platform: &Platform) -> Result<Option<Caller>, Fault> {
    let Some((tenant, owner)) = default_tenant(&*platform.store).await? else { return Ok(None) };
    let Some(user) = one::<User>(&*platform.store, tenant, owner.uuid()).await? else { return Ok(None) };
    if user.value.status == UserStatus::Suspended {
        let say = "the account of the installation's owner is suspended; 'convoke keys reset' makes it usable again";
        return Err(Fault::new(&codes::KEY_REFUSED, say));
    }
    of_user(platform, tenant, &user, Principal::LocalOwner, Grants::ALL).await.map(Some)
}

async fn of_user(
    platform: &Platform,
    tenant: TenantId,
    user: &Stored<User>,
    principal: Principal,
    scope: Grants,
) -> Result<Caller, Fault> {
    if user.value.status == UserStatus::Suspended {
        return Err(Fault::new(&codes::KEY_REFUSED, "the account is suspended"));
    }
    let rights = rights::of_user(&*platform.store, tenant, user, platform.clock.now()).await?;
    Ok(Caller {
        tenant,
        user: UserId::from_uuid(user.id),
        principal,
        name: user.value.name.clone(),
        email: user.value.email.clone(),
        roles: rights.role_names(),
        workspaces: Vec::new(),
        groups: user.value.groups.clone(),
        grants: rights.grants().intersection(scope),
        toolsets: None,
        read_only: false,
        expires_at: None,
        stale_at: rights.stale_at,
        usage_limit: None,
        resolved_under: 0,
        acting: None,
        bound: None,
        pass: None,
    })
}
