//! What can go wrong with memory.

use crate::kernel::codes::{Code, CodeRow};

/// There is nothing to remember in the text.
pub(super) static MEMORY_EMPTY: CodeRow = CodeRow::of_caller(
    "memory_empty",
    422,
    "The text has no word in it, so it could never be found again. Give a sentence that says something by itself.",
);

/// Nothing says what is to be forgotten.
pub(super) static FORGET_WHAT: CodeRow = CodeRow::of_caller(
    "memory_forget_what",
    422,
    "Nothing says what is to be forgotten. Beside `matching` give at least one property of the filter, or give the id of one memory.",
);

/// The memory is not believed any more.
pub(super) static MEMORY_ENDED: CodeRow = CodeRow::of_caller(
    "memory_ended",
    409,
    "The memory was superseded or retired, and only what is believed can be corrected. Bring it back with memory_update and state `current`, \
     or correct the one that took its place: the detail names it.",
);

/// Nothing makes vectors, so there is no index of them.
pub(super) static NO_EMBEDDER: CodeRow = CodeRow::of_caller(
    "no_embedder",
    409,
    "embeddings.model names no embedder, so nothing is found by meaning and there is no index to fill. The operator can name one.",
);

/// Every code of the domain.
pub(super) static ALL: &[Code] = &[&MEMORY_EMPTY, &FORGET_WHAT, &MEMORY_ENDED, &NO_EMBEDDER];
