//! Running agents: what a run is made of, the loop of model and tools, and what is kept of it.

pub(crate) mod answer;
mod asking;
pub(crate) mod book;
mod calling;
pub(crate) mod figures;
mod form;
pub(crate) mod input;
mod offering;
pub(in crate::domain::agents) mod plan;
mod record;
mod remembering;
pub(crate) mod running;
pub(crate) mod telling;
