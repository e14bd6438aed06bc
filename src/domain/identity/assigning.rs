//! Giving roles and places in groups: what `user_create`, `user_update` and `role_assign` share.

use super::model::assignment::{Assignment, Holder, ROLE_HOLDERS};
use super::model::membership::Membership;
use super::model::role::Role;
use super::model::user::User;
use super::reading::first;
use super::rights;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::owned::Stored;
use crate::kernel::fault::Fault;
use crate::kernel::id::{RoleId, UserId};
use crate::port::records::{Filter, Scalar, Visibility};

/// Connections belong to nobody: only the program reads them.
const UNOWNED: Belongs = Belongs { owner: None, workspace: None, visibility: Visibility::Private };

/// The role of a name or an id.
///
/// # Errors
/// `not_found`.
pub(super) async fn role_named(cx: &Cx, named: &str) -> Result<Stored<Role>, Fault> {
    let by_name = Filter::is("name", Scalar::Text(named.to_owned()));
    if let Some(role) = first::<Role>(&*cx.platform().store, cx.tenant(), by_name).await? {
        return Ok(role);
    }
    if let Ok(id) = named.parse()
        && let Some(role) = cx.get::<Role>(id).await?
    {
        return Ok(role);
    }
    Err(Fault::not_found("role", named))
}

/// Gives a role that the holder does not have yet.
///
/// # Errors
/// When the assignment cannot be written.
pub(super) fn give(cx: &Cx, assignment: &Assignment, holder: &Holder) -> Result<(), Fault> {
    if let Holder::User(_) = holder {
        cx.count(ROLE_HOLDERS, assignment.role.to_string(), 1, None);
    }
    cx.create(Assignment::id_of(assignment.role, holder), UNOWNED, assignment)
}

/// Takes a role back.
///
/// # Errors
/// When the assignment cannot be written.
pub(super) fn take(cx: &Cx, assignment: &Stored<Assignment>) -> Result<(), Fault> {
    if assignment.value.user.is_some() {
        cx.count(ROLE_HOLDERS, assignment.value.role.to_string(), -1, None);
    }
    cx.remove(assignment)
}

/// Lets the audit log file a role's giving and taking under whose it is: the user, or for a group the role.
pub(super) fn tell_holder(cx: &Cx, holder: &Holder, role: RoleId) {
    match holder {
        Holder::User(user) => cx.about::<User>(user.uuid()),
        Holder::Group(_) => cx.about::<Role>(role.uuid()),
    }
}

/// Puts a user into groups. The caller must have all that the groups' roles give.
///
/// # Errors
/// `beyond_own_rights`.
pub(super) async fn join(cx: &Cx, user: UserId, groups: &[String]) -> Result<(), Fault> {
    let grants = rights::of_groups(&*cx.platform().store, cx.tenant(), groups, cx.now()).await?;
    rights::must_cover(cx.caller(), grants, "what the groups' roles permit")?;
    for group in groups {
        let membership = Membership { user, group: group.clone() };
        cx.create(membership.id(), UNOWNED, &membership)?;
    }
    Ok(())
}
