//! What can go wrong with rules.

use crate::kernel::codes::{Code, CodeRow};

/// A test does not hold.
pub(super) static RULE_TESTS_FAILED: CodeRow = CodeRow::of_caller(
    "rule_tests_failed",
    422,
    "Tests of the rule set do not hold, so nothing was kept. The detail says of each what was expected and what came out: mend the rules, or \
     what the test expects.",
);

/// Rules contradict each other.
pub(super) static RULE_CONFLICT: CodeRow = CodeRow::of_caller(
    "rule_conflict",
    422,
    "Several rules of a table fire where its hit policy allows one (U), or they do not say the same (A). The detail names them: make their \
     tests exclude each other, or choose another hit policy.",
);

/// It takes too much.
pub(super) static RULE_EXCEEDED: CodeRow = CodeRow::of_caller(
    "rule_exceeded",
    422,
    "An expression takes more steps, time or room than one may; the detail names the decision. Give it less, or write it without long loops.",
);

/// It cannot be evaluated.
pub(super) static RULE_UNANSWERED: CodeRow = CodeRow::of_caller(
    "rule_unanswered",
    422,
    "A decision has no answer for these inputs: the detail names it and says why. Give other inputs, or mend the rules.",
);

/// The file cannot be read.
pub(super) static DMN_UNREADABLE: CodeRow = CodeRow::of_caller(
    "dmn_unreadable",
    422,
    "The file is no DMN 1.3 to 1.5, or decides something by parts that a rule set does not have. The detail names each part with its line: \
     take them out or write them otherwise. Nothing was kept.",
);

/// There are too many.
pub(super) static TOO_MANY_RULE_SETS: CodeRow = CodeRow::of_caller(
    "too_many_rule_sets",
    422,
    "The tenant has as many rule sets as it may. Change an existing one.",
);

/// All of them.
pub(super) static ALL: &[Code] =
    &[&RULE_TESTS_FAILED, &RULE_CONFLICT, &RULE_EXCEEDED, &RULE_UNANSWERED, &DMN_UNREADABLE, &TOO_MANY_RULE_SETS];
