//! What callers see of processes.

use schemars::JsonSchema;
use serde::Serialize;

use super::engine::definition::Definition;
use super::engine::validation::{Finding, Judged, Soundness};
use super::model::process::{Branch, Process};
use super::model::revision::Revision;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;

/// How far a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// It was not published: it can be tried out, not started.
    Draft,
    /// It is the newest one that was published.
    Published,
    /// A newer one was published since.
    Superseded,
}

/// A version of a process in short.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Brief {
    /// The id of the process.
    pub(super) id: String,
    /// Its name.
    pub(super) name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    /// What it is found by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<String>,
    /// The version, such as `1.2.0`, or `1.3.0-draft.7` for a draft.
    pub(super) version: String,
    /// How far the version is.
    pub(super) status: Status,
    /// The branch that it was written on.
    pub(super) branch: String,
    /// The digest of the definition.
    pub(super) digest: String,
    /// When it was written.
    pub(super) created_at: Timestamp,
    /// How large it is.
    pub(super) metadata: Size,
}

/// How large a definition is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Size {
    /// Its nodes.
    nodes: usize,
    /// Its edges.
    edges: usize,
    /// Its variables.
    variables: usize,
}

/// A version that was written, and what was found in it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    /// The version.
    #[serde(flatten)]
    pub(super) brief: Brief,
    /// What was found in it, errors first.
    pub(super) findings: Vec<Finding>,
    /// Whether it always comes to its end; left out where errors hide that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) soundness: Option<Soundness>,
}

/// A version in the history.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionView {
    /// The version.
    pub(super) version: String,
    /// Its number among all definitions of the process.
    pub(super) revision: u32,
    /// How far it is.
    pub(super) status: Status,
    /// The branch that it was written on.
    pub(super) branch: String,
    /// The numbers of those that it was made of.
    pub(super) parents: Vec<u32>,
    /// The digest of its definition.
    pub(super) digest: String,
    /// Who wrote it.
    pub(super) author: UserId,
    /// What is new in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// When it was written.
    pub(super) written_at: Timestamp,
    /// When it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) published_at: Option<Timestamp>,
}

/// A branch.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BranchView {
    /// Its name.
    pub(super) name: String,
    /// How it stands.
    #[serde(flatten)]
    pub(super) branch: Branch,
}

impl Brief {
    pub(super) fn of(process: &Process, revision: &Revision) -> Self {
        Self {
            id: process.process_id.clone(),
            name: process.name.clone(),
            description: process.description.clone(),
            tags: process.tags.clone(),
            version: revision.called(),
            status: Status::of(process, revision),
            branch: revision.branch.clone(),
            digest: revision.digest.clone(),
            created_at: revision.written_at,
            metadata: Size::of(&revision.definition),
        }
    }
}

impl Size {
    pub(super) fn of(definition: &Definition) -> Self {
        let Definition { nodes, edges, variables, .. } = definition;
        Self { nodes: nodes.len(), edges: edges.len(), variables: variables.len() }
    }
}

impl Status {
    pub(super) fn of(process: &Process, revision: &Revision) -> Self {
        match &revision.version {
            None => Self::Draft,
            Some(version) if process.published.as_ref() == Some(version) => Self::Published,
            Some(_) => Self::Superseded,
        }
    }
}

impl Written {
    pub(super) fn of(process: &Process, revision: &Revision, judged: Judged) -> Self {
        Self { brief: Brief::of(process, revision), findings: judged.findings, soundness: judged.sound }
    }
}

impl VersionView {
    pub(super) fn of(process: &Process, revision: &Revision) -> Self {
        Self {
            version: revision.called(),
            revision: revision.revision,
            status: Status::of(process, revision),
            branch: revision.branch.clone(),
            parents: revision.parents.clone(),
            digest: revision.digest.clone(),
            author: revision.author,
            message: revision.message.clone(),
            written_at: revision.written_at,
            published_at: revision.published_at,
        }
    }
}
