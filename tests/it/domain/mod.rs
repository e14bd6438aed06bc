//! The domains' own tests, one folder a domain.

mod agents;
mod audit;
mod documents;
pub(crate) mod events;
mod executions;
mod flows;
mod identity;
mod integrations;
mod knowledge;
mod learning;
mod memory;
mod models;
mod personas;
mod processes;
mod prompts;
mod providers;
mod registry;
mod rules;
mod schedules;
mod system;
mod tasks;
