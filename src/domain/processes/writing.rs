//! Writing definitions: new revisions on a branch, and how far each is from what was published.

use std::collections::BTreeSet;

use super::engine::definition::{Definition, MOST_EDGES, MOST_NODES, Node};
use super::engine::differences::without_words;
use super::engine::linking::called;
use super::engine::nodes::{Config, node_type};
use super::engine::validation::Judged;
use super::faults::{NOTHING_NEW, PROCESS_MOVED, TOO_MANY_PROCESSES};
use super::finding::{self, words_of};
use super::looking::{judged, unusable};
use super::model::process::{Branch, MAIN, Process};
use super::model::revision::Revision;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::domain::prompts::engine::version::{Step, Version};
use crate::kernel::fault::Fault;

/// The counter of a tenant's processes.
const PROCESSES: &str = "processes";
/// The most processes of a tenant.
const MOST_PROCESSES: u32 = 5_000;
/// The most revisions of a process.
const MOST_REVISIONS: u32 = 5_000;

/// A definition on its way to become a revision.
pub(super) struct Draft<'a> {
    /// It.
    pub(super) definition: Definition,
    /// The branch that it is written on.
    pub(super) branch: &'a str,
    /// The revisions that it is made of.
    pub(super) parents: Vec<u32>,
    /// What is new in it.
    pub(super) message: Option<String>,
    /// Whether it is kept with errors.
    pub(super) incomplete: bool,
    /// The version that it is to become, where nothing was published.
    pub(super) version: Option<Version>,
}

/// Counts a new process against what the tenant may have.
pub(super) async fn room_for_one(cx: &Cx) -> Result<(), Fault> {
    cx.room_for_one(PROCESSES, MOST_PROCESSES, "processes", &TOO_MANY_PROCESSES).await
}

/// Writes a draft as the newest revision of its branch, in the process that is given, which is not written by this.
pub(super) async fn add_revision(
    cx: &Cx,
    process: &mut Process,
    draft: Draft<'_>,
) -> Result<(Revision, Judged), Fault> {
    if process.revision >= MOST_REVISIONS {
        let say = format!("'{}' has {MOST_REVISIONS} revisions and may have no more", process.process_id);
        return Err(Fault::new(&TOO_MANY_PROCESSES, say));
    }
    let mut definition = draft.definition;
    definition.name_edges();
    let judged = judged(cx, &definition, Some(&process.process_id)).await?;
    // What is too large is not kept for mending either: edits would make it larger still.
    let too_large = definition.nodes.len() > MOST_NODES || definition.edges.len() > MOST_EDGES;
    if !judged.is_fit() && (!draft.incomplete || too_large) {
        return Err(unusable(&judged));
    }
    let digest = Revision::digest_of(&definition);
    let mut known = BTreeSet::new();
    for parent in &draft.parents {
        let before = finding::revision(cx, process, *parent).await?;
        if draft.parents.len() == 1 && before.digest == digest {
            return Err(Fault::new(&NOTHING_NEW, "nothing of the definition changes"));
        }
        known.extend(carried(&before.definition));
    }
    may_carry(cx, &definition, &known)?;
    let meant = meant(cx, process, &definition).await?;
    process.revision += 1;
    process.words = words_of(&definition, &process.tags);
    if draft.branch == MAIN {
        process.calls.draft = called(&definition);
    }
    let revision = Revision {
        process_id: process.process_id.clone(),
        revision: process.revision,
        branch: draft.branch.to_owned(),
        parents: draft.parents,
        version: None,
        meant: draft.version.unwrap_or(meant).to_string(),
        digest,
        definition,
        author: cx.caller().user,
        message: draft.message,
        written_at: cx.now(),
        granted: None,
        published_at: None,
    };
    let branch = process.branches.entry(draft.branch.to_owned()).or_insert_with(|| Branch {
        head: 0,
        base: 0,
        from: draft.branch.to_owned(),
        about: String::new(),
        merged: false,
    });
    branch.head = revision.revision;
    branch.merged = false;
    cx.create(Revision::id(&process.process_id, revision.revision), cx.belongs_to_caller(), &revision)?;
    Ok((revision, judged))
}

/// The secrets that a definition sends, each with the server that it goes to.
fn carried(definition: &Definition) -> impl Iterator<Item = (String, String)> {
    let config = |node: &Node| node_type(&node.kind)?.read(&node.config).ok();
    definition.nodes.iter().filter_map(config).filter_map(|config| match config {
        Config::Integration(one) => {
            let origin = one.origin().unwrap_or_default().to_owned();
            Some((one.credential?, origin))
        }
        _ => None,
    })
}

/// Whoever says where a secret goes has it: it is theirs to give only if they could replace it. What was there before may stay.
fn may_carry(cx: &Cx, definition: &Definition, known: &BTreeSet<(String, String)>) -> Result<(), Fault> {
    let right = Permit::on(Resource::Secrets, Action::Change);
    if cx.caller().may(Resource::Secrets, Action::Change) || carried(definition).all(|one| known.contains(&one)) {
        return Ok(());
    }
    Err(forbidden(right))
}

/// The version that a definition would become.
pub(super) async fn meant(cx: &Cx, process: &Process, definition: &Definition) -> Result<Version, Fault> {
    let Some(published) = &process.published else { return Ok(Version::FIRST) };
    let before = finding::version(cx, process, Some(published), None).await?;
    let step = step(&before.definition, definition);
    Ok(Version::parse(published).map_or(Version::FIRST, |version| version.next(step)))
}

/// How far a definition is from another: whoever starts it must change what they give, can give or get more, or notices nothing but that it
/// is said or drawn otherwise.
pub(super) fn step(old: &Definition, new: &Definition) -> Step {
    let breaks = old.variables.iter().any(|(name, before)| match new.variables.get(name) {
        None => true,
        Some(after) => before.schema != after.schema,
    }) || new
        .variables
        .iter()
        .any(|(name, after)| after.required && old.variables.get(name).is_none_or(|before| !before.required));
    if breaks {
        return Step::Major;
    }
    if without_words(old) == without_words(new) { Step::Patch } else { Step::Minor }
}

/// Whether the branch stands where the caller believes.
pub(super) fn expect(process: &Process, branch: &str, expected: Option<u32>) -> Result<u32, Fault> {
    let head = process.head(branch).ok_or_else(|| finding::unknown_branch(process, branch))?;
    match expected {
        Some(expected) if expected != head => {
            let say = format!("the newest revision of '{branch}' is {head}, not {expected}");
            Err(Fault::new(&PROCESS_MOVED, say).with_detail(serde_json::json!({ "branch": branch, "revision": head })))
        }
        _ => Ok(head),
    }
}
