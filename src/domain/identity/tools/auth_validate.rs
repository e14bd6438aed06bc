//! `auth_validate`: who the caller's own credential speaks for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::caller::Principal;
use crate::capability::cx::Cx;
use crate::capability::permit::{Grants, Permit};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::model::api_key::ApiKey;
use crate::domain::identity::model::tenant::{self, Tenant};
use crate::domain::identity::reading;
use crate::kernel::fault::Fault;
use crate::kernel::id::{KeyId, TenantId, UserId};
use crate::kernel::time::Timestamp;

/// Says who a credential speaks for.
pub(in crate::domain::identity) struct AuthValidate;

/// Nothing: it is the credential of the call itself.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::domain::identity) struct Input {}

/// What a credential is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum CredentialKind {
    /// An API key.
    ApiKey,
    /// Access to the machine itself.
    LocalOwner,
    /// None.
    Anonymous,
}

/// Who the credential speaks for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Output {
    /// Always true: a credential that is not valid gets no answer but a fault.
    valid: bool,
    /// What the credential is.
    credential: CredentialKind,
    /// The key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<KeyId>,
    /// The key's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_name: Option<String>,
    /// The user that it speaks for.
    user_id: UserId,
    /// The user's email address.
    email: String,
    /// The user's name.
    name: String,
    /// The tenant.
    tenant_id: TenantId,
    /// The tenant's name.
    tenant: String,
    /// The roles in force.
    roles: Vec<String>,
    /// What it permits; `*` for everything.
    permissions: Vec<String>,
    /// The toolsets that the key is limited to; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    toolsets: Option<Vec<String>>,
    /// Whether it may only call tools that read.
    read_only: bool,
    /// From when on it is refused; absent for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// When a role begins or ends next by its dates.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles_change_at: Option<Timestamp>,
}

impl Capability for AuthValidate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "auth_validate",
        Domain::Identity,
        Route::get("/auth/validate"),
        Permit::Own,
        "Says who the token of this very call speaks for: user, tenant, roles, permissions and until when. A token that \
         is not valid is refused with the reason.",
    );

    async fn run(cx: &Cx, _: Self::Input) -> Result<Self::Output, Fault> {
        let caller = cx.caller();
        let (credential, key_id) = match caller.principal {
            Principal::Key(key) => (CredentialKind::ApiKey, Some(key)),
            Principal::LocalOwner => (CredentialKind::LocalOwner, None),
            // A link is good for what it was made for, and not for this.
            Principal::Anonymous | Principal::Link => (CredentialKind::Anonymous, None),
        };
        let key_name = match key_id {
            Some(key) => cx.get::<ApiKey>(key.uuid()).await?.map(|key| key.value.name),
            None => None,
        };
        let store = &*cx.platform().store;
        let tenant = reading::one::<Tenant>(store, tenant::platform(), caller.tenant.uuid()).await?;
        Ok(Output {
            valid: true,
            credential,
            key_id,
            key_name,
            user_id: caller.user,
            email: caller.email.clone(),
            name: caller.name.clone(),
            tenant_id: caller.tenant,
            tenant: tenant.map(|tenant| tenant.value.name).unwrap_or_default(),
            roles: caller.roles.clone(),
            permissions: permissions(caller.grants),
            toolsets: caller.toolsets.as_ref().map(|sets| sets.iter().map(|set| set.name().to_owned()).collect()),
            read_only: caller.read_only,
            expires_at: caller.expires_at,
            roles_change_at: caller.stale_at,
        })
    }
}

fn permissions(grants: Grants) -> Vec<String> {
    if grants == Grants::ALL {
        return vec!["*".to_owned()];
    }
    grants.iter().map(|permit| permit.to_string()).collect()
}
