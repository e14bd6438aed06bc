//! The first start: a default tenant, the roles that come with the program, an administrator. Their key is made when it can be
//! shown. Later starts write built-in roles anew where the program's list has changed. And the way back when the
//! administrator's key is lost.

use serde_json::json;

use super::keys;
use super::model::api_key::ApiKey;
use super::model::assignment::{Assignment, Holder, ROLE_HOLDERS};
use super::model::role::Role;
use super::model::tenant::{Tenant, platform as platform_tenant};
use super::model::user::{User, UserStatus};
use super::reading::{all, first, one};
use super::roles::{ADMIN, BUILT_IN};
use crate::capability::cx::store_fault;
use crate::capability::gate::audit::{self, AuditEntry};
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::clock::Clock;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, RoleId, TenantId, UserId, new_uuid};
use crate::kernel::secret::Secret;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Filter, Scalar, Visibility};
use crate::port::store::{Batch, Expect, Put, Step, Store, StoreFault};

/// The administrator's address until they give their own.
pub(super) const ADMINISTRATOR: &str = "admin@localhost";

/// The name of the key that the first start makes.
pub(super) const FIRST_KEY: &str = "administrator";

/// The name of a key that replaced a lost one.
pub(super) const RESET_KEY: &str = "administrator, reset";

/// Counts what happens once in an installation, so that of several first starts at the same moment one alone does it.
const ONCE: &str = "first_start";

/// How often a start looks again when another one was writing the same.
const LOOKS: u32 = 5;

/// Makes what an empty store needs. A store that has a tenant gets the built-in roles as the program has them now. Several
/// instances may do this at the same time.
///
/// # Errors
/// When the store fails.
pub async fn bootstrap(store: &dyn Store, clock: &dyn Clock) -> Result<(), Fault> {
    let mut looked = 0;
    loop {
        looked += 1;
        match brought_up(store, clock.now()).await? {
            Err(StoreFault::Conflict(_)) if looked < LOOKS => {}
            other => return other.map_err(store_fault),
        }
    }
}

async fn brought_up(store: &dyn Store, now: Timestamp) -> Result<Result<(), StoreFault>, Fault> {
    let tenants: Vec<Stored<Tenant>> = all(store, platform_tenant(), Filter::All).await?;
    if !tenants.is_empty() {
        for tenant in tenants {
            if let Err(fault) = refresh_roles(store, TenantId::from_uuid(tenant.id), now).await? {
                return Ok(Err(fault));
            }
        }
        return Ok(Ok(()));
    }
    let (tenant, user, admin) = (TenantId::new(now), UserId::new(now), RoleId::new(now));
    let document = Tenant { name: "default".to_owned(), local_owner: Some(user) };
    let outside = Batch {
        tenant: platform_tenant(),
        at: now,
        steps: vec![once("tenant"), put(tenant.uuid(), Expect::Absent, None, Visibility::Private, &document)?],
    };
    let mut steps = Vec::new();
    for role in BUILT_IN {
        let id = if role.name == ADMIN { admin.uuid() } else { new_uuid(now) };
        steps.push(put(id, Expect::Absent, None, Visibility::Tenant, &role.document())?);
    }
    let administrator = User { name: "Administrator".to_owned(), ..User::new(ADMINISTRATOR) };
    steps.push(put(user.uuid(), Expect::Absent, Some(user.uuid()), Visibility::Tenant, &administrator)?);
    steps.extend(give_admin(admin, user)?);
    Ok(store.commit(vec![outside, Batch { tenant, at: now, steps }]).await.map(drop))
}

/// Holds for the first who writes it, and for nobody else.
fn once(what: &str) -> Step {
    Step::Count { name: ONCE, key: what.to_owned(), by: 1, at_most: Some(1) }
}

/// Makes the administrator's key, which nobody can read again, where they never had one: not a revoked one either, as whoever
/// revoked it meant it. Only for a start that can show it.
///
/// # Errors
/// When the store fails.
pub async fn first_key(store: &dyn Store, clock: &dyn Clock) -> Result<Option<Secret>, Fault> {
    let Some((tenant, owner)) = default_tenant(store).await? else { return Ok(None) };
    let Some(user) = one::<User>(store, tenant, owner.uuid()).await? else { return Ok(None) };
    let of_theirs = Filter::is("user", Scalar::Id(owner.uuid()));
    if user.value.status == UserStatus::Suspended || first::<ApiKey>(store, tenant, of_theirs).await?.is_some() {
        return Ok(None);
    }
    let now = clock.now();
    let (key, step) = new_key(owner, FIRST_KEY, now)?;
    match store.commit(vec![Batch { tenant, at: now, steps: vec![once("key"), step] }]).await {
        Ok(_) => Ok(Some(key)),
        // Another instance was as quick, and shows it.
        Err(StoreFault::Conflict(_)) => Ok(None),
        Err(fault) => Err(store_fault(fault)),
    }
}

