//! `user_update`: changes, suspends and reactivates an account.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::administrators::{self, Going};
use crate::domain::identity::model::membership::Membership;
use crate::domain::identity::model::user::{User, UserStatus, fold};
use crate::domain::identity::views::UserView;
use crate::domain::identity::{assigning, inputs, rights};
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;

/// Changes a user.
pub(in crate::domain::identity) struct UserUpdate;

/// What is to be otherwise. What is not given stays; an empty text removes what may be absent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Input {
    /// The user.
    id: UserId,
    /// The new email address.
    #[serde(default)]
    #[schemars(email, length(min = 3, max = 254))]
    email: Option<String>,
    /// The name as it is shown; follows the given and family name when it was made of them.
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
    #[schemars(length(max = 2000), regex(pattern = r"^(https?://\S+)?$"))]
    avatar: Option<String>,
    /// The department.
    #[serde(default)]
    #[schemars(length(max = 100))]
    department: Option<String>,
    /// All groups that the user is to be in.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(max = 48), regex(pattern = "^[a-z0-9][a-z0-9_-]*$")))]
    groups: Option<Vec<String>>,
    /// `suspended` refuses the user's keys at once, `active` accepts them again.
    #[serde(default)]
    status: Option<UserStatus>,
}

impl Capability for UserUpdate {
    type Input = Input;
    type Output = UserView;
    const SPEC: Spec = Spec::change(
        "user_update",
        Domain::Identity,
        Route::patch("/users/{id}"),
        Permit::on(Resource::Users, Action::Change),
        "Changes a user's name, email, department or groups, suspends the account (its keys are refused at once) or \
         reactivates it. Roles are changed by role_assign and role_revoke.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let stored = cx.load::<User>(input.id.uuid(), Action::Change).await?;
        // Who can change somebody's address could become them; who takes them out of a group takes what it gives them.
        rights::must_cover_account(cx, &stored).await?;
        let user = altered(&stored.value, input);
        let changed = changed(&stored.value, &user)?;
        if changed.is_empty() {
            return UserView::of(cx, stored).await;
        }
        cx.about::<User>(stored.id);
        keep_an_administrator(cx, &stored, &user).await?;
        move_groups(cx, &stored, &user).await?;
        cx.change(&stored, &user)?;
        let id = UserId::from_uuid(stored.id);
        let event = match (stored.value.status, user.status) {
            (UserStatus::Active, UserStatus::Suspended) => "user.suspended",
            (UserStatus::Suspended, UserStatus::Active) => "user.reactivated",
            _ => "user.updated",
        };
        cx.emit(event, id, &serde_json::json!({ "userId": id, "changed": changed }))?;
        let later = Stored { value: user, updated_at: cx.now(), ..stored };
        UserView::of(cx, later).await
    }
}

fn altered(before: &User, input: Input) -> User {
    let set = |old: &Option<String>, new: Option<String>| match new {
        None => old.clone(),
        new => inputs::filled(new),
    };
    let mut user = User {
        email: input.email.as_deref().map_or_else(|| before.email.clone(), fold),
        name: before.name.clone(),
        first_name: set(&before.first_name, input.first_name),
        last_name: set(&before.last_name, input.last_name),
        avatar: set(&before.avatar, input.avatar),
        department: set(&before.department, input.department),
        status: input.status.unwrap_or(before.status),
        groups: input.groups.map_or_else(|| before.groups.clone(), inputs::sorted),
    };
    let was_made = before.name == before.made_name();
    user.name = match inputs::filled(input.name) {
        Some(name) => name,
        None if was_made => user.made_name(),
        None => before.name.clone(),
    };
    user
}

/// The names of the properties that differ.
fn changed(before: &User, after: &User) -> Result<Vec<String>, Fault> {
    let before = serde_json::to_value(before).map_err(Fault::internal)?;
    let after = serde_json::to_value(after).map_err(Fault::internal)?;
    let names = before.as_object().into_iter().chain(after.as_object()).flat_map(serde_json::Map::keys);
    Ok(inputs::sorted(names.filter(|name| before.get(name) != after.get(name)).cloned().collect()))
}

/// Whoever is suspended or leaves a group, an administrator remains. That is demanded even where the user is none as far as
/// was read: they may become one, and the only one, before this commits.
async fn keep_an_administrator(cx: &Cx, stored: &Stored<User>, user: &User) -> Result<(), Fault> {
    let id = UserId::from_uuid(stored.id);
    if stored.value.status == UserStatus::Suspended {
        return Ok(());
    }
    if user.status == UserStatus::Suspended {
        return administrators::must_remain(cx, &Going::User(id)).await;
    }
    let left: Vec<String> = missing(&stored.value.groups, &user.groups);
    if left.is_empty() {
        return Ok(());
    }
    administrators::must_remain(cx, &Going::Places(id, &left)).await
}

async fn move_groups(cx: &Cx, stored: &Stored<User>, user: &User) -> Result<(), Fault> {
    let id = UserId::from_uuid(stored.id);
    for group in missing(&stored.value.groups, &user.groups) {
        if let Some(membership) = cx.get::<Membership>(Membership { user: id, group }.id()).await? {
            cx.remove(&membership)?;
        }
    }
    assigning::join(cx, id, &missing(&user.groups, &stored.value.groups)).await
}

/// What is in one list and not in the other.
fn missing(of: &[String], from: &[String]) -> Vec<String> {
    of.iter().filter(|group| !from.contains(group)).cloned().collect()
}
