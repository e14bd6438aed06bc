//! A tenant is never left without an administrator: an active user who holds the role `admin`, directly or through a group,
//! now and without an end.

use super::faults::LAST_ADMINISTRATOR;
use super::model::assignment::Assignment;
use super::model::membership::Membership;
use super::model::role::Role;
use super::model::user::{User, UserStatus};
use super::reading::{all, first};
use super::roles::ADMIN;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;
use crate::port::records::{Filter, Scalar};

/// What a call is about to take away.
pub(super) enum Going<'a> {
    /// An assignment of the role.
    Assignment(&'a Stored<Assignment>),
    /// A user who is suspended or removed.
    User(UserId),
    /// A user's place in some groups.
    Places(UserId, &'a [String]),
}

impl Going<'_> {
    fn takes(&self, assignment: &Stored<Assignment>, user: UserId) -> bool {
        match self {
            Self::Assignment(gone) => gone.id == assignment.id,
            Self::User(gone) => *gone == user,
            Self::Places(gone, groups) => {
                *gone == user && assignment.value.group.as_ref().is_some_and(|group| groups.contains(group))
            }
        }
    }
}

/// Refuses to take the last administrator away. The administrator that remains is held until the call commits, so that two
/// such calls cannot each count on the other's.
///
/// # Errors
/// `last_administrator`.
pub(super) async fn must_remain(cx: &Cx, going: &Going<'_>) -> Result<(), Fault> {
    let (store, tenant, now) = (&*cx.platform().store, cx.tenant(), cx.now());
    let by_name = Filter::is("name", Scalar::Text(ADMIN.to_owned()));
    let Some(role) = first::<Role>(store, tenant, by_name).await? else { return Ok(()) };
    let given = Filter::is("role", Scalar::Id(role.id));
    let assignments: Vec<Stored<Assignment>> = all(store, tenant, given).await?;
    let lasting = assignments.into_iter().filter(|one| one.value.in_force(now) && one.value.effective_until.is_none());
    for assignment in lasting {
        for user in holders(cx, &assignment.value).await? {
            if going.takes(&assignment, user) {
                continue;
            }
            let Some(user) = cx.get::<User>(user.uuid()).await? else { continue };
            let in_group = assignment.value.group.as_ref().is_none_or(|group| user.value.groups.contains(group));
            if user.value.status == UserStatus::Active && in_group {
                cx.hold(&assignment);
                cx.hold(&user);
                return Ok(());
            }
        }
    }
    Err(Fault::new(&LAST_ADMINISTRATOR, "this would leave the tenant without an administrator"))
}

async fn holders(cx: &Cx, assignment: &Assignment) -> Result<Vec<UserId>, Fault> {
    let Some(group) = &assignment.group else { return Ok(assignment.user.into_iter().collect()) };
    let filter = Filter::is("group", Scalar::Text(group.clone()));
    let members: Vec<Stored<Membership>> = all(&*cx.platform().store, cx.tenant(), filter).await?;
    Ok(members.into_iter().map(|member| member.value.user).collect())
}
