//! What the tests stand on: the program on a fresh folder, with people in it.

pub mod app;
pub mod ledger;
pub mod scene;
