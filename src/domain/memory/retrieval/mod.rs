//! Finding by what a text says: words and meaning, fused; then what is new and what matters; then variety. The same for every kind of
//! document, whatever holds it.

pub(crate) mod ranking;
pub(crate) mod words;
