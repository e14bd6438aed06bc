//! What can go wrong with processes.

use crate::kernel::codes::{Blame, Code, CodeRow, Retry};

/// The definition cannot be used.
pub(super) static PROCESS_UNUSABLE: CodeRow = CodeRow::of_caller(
    "process_unusable",
    422,
    "The definition cannot be used as it is. The detail has each finding with its place, its rule and how to mend it; process_validate tells \
     the same without storing anything, and 'incomplete' keeps a draft that has errors.",
);

/// The version is taken.
pub(super) static VERSION_TAKEN: CodeRow = CodeRow::of_caller(
    "process_version_taken",
    409,
    "Another definition has this version, and versions never change. Leave 'release' out to get the next one that is free.",
);

/// There is nothing new.
pub(super) static NOTHING_NEW: CodeRow = CodeRow::of_caller(
    "process_unchanged",
    422,
    "The definition is the same as the one before. Change something, or use the one that is there.",
);

/// Somebody wrote meanwhile.
pub(super) static PROCESS_MOVED: CodeRow = CodeRow {
    name: "process_moved",
    status: 409,
    blame: Blame::Caller,
    retry: Retry::Never,
    mend: "The branch has another newest revision than the call expects: somebody wrote meanwhile. Read it with process_get, then edit that one.",
};

/// An edit does not fit.
pub(super) static EDIT_UNFIT: CodeRow = CodeRow::of_caller(
    "process_edit_unfit",
    422,
    "One of the edits names what is not there, or adds what is. The detail has its place; none of the edits was made.",
);

/// A file cannot be read.
pub(super) static FILE_BROKEN: CodeRow = CodeRow::of_caller(
    "process_file_broken",
    422,
    "The text is no BPMN, YAML or JSON that can be read. The detail has line, column and what is wrong there. DOCTYPEs, entities of a file's own and \
     tags that make something are not read.",
);

/// A file says more than the subset.
pub(super) static FILE_OUTSIDE: CodeRow = CodeRow::of_caller(
    "process_file_outside",
    422,
    "The file says something that is not in the subset of BPMN that is read, and the process would run otherwise without it. The detail names \
     each element with id, line and what to draw in its place.",
);

/// There are too many.
pub(super) static TOO_MANY_PROCESSES: CodeRow = CodeRow::of_caller(
    "too_many_processes",
    422,
    "The tenant has as many processes, or the process as many revisions or branches, as it may. Change an existing one.",
);

/// Two branches do not go together.
pub(super) static MERGE_CONFLICTS: CodeRow = CodeRow::of_caller(
    "process_merge_conflicts",
    409,
    "Both branches changed the same. The detail has each conflict with its place and the three values; call again with 'resolve', one entry a \
     place, such as { \"at\": \"/nodes/ask/config/assignee\", \"take\": \"theirs\" } or with a 'value'. Nothing was written.",
);

/// All of them.
pub(super) static ALL: &[Code] = &[
    &PROCESS_UNUSABLE,
    &VERSION_TAKEN,
    &NOTHING_NEW,
    &PROCESS_MOVED,
    &EDIT_UNFIT,
    &FILE_BROKEN,
    &FILE_OUTSIDE,
    &TOO_MANY_PROCESSES,
    &MERGE_CONFLICTS,
];
