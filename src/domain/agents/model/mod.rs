//! The domain's documents and logs.

pub(crate) mod agent;
pub(crate) mod interaction;
pub(crate) mod run;
