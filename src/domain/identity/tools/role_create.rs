//! `role_create`: a role of the tenant's own.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::model::role::Role;
use crate::domain::identity::views::RoleView;
use crate::domain::identity::{inputs, rights};
use crate::kernel::fault::Fault;
use crate::kernel::id::RoleId;
use crate::port::records::Visibility;

/// Makes a role.
pub(in crate::domain::identity) struct RoleCreate;

/// What the role is called and permits.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Input {
    /// Its name: lower case, unique in the tenant.
    #[schemars(length(min = 2, max = 48), regex(pattern = "^[a-z][a-z0-9_-]*$"))]
    name: String,
    /// What it is for.
    #[serde(default)]
    #[schemars(length(max = 500))]
    description: Option<String>,
    /// What it permits: `RESOURCE:ACTION`, with `*` for all of either, such as `users:read`, `keys:*`, `*:read`.
    #[schemars(length(max = 500), inner(length(min = 1, max = 64)))]
    permissions: Vec<String>,
}

impl Capability for RoleCreate {
    type Input = Input;
    type Output = RoleView;
    const SPEC: Spec = Spec::create(
        "role_create",
        Domain::Identity,
        Route::post("/roles"),
        Permit::on(Resource::Roles, Action::Create),
        "Makes a role: permissions under a name, to be given to users and groups with role_assign. It cannot permit more \
         than the caller may do.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let (permissions, grants) = inputs::patterns("permissions", input.permissions)?;
        rights::must_cover(cx.caller(), grants, "the role")?;
        let role = Role {
            name: input.name,
            description: inputs::filled(input.description).unwrap_or_default(),
            permissions,
            builtin: false,
        };
        let id = RoleId::from_uuid(cx.new_id());
        let owner = Some(cx.caller().user.uuid());
        cx.create(id.uuid(), Belongs { owner, workspace: None, visibility: Visibility::Tenant }, &role)?;
        let event = serde_json::json!({ "roleId": id, "name": role.name, "permissions": role.permissions });
        cx.emit("role.created", id, &event)?;
        Ok(RoleView::new(id, role, (cx.now(), cx.now())))
    }
}
