//! `api_key_list`: keys, never their secret.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::model::api_key::ApiKey;
use crate::domain::identity::views::KeyView;
use crate::kernel::fault::Fault;
use crate::kernel::id::{KeyId, UserId};
use crate::port::records::{Filter, Scalar};

/// Lists API keys.
pub(in crate::domain::identity) struct ApiKeyList;

/// Whose keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Input {
    /// Whose keys: the caller's when not given. Somebody else's need the permission keys:manage.
    #[serde(default)]
    user_id: Option<UserId>,
    /// Whether revoked keys are listed too.
    #[serde(default)]
    include_revoked: bool,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

impl Capability for ApiKeyList {
    type Input = Input;
    type Output = Page<KeyView>;
    const SPEC: Spec = Spec::read(
        "api_key_list",
        Domain::Identity,
        Route::get("/auth/api-keys"),
        Permit::on(Resource::Keys, Action::Read),
        "The caller's API keys, newest first: name, beginning, limits, expiry and status, never the secret. Another \
         user's with their userId.",
    );

    async fn run(cx: &Cx, input: Self::Input) -> Result<Self::Output, Fault> {
        let user = input.user_id.unwrap_or(cx.caller().user);
        if user != cx.caller().user && !cx.caller().may(Resource::Keys, Action::Manage) {
            return Err(forbidden(Permit::on(Resource::Keys, Action::Manage)));
        }
        let mut filter = Filter::is("user", Scalar::Id(user.uuid()));
        if !input.include_revoked {
            filter = filter.and(Filter::IsNull("revokedAt"));
        }
        let page = cx.list::<ApiKey>(filter, "createdAt", true, &input.paging).await?;
        let now = cx.now();
        Ok(page.map(|key| KeyView::new(KeyId::from_uuid(key.id), key.value, key.created_at, now)))
    }
}
