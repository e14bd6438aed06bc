//! Taking documents in: what their passages name and how it hangs together goes into the graph, once for each content; what a later content
//! says no longer goes out of it.
//!
//! A passage is read, and that is committed; then it is written into the graph, and that is committed with the note of what it bears out.
//! So a call that ends between goes on where it was when it is made again, and no model is asked twice for the same passage.

mod asking;
mod reading;
pub(super) mod records;
pub(super) mod telling;
pub(super) mod withdrawing;
pub(super) mod working;
pub(super) mod writing;
