//! Whether anybody has changed what the first start made: people, roles and keys are compared with it, document by document.
//! What was told of deeds is forgotten after a while; what they left is not.

use super::bootstrap::{ADMINISTRATOR, FIRST_KEY, RESET_KEY, default_tenant};
use super::model::api_key::{API_KEY, ApiKey};
use super::model::assignment::{Assignment, Holder, ROLE_ASSIGNMENT};
use super::model::membership::MEMBERSHIP;
use super::model::role::{ROLE, Role};
use super::model::tenant::TENANT;
use super::model::user::{USER, User};
use super::reading::all;
use super::roles::{ADMIN, BUILT_IN, BuiltIn};
use crate::capability::cx::store_fault;
use crate::capability::owned::Stored;
use crate::kernel::fault::Fault;
use crate::kernel::id::{RoleId, TenantId, UserId};
use crate::port::records::{Filter, Kind, Scope};
use crate::port::store::Store;

/// What is otherwise than the first start made it; `None` when nothing is.
///
/// # Errors
/// When the store fails.
pub async fn what_was_changed(store: &dyn Store) -> Result<Option<&'static str>, Fault> {
    let count = async |kind: &'static Kind| store.count(Scope::Platform, kind, Filter::All).await.map_err(store_fault);
    let Some((tenant, owner)) = default_tenant(store).await? else { return Ok(Some("it has no first tenant")) };
    for (kind, made, found) in [
        (&TENANT, 1, "it has more than one tenant"),
        (&USER, 1, "it has more people than the first administrator"),
        (&MEMBERSHIP, 0, "somebody belongs to a group"),
        (&ROLE, BUILT_IN.len(), "it has roles of its own"),
        (&ROLE_ASSIGNMENT, 1, "somebody was given a role"),
    ] {
        if count(kind).await? != made as u64 {
            return Ok(Some(found));
        }
    }
    changed_within(store, tenant, owner, count(&API_KEY).await?).await
}

async fn changed_within(
    store: &dyn Store,
    tenant: TenantId,
    owner: UserId,
    keys: u64,
) -> Result<Option<&'static str>, Fault> {
    let administrator = User { name: "Administrator".to_owned(), ..User::new(ADMINISTRATOR) };
    let users: Vec<Stored<User>> = all(store, tenant, Filter::All).await?;
    if !users.iter().any(|user| user.id == owner.uuid() && user.value == administrator) {
        return Ok(Some("the administrator has changed"));
    }
    let roles: Vec<Stored<Role>> = all(store, tenant, Filter::All).await?;
    let made: Vec<Role> = BUILT_IN.iter().map(BuiltIn::document).collect();
    if !roles.iter().all(|role| made.contains(&role.value)) {
        return Ok(Some("a role has changed"));
    }
    let admin = roles.iter().find(|role| role.value.name == ADMIN).map(|role| RoleId::from_uuid(role.id));
    let given: Vec<Stored<Assignment>> = all(store, tenant, Filter::All).await?;
    let by_start = admin.map(|admin| Assignment::new(admin, &Holder::User(owner), None));
    if !given.iter().all(|given| Some(&given.value) == by_start.as_ref()) {
        return Ok(Some("a role was given to somebody"));
    }
    // A key that was lost and replaced is upkeep; every other key is somebody's. A start that could show none has made none.
    let of_tenant: Vec<Stored<ApiKey>> = all(store, tenant, Filter::All).await?;
    let is_plain = |key: &ApiKey| {
        let made = ApiKey::new(owner, key.name.clone(), key.prefix.clone(), key.hash.clone());
        *key == ApiKey { revoked_at: key.revoked_at, ..made }
    };
    let first = of_tenant.iter().filter(|key| key.value.name == FIRST_KEY).count();
    let own = of_tenant
        .iter()
        .all(|key| (key.value.name == FIRST_KEY || key.value.name == RESET_KEY) && is_plain(&key.value));
    if !own || first > 1 || of_tenant.len() as u64 != keys {
        return Ok(Some("it has keys of its own"));
    }
    Ok(None)
}
