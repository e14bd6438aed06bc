//! A process as it is known: its name, its branches, its links. The definitions themselves are revisions, which never change.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::kernel::id::UserId;
use crate::kernel::seal::sha256;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of processes.
pub(in crate::domain::processes) static PROCESS: Kind = Kind {
    fields: &[
        Field { name: "processId", of: FieldType::Text },
        Field { name: "name", of: FieldType::Text },
        Field { name: "published", of: FieldType::Text },
    ],
    text: &["name", "description", "words"],
    private: &["description"],
    ..Kind::new("process")
};

/// The branch that every process has.
pub(in crate::domain::processes) const MAIN: &str = "main";

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names by which clients know them")]
pub(in crate::domain::processes) struct Process {
    /// Its id: its name as words of small letters and digits joined by `-`. It never changes.
    pub process_id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it is found by.
    pub tags: Vec<String>,
    /// The tags and names of nodes, for finding it by words.
    #[serde(default)]
    pub words: String,
    /// Counts its definitions from 1, over all branches.
    pub revision: u32,
    /// The newest version that was published.
    pub published: Option<String>,
    /// Its branches by name; `main` is always there.
    pub branches: BTreeMap<String, Branch>,
    /// What it has to do with other processes, as people said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// What it has to do with other processes, as its definitions say.
    #[serde(default)]
    pub calls: Calls,
}

/// The processes that a process runs, by their ids: kept beside the definitions, so that who runs whom is known without reading all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Calls {
    /// By the newest draft of `main`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draft: Vec<String>,
    /// By the newest version that was published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<String>,
}

/// A line of definitions beside the main one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Branch {
    /// Its newest revision.
    pub head: u32,
    /// The newest revision that is behind both it and the branch that it came from: what each did since is merged.
    pub base: u32,
    /// The branch that it came from.
    pub from: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Whether it was merged, and nothing was written to it since.
    #[serde(default)]
    pub merged: bool,
}

/// What a process has to do with another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Link {
    /// The other process.
    pub to: String,
    /// How they are linked.
    pub kind: LinkKind,
    /// What goes over the link, or why it is there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Who said so.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

/// How processes are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::processes) enum LinkKind {
    /// It runs the other one.
    Calls,
    /// It needs that the other one is there, or was done.
    DependsOn,
    /// What it brings is what the other one begins with.
    Feeds,
}

impl Process {
    /// The id of the document of a process, the same in every tenant.
    #[must_use]
    pub(in crate::domain::processes) fn id(process_id: &str) -> Uuid {
        id_of(&format!("process\n{process_id}"))
    }

    /// The newest revision of a branch.
    #[must_use]
    pub(in crate::domain::processes) fn head(&self, branch: &str) -> Option<u32> {
        self.branches.get(branch).map(|branch| branch.head)
    }
}

/// An id that is made of a text.
pub(super) fn id_of(text: &str) -> Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(&sha256(text.as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}

impl Document for Process {
    const KIND: &'static Kind = &PROCESS;
}

impl Owned for Process {
    const RESOURCE: Resource = Resource::Processes;
    const NOUN: &'static str = "process";
}
