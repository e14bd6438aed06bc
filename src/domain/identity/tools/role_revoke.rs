//! `role_revoke`: takes a role back.

use schemars::JsonSchema;
use serde::Deserialize;

use super::role_assign::holder;
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

/// Takes a role back.
pub(in crate::domain::identity) struct RoleRevoke;

/// Which role from whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Input {
    /// The role's name or id.
    #[schemars(length(min = 1, max = 64))]
    role: String,
    /// The user to take it from; either this or `group`.
    #[serde(default)]
    user_id: Option<UserId>,
    /// The group to take it from; either this or `userId`.
    #[serde(default)]
    #[schemars(length(max = 48), regex(pattern = "^[a-z0-9][a-z0-9_-]*$"))]
    group: Option<String>,
}

impl Capability for RoleRevoke {
    type Input = Input;
    type Output = AssignmentView;
    const SPEC: Spec = Spec::change(
        "role_revoke",
        Domain::Identity,
        Route::delete("/auth/roles"),
        Permit::on(Resource::Roles, Action::Change),
        "Takes a role back from a user or a group, in force at once. What a user has through a group is taken from the \
         group, or by user_update from the user's groups. To block the whole account use user_update.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let holder = holder(input.user_id, input.group)?;
        let role = assigning::role_named(cx, &input.role).await?;
        if let Holder::User(user) = &holder {
            cx.load::<User>(user.uuid(), Action::Read).await?;
        }
        let role_id = RoleId::from_uuid(role.id);
        let given = cx.get::<Assignment>(Assignment::id_of(role_id, &holder)).await?;
        let given = given.ok_or_else(|| Fault::not_found("holder of the role", &role.value.name))?;
        rights::must_cover(cx.caller(), role.value.grants(), &format!("the role {}", role.value.name))?;
        if role.value.name == ADMIN {
            administrators::must_remain(cx, &Going::Assignment(&given)).await?;
        }
        assigning::tell_holder(cx, &holder, role_id);
        assigning::take(cx, &given)?;
        let mut view = AssignmentView::new(role.value.name, given.value, cx.now());
        view.in_force = false;
        cx.emit("role.revoked", role_id, &view)?;
        Ok(view)
    }
}
