//! `user_get`: one user.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::model::user::{User, fold};
use crate::domain::identity::reading;
use crate::domain::identity::views::UserView;
use crate::kernel::fault::Fault;
use crate::port::records::{Filter, Scalar};

/// Shows a user.
pub(in crate::domain::identity) struct UserGet;

/// Which user.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::domain::identity) struct Input {
    /// The user's id or email address.
    #[schemars(length(min = 1, max = 254))]
    id: String,
}

impl Capability for UserGet {
    type Input = Input;
    type Output = UserView;
    const SPEC: Spec = Spec::read(
        "user_get",
        Domain::Identity,
        Route::get("/users/{id}"),
        Permit::on(Resource::Users, Action::Read),
        "One user by id or email address, with status, groups and roles. For a search use user_list, for the caller's \
         own profile user_me.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let id = match input.id.parse() {
            Ok(id) => id,
            Err(_) => by_email(cx, &input.id).await?,
        };
        let user = cx.load::<User>(id, Action::Read).await?;
        UserView::of(cx, user).await
    }
}

async fn by_email(cx: &Cx, email: &str) -> Result<uuid::Uuid, Fault> {
    let filter = Filter::is("email", Scalar::Text(fold(email)));
    let found = reading::first::<User>(&*cx.platform().store, cx.tenant(), filter).await?;
    found.map(|user| user.id).ok_or_else(|| Fault::not_found("user", email))
}