/// Replaces a lost administrator key: revokes every key of the administrator of the default tenant, makes the account usable
/// again should it be suspended or without its role, and answers a new key. Only for whoever has access to the machine.
///
/// # Errors
/// When the store fails or has no administrator.
pub async fn reset_admin_key(platform: &Platform) -> Result<Secret, Fault> {
    let (store, now) = (&*platform.store, platform.clock.now());
    let (tenant, owner) =
        default_tenant(store).await?.ok_or_else(|| Fault::internal("the store has no default tenant"))?;
    let user: Stored<User> = one(store, tenant, owner.uuid())
        .await?
        .ok_or_else(|| Fault::internal("the default tenant has no administrator"))?;
    let mut steps = Vec::new();
    if user.value.status == UserStatus::Suspended {
        let active = User { status: UserStatus::Active, ..user.value.clone() };
        steps.push(put(user.id, Expect::Revision(user.revision), user.owner, user.visibility, &active)?);
    }
    steps.extend(restore_admin(store, tenant, owner).await?);
    let mut revoked = 0;
    for key in
        all::<ApiKey>(store, tenant, Filter::is("user", Scalar::Id(user.id)).and(Filter::IsNull("revokedAt"))).await?
    {
        let ended = ApiKey { revoked_at: Some(now), ..key.value.clone() };
        steps.push(put(key.id, Expect::Revision(key.revision), key.owner, key.visibility, &ended)?);
        revoked += 1;
    }
    let (key, step) = new_key(owner, RESET_KEY, now)?;
    steps.push(step);
    steps.push(audit_of_reset(tenant, owner, revoked, now)?);
    store.commit(vec![Batch { tenant, at: now, steps }]).await.map_err(store_fault)?;
    platform.authority_changed(tenant, Some(owner));
    Ok(key)
}

/// The tenant that whoever has access to the machine works in, and the user that they act as.
pub async fn default_tenant(store: &dyn Store) -> Result<Option<(TenantId, UserId)>, Fault> {
    let has_owner = Filter::Not(Box::new(Filter::IsNull("localOwner")));
    let found: Option<Stored<Tenant>> = first(store, platform_tenant(), has_owner).await?;
    Ok(found.and_then(|tenant| Some((TenantId::from_uuid(tenant.id), tenant.value.local_owner?))))
}

async fn refresh_roles(store: &dyn Store, tenant: TenantId, now: Timestamp) -> Result<Result<(), StoreFault>, Fault> {
    let present: Vec<Stored<Role>> = all(store, tenant, Filter::All).await?;
    let mut steps = Vec::new();
    for role in BUILT_IN.iter().map(super::roles::BuiltIn::document) {
        match present.iter().find(|stored| stored.value.name == role.name) {
            None => steps.push(put(new_uuid(now), Expect::Absent, None, Visibility::Tenant, &role)?),
            Some(stored) if !stored.value.builtin => {
                tracing::warn!(%tenant, role = role.name, "a built-in role is missing: the tenant has its own of that name");
            }
            Some(stored) if stored.value == role => {}
            Some(stored) => {
                steps.push(put(stored.id, Expect::Revision(stored.revision), stored.owner, stored.visibility, &role)?);
            }
        }
    }
    if steps.is_empty() {
        return Ok(Ok(()));
    }
    Ok(store.commit(vec![Batch { tenant, at: now, steps }]).await.map(drop))
}

/// The steps after which the user holds the role `admin` without dates.
async fn restore_admin(store: &dyn Store, tenant: TenantId, user: UserId) -> Result<Vec<Step>, Fault> {
    let by_name = Filter::is("name", Scalar::Text(ADMIN.to_owned()));
    let role: Stored<Role> =
        first(store, tenant, by_name).await?.ok_or_else(|| Fault::internal("the role admin is missing"))?;
    let (role, holder) = (RoleId::from_uuid(role.id), Holder::User(user));
    let id = Assignment::id_of(role, &holder);
    let Some(given) = one::<Assignment>(store, tenant, id).await? else { return give_admin(role, user) };
    if given.value.effective_from.is_none() && given.value.effective_until.is_none() {
        return Ok(Vec::new());
    }
    let lasting = Assignment { effective_from: None, effective_until: None, ..given.value.clone() };
    Ok(vec![put(id, Expect::Revision(given.revision), given.owner, given.visibility, &lasting)?])
}

fn give_admin(role: RoleId, user: UserId) -> Result<Vec<Step>, Fault> {
    let holder = Holder::User(user);
    let id = Assignment::id_of(role, &holder);
    Ok(vec![
        put(id, Expect::Absent, None, Visibility::Private, &Assignment::new(role, &holder, None))?,
        Step::Count { name: ROLE_HOLDERS, key: role.to_string(), by: 1, at_most: None },
    ])
}

fn new_key(user: UserId, name: &str, now: Timestamp) -> Result<(Secret, Step), Fault> {
    let fresh = keys::make()?;
    let document = ApiKey::new(user, name, fresh.prefix, fresh.hash);
    Ok((fresh.key, put(new_uuid(now), Expect::Absent, Some(user.uuid()), Visibility::Private, &document)?))
}

fn audit_of_reset(tenant: TenantId, user: UserId, revoked: u64, now: Timestamp) -> Result<Step, Fault> {
    let entry = AuditEntry {
        timestamp: now,
        actor: user,
        principal: format!("local:{user}"),
        agent: None,
        action: "keys_reset".to_owned(),
        effect: "change".to_owned(),
        resource_type: User::KIND.name.to_owned(),
        resource_id: user.to_string(),
        changes: json!({ "revokedKeys": revoked }),
        also: serde_json::Value::Null,
        tenant_id: tenant,
        request_id: CallId::new(now),
        door: "cli".to_owned(),
        address: None,
        outcome: "done".to_owned(),
        compliance: true,
        recorded: None,
        cut: None,
        withheld: None,
    };
    audit::plain(&entry)
}

fn put<T: Document>(
    id: uuid::Uuid,
    expect: Expect,
    owner: Option<uuid::Uuid>,
    visibility: Visibility,
    document: &T,
) -> Result<Step, Fault> {
    let body = serde_json::to_value(document).map_err(Fault::internal)?;
    Ok(Step::Put(Put { kind: T::KIND, id, expect, owner, workspace: None, visibility, body }))
}
