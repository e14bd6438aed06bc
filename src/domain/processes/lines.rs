//! Lines of definitions: which revision stands behind two others, and how a side of a comparison is told.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::finding::revision;
use super::model::process::Process;
use super::model::revision::Revision;
use crate::capability::cx::Cx;
use crate::kernel::fault::Fault;

/// What a branch is called.
pub(super) const BRANCH: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";
/// The most branches of a process, `main` included.
pub(super) const MOST_BRANCHES: usize = 50;

/// A definition that is compared.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Side {
    /// Its version, such as `1.2.0`, or `1.3.0-draft.7`.
    pub(super) version: String,
    /// Its number among all definitions of the process.
    pub(super) revision: u32,
    /// The branch that it was written on.
    pub(super) branch: String,
    /// The digest of the definition.
    pub(super) digest: String,
}

impl Side {
    pub(super) fn of(revision: &Revision) -> Self {
        Self {
            version: revision.called(),
            revision: revision.revision,
            branch: revision.branch.clone(),
            digest: revision.digest.clone(),
        }
    }
}

/// The newest revision that both were made of; it may be one of the two.
pub(super) async fn common(cx: &Cx, process: &Process, one: u32, other: u32) -> Result<Revision, Fault> {
    // What a revision was made of has a smaller number than it. So the largest that is behind both is the nearest to both.
    let mut behind: BTreeMap<u32, (bool, bool)> = BTreeMap::new();
    behind.entry(one).or_default().0 = true;
    behind.entry(other).or_default().1 = true;
    while let Some((number, (of_one, of_other))) = behind.pop_last() {
        let found = revision(cx, process, number).await?;
        if of_one && of_other {
            return Ok(found);
        }
        for parent in found.parents.iter().filter(|parent| **parent < number) {
            let entry = behind.entry(*parent).or_default();
            entry.0 |= of_one;
            entry.1 |= of_other;
        }
    }
    Err(Fault::internal(format!("revisions {one} and {other} of '{}' have nothing in common", process.process_id)))
}
