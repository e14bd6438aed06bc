//! The ranking of tools by need: a pure index over what is written about them, without input or output.
//! `vocabulary` is what it knows of English, `text` turns language into comparable words, `rank` weighs them.

mod pairs;
mod rank;
mod text;
mod vocabulary;

pub use rank::{Document, Hit, Index};
pub use text::content_stems;
