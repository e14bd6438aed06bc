//! `api_key_revoke`: refuses a key from now on.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::caller::Principal;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::model::api_key::ApiKey;
use crate::domain::identity::model::user::User;
use crate::domain::identity::rights;
use crate::domain::identity::views::KeyView;
use crate::kernel::fault::Fault;
use crate::kernel::id::KeyId;

/// Revokes an API key.
pub(in crate::domain::identity) struct ApiKeyRevoke;

/// Which key.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::domain::identity) struct Input {
    /// The key's id, as `api_key_list` tells it.
    id: KeyId,
}

impl Capability for ApiKeyRevoke {
    type Input = Input;
    type Output = KeyView;
    const SPEC: Spec = Spec::remove(
        "api_key_revoke",
        Domain::Identity,
        Route::delete("/auth/api-keys/{id}"),
        Permit::on(Resource::Keys, Action::Remove),
        "Refuses an API key from this moment on; it cannot be brought back. Its id comes from api_key_list. Another \
         user's key needs the permission keys:manage and all rights of theirs.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let stored = cx.load::<ApiKey>(input.id.uuid(), Action::Remove).await?;
        must_cover_key(cx, input.id, &stored.value).await?;
        let mut key = stored.value.clone();
        if key.revoked_at.is_none() {
            key.revoked_at = Some(cx.now());
            cx.change(&stored, &key)?;
            let event = serde_json::json!({ "keyId": input.id, "userId": key.user, "prefix": key.prefix });
            cx.emit("api_key.revoked", input.id, &event)?;
        }
        Ok(KeyView::new(input.id, key, stored.created_at, cx.now()))
    }
}

/// Somebody else's key is their account. Of the caller's own keys a limited one revokes those that reach no further, and
/// always itself.
async fn must_cover_key(cx: &Cx, id: KeyId, key: &ApiKey) -> Result<(), Fault> {
    let caller = cx.caller();
    if caller.principal == Principal::Key(id) {
        return Ok(());
    }
    let Some(user) = cx.get::<User>(key.user.uuid()).await? else { return Ok(()) };
    if key.user != caller.user {
        return rights::must_cover_account(cx, &user).await;
    }
    let held = rights::of_user(&*cx.platform().store, cx.tenant(), &user, cx.now()).await?;
    rights::must_cover(caller, held.grants().intersection(key.scope()), "what the key permits")
}
