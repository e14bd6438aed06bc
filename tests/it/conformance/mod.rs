//! The ports' lists of cases. A list knows nothing of an implementation; a line at the end of each list's module runs all of
//! it against one.

mod blobs;
mod bus;
pub(crate) mod place;
mod store;
mod vectors;
