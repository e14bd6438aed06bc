//! `role_list`: roles with what they permit and how many hold them.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::holders;
use crate::domain::identity::model::role::Role;
use crate::domain::identity::views::RoleView;
use crate::kernel::fault::Fault;
use crate::kernel::id::RoleId;
use crate::port::records::{Filter, Scalar};

/// Lists roles.
pub(in crate::domain::identity) struct RoleList;

/// Which roles.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Input {
    /// Only roles whose name begins so.
    #[serde(default)]
    #[schemars(length(max = 48))]
    name: Option<String>,
    /// Only roles that come with the program, or only the tenant's own.
    #[serde(default)]
    builtin: Option<bool>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

impl Capability for RoleList {
    type Input = Input;
    type Output = Page<RoleView>;
    const SPEC: Spec = Spec::read(
        "role_list",
        Domain::Identity,
        Route::get("/roles"),
        Permit::on(Resource::Roles, Action::Read),
        "The roles that can be given, by name, each with what it permits, how many users hold it and which groups. For \
         who holds one use user_list with role; for the caller's own rights auth_permissions.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let mut filter = Filter::All;
        if let Some(name) = input.name.filter(|name| !name.is_empty()) {
            filter = filter.and(Filter::StartsWith("name", name));
        }
        if let Some(builtin) = input.builtin {
            filter = filter.and(Filter::is("builtin", Scalar::Boolean(builtin)));
        }
        let page = cx.list::<Role>(filter, "name", false, &input.paging).await?;
        let views =
            page.map(|role| RoleView::new(RoleId::from_uuid(role.id), role.value, (role.created_at, role.updated_at)));
        Ok(Page { items: holders::counted(cx, views.items).await?, next_page_token: views.next_page_token })
    }
}
