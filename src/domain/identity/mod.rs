//! The identity domain: tenants, people, groups, roles and API keys, and who a credential speaks for. What a caller may do
//! is worked out here, once for each credential, and cached by the gate until something that it rests upon changes.
//!
//! Other domains may use: `bootstrap`, `default_tenant`, `reset_admin_key`, `what_was_changed`, `directory::Directory` (the gate's `Identities`), `model`, `keys`.

mod administrators;
mod assigning;
mod bootstrap;
pub mod directory;
mod faults;
mod fresh;
mod holders;
mod inputs;
pub mod keys;
pub mod model;
mod reading;
pub mod rights;
pub mod roles;
mod tools;
mod views;

pub use bootstrap::{bootstrap, default_tenant, reset_admin_key};
pub use fresh::what_was_changed;

use crate::capability::module::Module;
use crate::capability::row::Row;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Identity,
    rows: &[
        Row::of::<tools::user_create::UserCreate>(),
        Row::of::<tools::user_get::UserGet>(),
        Row::of::<tools::user_list::UserList>(),
        Row::of::<tools::user_update::UserUpdate>(),
        Row::of::<tools::user_me::UserMe>(),
        Row::of::<tools::role_create::RoleCreate>(),
        Row::of::<tools::role_list::RoleList>(),
        Row::of::<tools::role_set_permissions::RoleSetPermissions>(),
        Row::of::<tools::role_assign::RoleAssign>(),
        Row::of::<tools::role_revoke::RoleRevoke>(),
        Row::of::<tools::api_key_create::ApiKeyCreate>(),
        Row::of::<tools::api_key_list::ApiKeyList>(),
        Row::of::<tools::api_key_revoke::ApiKeyRevoke>(),
        Row::of::<tools::auth_validate::AuthValidate>(),
        Row::of::<tools::auth_permissions::AuthPermissions>(),
    ],
    kinds: &[
        &model::tenant::TENANT,
        &model::user::USER,
        &model::membership::MEMBERSHIP,
        &model::role::ROLE,
        &model::assignment::ROLE_ASSIGNMENT,
        &model::api_key::API_KEY,
    ],
    logs: &[],
    faults: faults::ALL,
};
