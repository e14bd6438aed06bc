//! The identity domain: tenants, people, groups, roles and API keys, and who a credential speaks for. What a caller may do
//! is worked out here, once for each credential, and cached by the gate until something that it rests upon changes.
//!
//! Other domains may use: `bootstrap`, `default_tenant`, `first_key`, `reset_admin_key`, `what_was_changed`, `directory::Directory` (the gate's `Identities`), `model`, `keys`.

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
mod topics;
mod views;

pub use bootstrap::{bootstrap, default_tenant, first_key, reset_admin_key};
pub use fresh::what_was_changed;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Identity,
    rows: tools::ROWS,
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
    sources: &[],
    topics: topics::ALL,
};
