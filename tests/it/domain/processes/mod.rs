//! The processes domain.

mod pictures;
