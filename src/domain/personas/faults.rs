//! What can go wrong with personas.

use crate::kernel::codes::{Code, CodeRow};

/// What it is told cannot be assembled.
pub(super) static PERSONA_UNUSABLE: CodeRow = CodeRow::of_caller(
    "persona_unusable",
    422,
    "The persona cannot be used as it is written: its instructions cannot be assembled, or a check of its text does not hold. The detail says \
     which and why. In instructions there are title, role, expertise, tone, traits and rules.",
);

/// There are too many.
pub(super) static TOO_MANY_PERSONAS: CodeRow =
    CodeRow::of_caller("too_many_personas", 422, "The tenant has as many personas as it may. Change an existing one.");

/// All of them.
pub(super) static ALL: &[Code] = &[&PERSONA_UNUSABLE, &TOO_MANY_PERSONAS];
