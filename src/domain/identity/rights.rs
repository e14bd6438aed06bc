//! What a user may do: the roles given to the user or to the user's groups, as far as they are in force. Worked out anew
//! from the store each time; the gate caches the caller that results.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::faults::BEYOND_OWN_RIGHTS;
use super::model::assignment::Assignment;
use super::model::role::Role;
use super::model::user::User;
use super::reading::all;
use crate::capability::caller::Caller;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::Grants;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Scalar};
use crate::port::store::Store;

/// A role that is in force for a user.
#[derive(Debug, Clone)]
pub struct Held {
    /// The role.
    pub role: Role,
    /// How the user came by it.
    pub assignment: Assignment,
}

/// The roles of a user that are in force.
#[derive(Debug, Clone, Default)]
pub struct Rights {
    /// The roles, by name; one that is held in two ways is there twice.
    pub held: Vec<Held>,
    /// What the roles permit that are given and not yet in force.
    pub to_come: Grants,
    /// When they next change by themselves.
    pub stale_at: Option<Timestamp>,
}

impl Rights {
    /// What the roles permit together.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.held.iter().fold(Grants::NONE, |all, held| all.union(held.role.grants()))
    }

    /// What the roles permit together with those that are still to come.
    #[must_use]
    pub fn grants_in_all(&self) -> Grants {
        self.grants().union(self.to_come)
    }

    /// The names of the roles, each once.
    #[must_use]
    pub fn role_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.held.iter().map(|held| held.role.name.clone()).collect();
        names.dedup();
        names
    }
}

/// The rights of a user.
///
/// # Errors
/// When the store fails.
pub async fn of_user(
    store: &dyn Store,
    tenant: TenantId,
    user: &Stored<User>,
    now: Timestamp,
) -> Result<Rights, Fault> {
    let mut each = of_users(store, tenant, std::slice::from_ref(user), now).await?;
    Ok(each.pop().unwrap_or_default())
}

/// The rights of each of some users, in their order, from two reads.
///
/// # Errors
/// When the store fails.
pub async fn of_users(
    store: &dyn Store,
    tenant: TenantId,
    users: &[Stored<User>],
    now: Timestamp,
) -> Result<Vec<Rights>, Fault> {
    let ids = users.iter().map(|user| Scalar::Id(user.id)).collect();
    let mut groups: Vec<&String> = users.iter().flat_map(|user| &user.value.groups).collect();
    groups.sort_unstable();
    groups.dedup();
    let groups = groups.into_iter().cloned().map(Scalar::Text).collect();
    let filter = Filter::Or(vec![Filter::In("user", ids), Filter::In("group", groups)]);
    let assignments: Vec<Stored<Assignment>> = all(store, tenant, filter).await?;
    let roles = roles_of(store, tenant, assignments.iter().map(|one| one.value.role.uuid())).await?;
    Ok(users.iter().map(|user| rights_of(user, &assignments, &roles, now)).collect())
}

/// What the roles given to some groups permit, whether they are in force or will be.
///
/// # Errors
/// When the store fails.
pub async fn of_groups(
    store: &dyn Store,
    tenant: TenantId,
    groups: &[String],
    now: Timestamp,
) -> Result<Grants, Fault> {
    if groups.is_empty() {
        return Ok(Grants::NONE);
    }
    let filter = Filter::In("group", groups.iter().cloned().map(Scalar::Text).collect());
    let mut assignments: Vec<Stored<Assignment>> = all(store, tenant, filter).await?;
    assignments.retain(|assignment| !assignment.value.is_over(now));
    let roles = roles_of(store, tenant, assignments.iter().map(|one| one.value.role.uuid())).await?;
    Ok(roles.values().fold(Grants::NONE, |grants, role| grants.union(role.grants())))
}

async fn roles_of(
    store: &dyn Store,
    tenant: TenantId,
    ids: impl Iterator<Item = Uuid>,
) -> Result<BTreeMap<Uuid, Role>, Fault> {
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found: Vec<Stored<Role>> =
        all(store, tenant, Filter::In("id", ids.into_iter().map(Scalar::Id).collect())).await?;
    Ok(found.into_iter().map(|role| (role.id, role.value)).collect())
}

fn rights_of(
    user: &Stored<User>,
    assignments: &[Stored<Assignment>],
    roles: &BTreeMap<Uuid, Role>,
    now: Timestamp,
) -> Rights {
    let concerns = |assignment: &Assignment| {
        assignment.user.is_some_and(|holder| holder.uuid() == user.id)
            || assignment.group.as_ref().is_some_and(|group| user.value.groups.contains(group))
    };
    let mut rights = Rights::default();
    for assignment in assignments.iter().map(|stored| &stored.value).filter(|assignment| concerns(assignment)) {
        rights.stale_at = rights.stale_at.into_iter().chain(assignment.next_boundary(now)).min();
        let Some(role) = roles.get(&assignment.role.uuid()) else { continue };
        if assignment.in_force(now) {
            rights.held.push(Held { role: role.clone(), assignment: assignment.clone() });
        } else if !assignment.is_over(now) {
            rights.to_come = rights.to_come.union(role.grants());
        }
    }
    rights.held.sort_by(|one, other| one.role.name.cmp(&other.role.name));
    rights
}

/// Nobody gives what they do not have: refuses grants that the caller lacks.
///
/// # Errors
/// `beyond_own_rights` with what is missing.
pub fn must_cover(caller: &Caller, grants: Grants, what: &str) -> Result<(), Fault> {
    if caller.grants.contains(grants) {
        return Ok(());
    }
    let missing = grants.without(caller.grants).patterns();
    Err(Fault::new(&BEYOND_OWN_RIGHTS, format!("the caller's own rights do not cover {what}: {}", missing.join(", ")))
        .with_detail(serde_json::json!({ "missing": missing })))
}

/// Nobody acts on the account of somebody with more rights: refuses where the caller lacks something of what the user's roles
/// permit, now or later. Of one's own account only what is in force counts, which everybody covers themselves; a key that is
/// limited below its user does not, and so does not act for the whole of them.
///
/// # Errors
/// `beyond_own_rights` with what is missing.
pub async fn must_cover_account(cx: &Cx, user: &Stored<User>) -> Result<(), Fault> {
    let rights = of_user(&*cx.platform().store, cx.tenant(), user, cx.now()).await?;
    if user.id == cx.caller().user.uuid() {
        return must_cover(cx.caller(), rights.grants(), "what the caller's roles permit");
    }
    must_cover(cx.caller(), rights.grants_in_all(), "the rights of the user whose account this is")
}
