//! `role_set_permissions`: replaces what a role permits.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::faults::BUILT_IN_ROLE;
use crate::domain::identity::model::role::Role;
use crate::domain::identity::views::RoleView;
use crate::domain::identity::{holders, inputs, rights};
use crate::kernel::fault::Fault;
use crate::kernel::id::RoleId;

/// Replaces a role's permissions.
pub(in crate::domain::identity) struct RoleSetPermissions;

/// Which role, and what it is to permit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Input {
    /// The role's id, as `role_list` tells it.
    id: RoleId,
    /// All that it is to permit: `RESOURCE:ACTION`, with `*` for all of either, such as `users:read`, `keys:*`.
    #[schemars(length(max = 500), inner(length(min = 1, max = 64)))]
    permissions: Vec<String>,
}

impl Capability for RoleSetPermissions {
    type Input = Input;
    type Output = RoleView;
    const SPEC: Spec = Spec::change(
        "role_set_permissions",
        Domain::Identity,
        Route::put("/roles/{id}/permissions"),
        Permit::on(Resource::Roles, Action::Change),
        "Replaces everything that a role permits, for all who hold it, at once. Name also what is to stay: read it with \
         role_list first. Built-in roles cannot be changed.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let (permissions, grants) = inputs::patterns("permissions", input.permissions)?;
        let stored = cx.load::<Role>(input.id.uuid(), Action::Change).await?;
        if stored.value.builtin {
            return Err(Fault::new(&BUILT_IN_ROLE, format!("the role {} comes with the program", stored.value.name)));
        }
        // What the role permits is taken from its holders, as by role_revoke, and given to them, as by role_assign.
        rights::must_cover(cx.caller(), stored.value.grants(), "what the role permits")?;
        rights::must_cover(cx.caller(), grants, "what the role is to permit")?;
        let role = Role { permissions, ..stored.value.clone() };
        let changed = role != stored.value;
        if changed {
            cx.change(&stored, &role)?;
            let event = serde_json::json!({ "roleId": input.id, "name": role.name, "permissions": role.permissions });
            cx.emit("role.changed", input.id, &event)?;
        }
        let updated_at = if changed { cx.now() } else { stored.updated_at };
        let view = RoleView::new(input.id, role, (stored.created_at, updated_at));
        holders::counted(cx, vec![view]).await?.pop().ok_or_else(|| Fault::not_found("role", input.id))
    }
}
