//! `auth_permissions`: what the caller may do, and what gives it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::caller::Principal;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Grants, Permit};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::identity::model::api_key::ApiKey;
use crate::domain::identity::model::user::User;
use crate::domain::identity::rights::{self, Rights};
use crate::domain::identity::views::Limits;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Tells the caller's permissions.
pub(in crate::domain::identity) struct AuthPermissions;

/// Nothing: who asks is known.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::domain::identity) struct Input {}

/// What the caller may do.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::identity) struct Output {
    /// Each permission in force, with the roles that give it.
    permissions: Vec<Given>,
    /// The roles in force.
    roles: Vec<HeldRole>,
    /// How the key that is used narrows the roles; absent where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Limits>,
    /// What the roles give and the key's scopes withhold.
    withheld: Vec<String>,
    /// When a role begins or ends next by its dates.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles_change_at: Option<Timestamp>,
}

/// A permission and what gives it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Given {
    /// The permission.
    permission: String,
    /// The roles that give it.
    roles: Vec<String>,
}

/// A role in force.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct HeldRole {
    /// Its name.
    role: String,
    /// What it permits.
    permissions: Vec<String>,
    /// The group through which the caller has it; absent for the caller's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// In force since.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_from: Option<Timestamp>,
    /// In force until.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_until: Option<Timestamp>,
}

impl Capability for AuthPermissions {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "auth_permissions",
        Domain::Identity,
        Route::get("/auth/permissions"),
        Permit::Own,
        "What the caller may do: each permission with the role that gives it, the roles with their dates and groups, and \
         what the key that is used withholds. For what any role permits use role_list.",
    )
    .also(&[Route::get("/permissions")]);

    async fn run(cx: &Cx, _: Self::Input) -> Result<Self::Output, Fault> {
        let caller = cx.caller();
        let user = cx.load::<User>(caller.user.uuid(), Action::Read).await?;
        let rights = rights::of_user(&*cx.platform().store, cx.tenant(), &user, cx.now()).await?;
        let key = match caller.principal {
            Principal::Key(key) => cx.get::<ApiKey>(key.uuid()).await?.map(|key| key.value),
            Principal::LocalOwner | Principal::Anonymous | Principal::Link => None,
        };
        let scope = key.as_ref().map_or(Grants::ALL, ApiKey::scope);
        let (within, withheld): (Vec<Permit>, Vec<Permit>) =
            rights.grants().iter().partition(|permit| allows(scope, *permit));
        Ok(Output {
            permissions: within.into_iter().map(|permit| given(&rights, permit)).collect(),
            withheld: withheld.into_iter().map(|permit| permit.to_string()).collect(),
            key: key.map(Limits::of).filter(Limits::narrow),
            roles_change_at: rights.stale_at,
            roles: rights
                .held
                .into_iter()
                .map(|held| HeldRole {
                    role: held.role.name,
                    permissions: held.role.permissions,
                    group: held.assignment.group,
                    effective_from: held.assignment.effective_from,
                    effective_until: held.assignment.effective_until,
                })
                .collect(),
        })
    }
}

fn allows(grants: Grants, permit: Permit) -> bool {
    match permit {
        Permit::On(resource, action) => grants.allows(resource, action),
        Permit::Public | Permit::Own => true,
    }
}

fn given(rights: &Rights, permit: Permit) -> Given {
    let mut roles: Vec<String> = rights
        .held
        .iter()
        .filter(|held| allows(held.role.grants(), permit))
        .map(|held| held.role.name.clone())
        .collect();
    roles.dedup();
    Given { permission: permit.to_string(), roles }
}
