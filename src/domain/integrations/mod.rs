//! What lies outside and how the program comes to it: the vault, which keeps the credentials that a tenant gives it. They are
//! stored by name, used by name and never told again.
//!
//! Other domains may use: `Vault`, `is_name`.

mod faults;
mod model;
mod tools;
mod topics;
mod vault;

pub use model::is_name;
pub use vault::rotate::Rotated;
pub use vault::{Vault, VaultState};

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Integrations,
    rows: tools::ROWS,
    kinds: &[&model::SECRET, &model::SECRET_USE, &model::DATA_KEY],
    logs: &[],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
