//! `memory_get`: one memory with its history.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::{Stored, Verdict, judge};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::memory::model::memory::{MEMORY, Memory, State};
use crate::domain::memory::views::MemoryView;
use crate::kernel::fault::Fault;
use crate::kernel::id::MemoryId;
use crate::kernel::time::Timestamp;
use crate::port::records::Scope;

/// So many versions are told, the newest first.
const MOST_VERSIONS: u32 = 50;
/// So many that it took the place of, and that took its place.
const MOST_STEPS: usize = 20;

/// Tells a memory.
pub(in crate::domain::memory) struct MemoryGet;

/// Which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Input {
    /// The memory's id.
    id: MemoryId,
}

/// The memory.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Output {
    #[serde(flatten)]
    memory: MemoryView,
    /// How it was written before, the newest first; at most 50.
    versions: Vec<Version>,
    /// What was believed before it and instead of it since, the earliest first; at most 20 each way.
    line: Vec<Link>,
}

/// A version.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Version {
    /// Its revision.
    revision: i64,
    /// What it said.
    text: String,
    /// Whether it was believed.
    state: State,
    /// How much it mattered, from 0 to 1.
    importance: f64,
    /// When it was written.
    written_at: Timestamp,
}

/// A memory in the line of those that took each other's place.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Link {
    /// Its id.
    memory_id: MemoryId,
    /// What it says.
    text: String,
    /// Since when it was believed.
    recorded_at: Timestamp,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
}

impl Capability for MemoryGet {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "memory_get",
        Domain::Memory,
        Route::get("/memory/{id}"),
        Permit::on(Resource::Memories, Action::Read),
        "One memory by its id: what it says, where it comes from, earlier versions, what was believed before it and instead of it since.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Memory>(input.id.uuid(), Action::Read).await?;
        let scope = Scope::Tenant(cx.tenant());
        let kept = cx.platform().store.versions(scope, &MEMORY, stored.id, MOST_VERSIONS).await.map_err(store_fault)?;
        let mut versions = Vec::new();
        for record in kept {
            let version = Stored::<Memory>::read(record)?;
            if version.revision < stored.revision {
                versions.push(Version {
                    revision: version.revision,
                    text: version.value.text,
                    state: version.value.state,
                    importance: f64::from(version.value.importance) / 1000.0,
                    written_at: version.updated_at,
                });
            }
        }
        let line = line(cx, &stored).await?;
        Ok(Output { memory: MemoryView::of(stored), versions, line })
    }
}

/// The line that a memory stands in, as far as the caller may see it.
async fn line(cx: &Cx, stored: &Stored<Memory>) -> Result<Vec<Link>, Fault> {
    let mut line = Vec::new();
    let mut before = stored.value.supersedes.clone();
    // One that was brought back can stand in a ring.
    let mut met = HashSet::from([stored.id]);
    while let Some(id) = before.pop() {
        if line.len() == MOST_STEPS {
            break;
        }
        if !met.insert(id) {
            continue;
        }
        if let Some(old) = seen(cx, id).await? {
            before.extend(&old.value.supersedes);
            line.push(link(old));
        }
    }
    line.sort_by_key(|link| link.recorded_at);
    let mut next = stored.value.superseded_by;
    let most = line.len() + MOST_STEPS;
    while let Some(id) = next
        && line.len() < most
        && met.insert(id)
    {
        let Some(later) = seen(cx, id).await? else { break };
        next = later.value.superseded_by;
        line.push(link(later));
    }
    Ok(line)
}

async fn seen(cx: &Cx, id: uuid::Uuid) -> Result<Option<Stored<Memory>>, Fault> {
    let found = cx.get::<Memory>(id).await?;
    Ok(found.filter(|one| judge(cx.caller(), one, Action::Read) == Verdict::Allowed))
}

fn link(stored: Stored<Memory>) -> Link {
    let Stored { id, value: memory, .. } = stored;
    Link {
        memory_id: MemoryId::from_uuid(id),
        text: memory.text,
        recorded_at: memory.recorded_at,
        ended_at: memory.ended_at,
    }
}
