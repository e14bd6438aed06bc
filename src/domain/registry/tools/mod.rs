//! The registry's capabilities, one a file.

pub(super) mod call;
pub(super) mod categories;
pub(super) mod describe;
pub(super) mod docs;
pub(super) mod read;
pub(super) mod search;
