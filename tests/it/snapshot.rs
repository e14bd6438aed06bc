//! Snapshots: what the surface looks like, as committed files that a reviewer reads. `UPDATE=1 cargo test` writes them anew;
//! without it a missing, stale or forgotten file fails the test.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::tools::{files, project};

fn folder() -> PathBuf {
    project().join("tests/snapshots")
}

fn updating() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| value == "1")
}

/// Holds one file of `tests/snapshots` against what it must say.
pub(crate) fn hold(name: &str, content: &str) {
    if let Some(why) = differs(name, content) {
        panic!("{why}\nIf that is meant: UPDATE=1 cargo test, and read the difference before you commit it.");
    }
}

/// Holds all files of a folder in `tests/snapshots` against what they must say; there must be no other file in it.
pub(crate) fn hold_all(within: &str, expected: &BTreeMap<String, String>) {
    let mut wrong: Vec<String> =
        expected.iter().filter_map(|(name, content)| differs(&format!("{within}/{name}"), content)).collect();
    let there = ["json", "txt"].iter().flat_map(|ending| files(&format!("tests/snapshots/{within}"), ending));
    for path in there {
        let name = path.strip_prefix(format!("tests/snapshots/{within}")).unwrap().to_string_lossy().into_owned();
        if !expected.contains_key(&name) {
            if updating() {
                fs::remove_file(project().join(&path)).unwrap();
            } else {
                wrong.push(format!("{} stands for nothing any more", path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nIf that is meant: UPDATE=1 cargo test, and read the difference before you commit it.",
        wrong.join("\n")
    );
}

fn differs(name: &str, content: &str) -> Option<String> {
    let path = folder().join(name);
    let there = fs::read_to_string(&path).unwrap_or_default();
    if there == content {
        return None;
    }
    if updating() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        return None;
    }
    let line = there.lines().zip(content.lines()).position(|(old, new)| old != new);
    let line = line.unwrap_or_else(|| there.lines().count().min(content.lines().count()));
    Some(format!(
        "tests/snapshots/{name}, line {}:\n  - {}\n  + {}",
        line + 1,
        there.lines().nth(line).unwrap_or("(end)"),
        content.lines().nth(line).unwrap_or("(end)"),
    ))
}
