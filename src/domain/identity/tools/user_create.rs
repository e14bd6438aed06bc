//! `user_create`: a new account.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::model::assignment::{Assignment, Holder};
use crate::domain::identity::model::user::User;
use crate::domain::identity::roles::MEMBER;
use crate::domain::identity::views::UserView;
use crate::domain::identity::{assigning, inputs, rights};
use crate::kernel::fault::Fault;
use crate::kernel::id::{RoleId, UserId};
use crate::port::records::Visibility;

/// Makes a user.
pub(in crate::domain::identity) struct UserCreate;

/// Who the new user is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Input {
    /// The email address: unique in the tenant, whatever its case.
    #[schemars(email, length(min = 3, max = 254))]
    email: String,
    /// The name as it is shown; made of the given and family name, or the address, when not given.
    #[serde(default)]
    #[schemars(length(max = 200))]
    name: Option<String>,
    /// The given name.
    #[serde(default)]
    #[schemars(length(max = 100))]
    first_name: Option<String>,
    /// The family name.
    #[serde(default)]
    #[schemars(length(max = 100))]
    last_name: Option<String>,
    /// The address of a picture.
    #[serde(default)]
    #[schemars(regex(pattern = r"^https?://"), length(max = 2000))]
    avatar: Option<String>,
    /// The department.
    #[serde(default)]
    #[schemars(length(max = 100))]
    department: Option<String>,
    /// The groups that the user is in. The roles given to a group are its members' too.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(max = 48), regex(pattern = "^[a-z0-9][a-z0-9_-]*$")))]
    groups: Option<Vec<String>>,
    /// Names or ids of the roles to give; `member` when not given, none when empty. Other roles than `member` need the
    /// permission roles:change.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 64)))]
    roles: Option<Vec<String>>,
}

impl Capability for UserCreate {
    type Input = Input;
    type Output = UserView;
    const SPEC: Spec = Spec::create(
        "user_create",
        Domain::Identity,
        Route::post("/users"),
        Permit::on(Resource::Users, Action::Create),
        "Makes an account for a person with an email address, groups and roles (member unless others are given). They \
         get in with a key made for them by api_key_create with their userId.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let id = UserId::from_uuid(cx.new_id());
        let mut user = User::new(&input.email);
        user.first_name = inputs::filled(input.first_name);
        user.last_name = inputs::filled(input.last_name);
        user.avatar = inputs::filled(input.avatar);
        user.department = inputs::filled(input.department);
        user.groups = inputs::sorted(input.groups.unwrap_or_default());
        user.name = inputs::filled(input.name).unwrap_or_else(|| user.made_name());
        let belongs = Belongs { owner: Some(id.uuid()), workspace: None, visibility: Visibility::Tenant };
        cx.create(id.uuid(), belongs, &user)?;
        assigning::join(cx, id, &user.groups).await?;
        let roles = give_roles(cx, id, input.roles).await?;
        cx.emit("user.created", id, &serde_json::json!({ "userId": id, "email": user.email, "name": user.name }))?;
        Ok(UserView::new(id, user, roles, (cx.now(), cx.now())))
    }
}

/// Gives the roles asked for, or the one that everybody gets. That one is the tenant's gift, not the caller's: who may make
/// users need not have its permissions.
async fn give_roles(cx: &Cx, user: UserId, named: Option<Vec<String>>) -> Result<Vec<String>, Fault> {
    let mut given = Vec::new();
    for name in inputs::sorted(named.unwrap_or_else(|| vec![MEMBER.to_owned()])) {
        let role = assigning::role_named(cx, &name).await?;
        if given.contains(&role.value.name) {
            continue;
        }
        if !(role.value.builtin && role.value.name == MEMBER) {
            if !cx.caller().may(Resource::Roles, Action::Change) {
                return Err(forbidden(Permit::on(Resource::Roles, Action::Change)));
            }
            rights::must_cover(cx.caller(), role.value.grants(), &format!("the role {}", role.value.name))?;
        }
        cx.hold(&role);
        let holder = Holder::User(user);
        let assignment = Assignment::new(RoleId::from_uuid(role.id), &holder, Some(cx.caller().user));
        assigning::give(cx, &assignment, &holder)?;
        given.push(role.value.name);
    }
    given.sort_unstable();
    Ok(given)
}
