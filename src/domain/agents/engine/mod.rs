//! Running agents: what a run is made of, the loop of model and tools, what is kept of it, and what is learned.

pub(crate) mod answer;
mod asking;
pub(crate) mod book;
mod calling;
pub(crate) mod figures;
mod form;
pub(crate) mod input;
pub(crate) mod knowing;
pub(crate) mod learned;
pub(crate) mod learning;
mod offering;
pub(in crate::domain::agents) mod plan;
mod record;
mod remembering;
pub(crate) mod running;
pub(crate) mod telling;
