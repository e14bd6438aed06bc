//! What can go wrong with prompts.

use crate::kernel::codes::{Blame, Code, CodeRow, Retry};

/// The content cannot be used.
pub(super) static PROMPT_UNUSABLE: CodeRow = CodeRow::of_caller(
    "prompt_unusable",
    422,
    "The prompt cannot be used as it is written. The detail names each place with its rule and how to mend it; prompt_validate tells the \
     same without storing anything.",
);

/// Blocks include each other.
pub(super) static BLOCK_LOOP: CodeRow = CodeRow::of_caller(
    "prompt_block_loop",
    422,
    "Blocks include each other in a circle, which the detail names in order. Take one of the includes out.",
);

/// It does or writes too much.
pub(super) static PROMPT_TOO_LARGE: CodeRow = CodeRow::of_caller(
    "prompt_too_large",
    422,
    "With these variables the prompt does more work or makes more text than one may. Give less, or take loops and repetitions out of the \
     template.",
);

/// The label stands for something else than the caller believes.
pub(super) static LABEL_MOVED: CodeRow = CodeRow {
    name: "prompt_label_moved",
    status: 409,
    blame: Blame::Caller,
    retry: Retry::Never,
    mend: "The label stands for another version than the call expects: somebody moved it meanwhile. The detail says what it stands for; look \
           at it, then call again with that as 'expected'.",
};

/// The label is moved by a role.
pub(super) static LABEL_PROTECTED: CodeRow = CodeRow::of_caller(
    "prompt_label_protected",
    403,
    "Only holders of the role that the detail names move this label. Ask one of them.",
);

/// Callers' contract cases do not hold.
pub(super) static CONTRACT_BROKEN: CodeRow = CodeRow::of_caller(
    "prompt_contract_broken",
    422,
    "The version takes less than the one that the label stands for, and what callers rely on does not hold with it. The detail names the \
     cases. Give new variables a default and keep the old ones, or move the callers to another label first.",
);

/// The version is taken.
pub(super) static VERSION_TAKEN: CodeRow = CodeRow::of_caller(
    "prompt_version_taken",
    409,
    "Another content has this version, and versions never change. Leave 'release' out to get the next one that is free.",
);

/// There are too many.
pub(super) static TOO_MANY_PROMPTS: CodeRow = CodeRow::of_caller(
    "too_many_prompts",
    422,
    "The tenant has as many prompts, or the prompt as many revisions, as it may. Change an existing one.",
);

/// No versions share the label.
pub(super) static NO_EXPERIMENT: CodeRow = CodeRow::of_caller(
    "prompt_no_experiment",
    422,
    "No versions share the label's traffic, and none did before its last move. Begin with 'versions': two or more that were published.",
);

/// All of them.
pub(super) static ALL: &[Code] = &[
    &PROMPT_UNUSABLE,
    &BLOCK_LOOP,
    &PROMPT_TOO_LARGE,
    &LABEL_MOVED,
    &LABEL_PROTECTED,
    &CONTRACT_BROKEN,
    &VERSION_TAKEN,
    &NO_EXPERIMENT,
    &TOO_MANY_PROMPTS,
];
