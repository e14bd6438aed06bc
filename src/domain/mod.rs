//! The domains. Each brings its capabilities, kinds, logs and fault codes as a `Module`, listed here in the order of
//! documentation and nowhere else.

pub mod agents;
pub mod audit;
pub mod documents;
pub mod events;
pub mod executions;
pub mod flows;
pub mod identity;
pub mod integrations;
pub mod knowledge;
pub mod learning;
pub mod memory;
pub mod models;
pub mod personas;
pub mod processes;
pub mod prompts;
pub mod registry;
pub mod rules;
pub mod schedules;
pub mod system;
pub mod tasks;

use crate::capability::module::Module;

/// Every domain.
pub static MODULES: &[&Module] = &[
    &identity::MODULE,
    &audit::MODULE,
    &events::MODULE,
    &integrations::MODULE,
    &agents::MODULE,
    &memory::MODULE,
    &models::MODULE,
    &personas::MODULE,
    &prompts::MODULE,
    &knowledge::MODULE,
    &learning::MODULE,
    &documents::MODULE,
    &processes::MODULE,
    &executions::MODULE,
    &flows::MODULE,
    &schedules::MODULE,
    &rules::MODULE,
    &tasks::MODULE,
    &registry::MODULE,
    &system::MODULE,
];
