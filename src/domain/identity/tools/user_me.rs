//! `user_me`: the caller's own profile.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::model::user::User;
use crate::domain::identity::views::UserView;
use crate::kernel::fault::Fault;

/// Shows the caller's own profile.
pub(in crate::domain::identity) struct UserMe;

/// Nothing: who asks is known.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::domain::identity) struct Input {}

impl Capability for UserMe {
    type Input = Input;
    type Output = UserView;
    const SPEC: Spec = Spec::read(
        "user_me",
        Domain::Identity,
        Route::get("/users/me"),
        Permit::Own,
        "The caller's own profile: id, name, email, groups and roles. For what the caller may do use auth_permissions.",
    )
    .everyday();

    async fn run(cx: &Cx, _: Self::Input) -> Result<Self::Output, Fault> {
        let user = cx.load::<User>(cx.caller().user.uuid(), Action::Read).await?;
        // The gate knows the roles in force already: it judges the call by them.
        let times = (user.created_at, user.updated_at);
        Ok(UserView::new(cx.caller().user, user.value, cx.caller().roles.clone(), times))
    }
}
