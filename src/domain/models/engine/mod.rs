//! What the domain is made of: the router and what it rests upon.

pub(super) mod asker;
pub(super) mod breaker;
pub(super) mod budgets;
pub(super) mod cache;
pub(super) mod client;
pub(super) mod collect;
pub(super) mod dice;
pub(super) mod failure;
pub(super) mod genai;
pub(super) mod health;
pub(crate) mod marks;
mod meter;
pub(super) mod offers;
pub(super) mod pace;
pub(super) mod places;
pub(super) mod router;
pub(super) mod similar;
pub(super) mod size;
pub(super) mod tokens;
mod turns;
pub(super) mod watch;
