//! The ranking of tools by need: a pure index over what is written about them, without input or output.
//! `text` turns language into comparable words, `rank` weighs them.

mod rank;
mod text;

pub use rank::{Document, Hit, Index};
