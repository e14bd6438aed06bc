//! What the doors share that speak as a vendor of models does: a visit with its key, the vendor's JSON taken apart by moving,
//! answers of the models' capabilities as they are read, and streams of events. Of the domain they know the names of the
//! capabilities and the forms of the port, and nothing else.

pub(super) mod answers;
pub(super) mod fields;
pub(super) mod prose;
pub(super) mod telling;
pub(super) mod visit;
