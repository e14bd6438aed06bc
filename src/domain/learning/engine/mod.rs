//! What the domain does without a store: figures, tests of whether two samples are alike, drift, the rows of training sets.

pub mod drift;
pub mod figures;
pub mod personal;
pub mod rows;
pub mod scoring;
pub mod selection;
pub mod statistics;
