//! What makes the log provable: hashes, chains, the tree, checkpoints, and their verification.

pub mod checkpoints;
pub mod export;
pub mod hash;
pub mod keeper;
pub mod kept;
pub mod note;
pub mod offline;
pub mod sequencer;
pub mod tree;
pub mod verify;
