//! Lists of exceptions from a rule that tests hold every tool to: committed text files, one name a line, that may only shrink.

use std::collections::BTreeSet;
use std::path::Path;

use crate::tools::text;

/// The names of a list in `tests/it/lists/`. Lines that begin with `#` say why.
pub(crate) fn names(list: &str) -> BTreeSet<String> {
    let all = text(&Path::new("tests/it/lists").join(list));
    all.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
}

/// Holds a list against what needs the exception: nothing new, and nothing that needs none any more.
pub(crate) fn hold(list: &str, needing: &BTreeSet<String>) {
    let listed = names(list);
    let new: Vec<_> = needing.difference(&listed).collect();
    let done: Vec<_> = listed.difference(needing).collect();
    assert!(new.is_empty(), "new exceptions that tests/it/lists/{list} does not have: {new:?}");
    assert!(done.is_empty(), "take out of tests/it/lists/{list}, they need no exception any more: {done:?}");
}
