//! Finding by what a text says: words and meaning, fused; then what is new and what matters; then variety. The same for every kind of
//! document, whatever holds it.
//!
//! The full text of the store is written with each document. Vectors come behind it: a change puts a job into a queue, a worker has the text
//! embedded and writes the vector beside the document (`Embedding`), and a log of such changes is what the index follows (`following`). So a
//! write waits for no model, the records stay the truth, and an index that was lost or lags fills itself.

mod asking;
mod embedding;
mod following;
mod making;
pub(crate) mod ranking;
pub(crate) mod reranking;
pub(crate) mod sentences;
pub(crate) mod words;
pub mod working;

pub(crate) use asking::{Near, near, near_among, part_of, parts_of};
pub(crate) use embedding::{EMBEDDED, EMBEDDING, EMBEDDING_SWEEP, changed, gone, removal, vectors};
pub use embedding::{Piece, Searchable, Searched};
pub use following::{Following, Refilling, Stage};
