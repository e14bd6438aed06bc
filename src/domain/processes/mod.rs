//! The processes domain: what is done in which order, by whom and with what, as data that is checked, versioned, drawn, tried out.

pub mod engine;
