//! `role_assign`: gives a role to a user or to a group.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::administrators::{self, Going};
use crate::domain::identity::model::assignment::{Assignment, Holder};
use crate::domain::identity::model::user::User;
use crate::domain::identity::roles::ADMIN;
use crate::domain::identity::views::AssignmentView;
use crate::domain::identity::{assigning, rights};
use crate::kernel::fault::Fault;
use crate::kernel::id::{RoleId, UserId};
use crate::kernel::time::Timestamp;

/// Gives a role.
pub(in crate::domain::identity) struct RoleAssign;

/// Which role to whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Input {
    /// The role's name or id.
    #[schemars(length(min = 1, max = 64))]
    role: String,
    /// The user to give it to; either this or `group`.
    #[serde(default)]
    user_id: Option<UserId>,
    /// The group whose members get it; either this or `userId`.
    #[serde(default)]
    #[schemars(length(max = 48), regex(pattern = "^[a-z0-9][a-z0-9_-]*$"))]
    group: Option<String>,
    /// In force from this moment on; at once when not given.
    #[serde(default)]
    effective_from: Option<Timestamp>,
    /// No longer in force from this moment on; without an end when not given.
    #[serde(default)]
    effective_until: Option<Timestamp>,
}

impl Capability for RoleAssign {
    type Input = Input;
    type Output = AssignmentView;
    const SPEC: Spec = Spec::change(
        "role_assign",
        Domain::Identity,
        Route::post("/auth/roles"),
        Permit::on(Resource::Roles, Action::Change),
        "Gives a role to a user or to everybody in a group, from now or a later moment on, for good or until an end. \
         Given again, the dates are replaced. To change what a role permits use role_set_permissions.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let holder = holder(input.user_id, input.group)?;
        check_dates(input.effective_from, input.effective_until, cx.now())?;
        let role = assigning::role_named(cx, &input.role).await?;
        rights::must_cover(cx.caller(), role.value.grants(), &format!("the role {}", role.value.name))?;
        if let Holder::User(user) = &holder {
            let user = cx.load::<User>(user.uuid(), Action::Read).await?;
            cx.hold(&user);
        }
        cx.hold(&role);
        let role_id = RoleId::from_uuid(role.id);
        assigning::tell_holder(cx, &holder, role_id);
        let mut assignment = Assignment::new(role_id, &holder, Some(cx.caller().user));
        assignment.effective_from = input.effective_from;
        assignment.effective_until = input.effective_until;
        match cx.get::<Assignment>(Assignment::id_of(role_id, &holder)).await? {
            None => assigning::give(cx, &assignment, &holder)?,
            Some(given) => {
                let lasts = assignment.in_force(cx.now()) && assignment.effective_until.is_none();
                if role.value.name == ADMIN && !lasts {
                    administrators::must_remain(cx, &Going::Assignment(&given)).await?;
                }
                cx.change(&given, &assignment)?;
            }
        }
        let view = AssignmentView::new(role.value.name, assignment, cx.now());
        cx.emit("role.assigned", role_id, &view)?;
        Ok(view)
    }
}

/// The user or the group that an input names.
///
/// # Errors
/// `bad_input` for both and for none.
pub(super) fn holder(user: Option<UserId>, group: Option<String>) -> Result<Holder, Fault> {
    match (user, group) {
        (Some(user), None) => Ok(Holder::User(user)),
        (None, Some(group)) => Ok(Holder::Group(group)),
        (Some(_), Some(_)) => Err(Fault::bad_input("/group", "give either userId or group, not both")),
        (None, None) => Err(Fault::bad_input("/userId", "give userId, or group for everybody in it")),
    }
}

fn check_dates(from: Option<Timestamp>, until: Option<Timestamp>, now: Timestamp) -> Result<(), Fault> {
    match (from, until) {
        (_, Some(until)) if until <= now => {
            Err(Fault::bad_input("/effectiveUntil", "must lie in the future; to take a role back use role_revoke"))
        }
        (Some(from), Some(until)) if until <= from => {
            Err(Fault::bad_input("/effectiveUntil", "must lie after effectiveFrom"))
        }
        _ => Ok(()),
    }
}
