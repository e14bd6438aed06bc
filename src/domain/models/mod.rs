//! The models of vendors: which there are, what they can do and cost; the router to them, with routes, budgets and a cache; and
//! what was used of them.
//!
//! Other domains may use: `Router` with `Asker`, `Wish`, `Tags`, `CacheUse`, `Answer`, `Answering`, `Embedded`, `CacheState`,
//! `Reached`, `NO_MODEL`, and `Collector`, which puts pieces together; `Cost` and `Dollars`, as they are told and written; `catalogue`, `standing`;
//! `Allowance` and `key_is_held` for who makes what spends; `executions`, which tells what an execution asked; `reading` and
//! `model::call`, which tell of calls; `Marks`, by which texts that look alike are told apart; `json_in`, what a model said as JSON. The runtime sends what `Router::measured` tells.
//!
//! A domain that thinks asks through `cx.service::<Router>()` with `Asker::of(cx)`, a `Wish` whose tags say for which agent, prompt
//! and execution, and a request of the port. `no_model_configured` says that there is no model: whoever has an honest way
//! without one goes it then. Such a capability says `.asks().spends()`;
//! one that also acts outside says `.reaches()`.

mod allowance;
pub mod catalogue;
mod conversation;
mod engine;
pub(crate) mod executions;
mod faults;
mod health_view;
pub(crate) mod model;
pub(crate) mod reading;
pub mod standing;
mod tools;
mod topics;
mod views;

pub use allowance::{Allowance, key_is_held};
pub use engine::asker::{Asker, CacheUse, Tags, Wish};
pub use engine::collect::Collector;
pub use engine::genai::Histogram;
pub(crate) use engine::marks::Marks;
pub(crate) use engine::router::json_in;
pub use engine::router::{Answer, Answering, Embedded, Reached, Router, RouterSettings};
pub use faults::NO_MODEL;
pub use model::call::CacheState;
pub(crate) use views::{Cost, Dollars};

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Models,
    rows: tools::ROWS,
    kinds: &[
        &model::budget::MODEL_BUDGET,
        &model::budget::MODEL_LEASE,
        &model::budget::MODEL_WARNING,
        &model::provider::MODEL_PROVIDER,
        &model::route::MODEL_ROUTE,
    ],
    logs: &[&model::call::MODEL_CALLS],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
