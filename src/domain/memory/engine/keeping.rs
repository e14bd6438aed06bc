//! Taking something in: what says the same is merged into what is there, what says otherwise or more takes its place, everything else is
//! kept beside it. Nothing that comes from a less trusted source changes what comes from a better one, and nobody changes what is not theirs.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::likeness::{ALIKE, Said, Stands};
use crate::capability::cx::{Belongs, Cx, store_fault};
use crate::capability::owned::{Stored, Verdict, judge};
use crate::capability::permit::Action;
use crate::domain::memory::faults::MEMORY_EMPTY;
use crate::domain::memory::model::memory::{MEMORY, Memory, State, Trust, folded};
use crate::domain::memory::retrieval::changed;
use crate::domain::memory::retrieval::words::sought;
use crate::kernel::fault::Fault;
use crate::kernel::id::MemoryId;
use crate::port::records::{Filter, Query, Ranking, Scalar};

/// What is there is held against so many of the likest.
const HELD_AGAINST: u32 = 16;
/// So many that are alike are told.
const MOST_TOLD: usize = 5;
/// So many sources are kept of one memory, the first and the latest.
const MOST_SOURCES: usize = 20;
/// So many tags.
const MOST_TAGS: usize = 50;

/// What became of something that was to be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::memory) enum Kept {
    /// It is a new memory.
    Created,
    /// It said the same as one that is there, which was confirmed.
    Merged,
    /// It said the same as one that is somebody else's or comes from a better source: nothing was changed.
    Known,
}

/// A memory that is alike and was left as it is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Alike {
    /// Its id.
    memory_id: MemoryId,
    /// What it says.
    text: String,
    /// How much of the words both have, from 0 to 1.
    shared: f64,
    /// Whether it says the opposite, and was left because it is somebody else's or comes from a better source.
    contradicts: bool,
}

/// What was done.
pub(in crate::domain::memory) struct Keeping {
    pub(in crate::domain::memory) kept: Kept,
    pub(in crate::domain::memory) memory: Stored<Memory>,
    pub(in crate::domain::memory) superseded: Vec<MemoryId>,
    pub(in crate::domain::memory) alike: Vec<Alike>,
}

/// Takes a new memory in. `merges` is false for one that stands by itself, whatever is there.
///
/// # Errors
/// `memory_empty`; when the store fails.
pub(in crate::domain::memory) async fn keep(
    cx: &Cx,
    belongs: Belongs,
    memory: Memory,
    merges: bool,
) -> Result<Keeping, Fault> {
    let words = sought(&memory.text);
    if words.is_empty() {
        return Err(Fault::new(&MEMORY_EMPTY, "the text has no word in it"));
    }
    let mut around = Around::default();
    let first = cx.get::<Memory>(Memory::id(&memory.part, memory.kind, &memory.text)).await?;
    let taken = first.is_some();
    if merges {
        let believed = Filter::is("part", Scalar::Text(memory.part.clone()))
            .and(Filter::is("state", Scalar::Text(State::Current.name().to_owned())));
        if let Some(same) = first.filter(|first| first.value.state == State::Current) {
            return around.confirm(cx, same, &memory);
        }
        if let Some(about) = &memory.about {
            let filter = believed.clone().and(Filter::is("about", Scalar::Text(about.clone())));
            for old in cx.find::<Memory>(Query::newest(filter, HELD_AGAINST)).await? {
                if folded(&old.value.text) == folded(&memory.text) {
                    return around.confirm(cx, old, &memory);
                }
                around.replace(cx, old, &memory);
            }
        }
        let said = Said::of(&memory.text);
        let ranking = Ranking { words, filter: believed, limit: HELD_AGAINST };
        let ranked = cx.platform().store.rank(cx.tenant(), &MEMORY, ranking).await.map_err(store_fault)?;
        for (record, _) in ranked {
            let old = Stored::<Memory>::read(record)?;
            if old.value.kind != memory.kind || around.holds(old.id) {
                continue;
            }
            match said.against(&Said::of(&old.value.text)) {
                Stands::Same => return around.confirm(cx, old, &memory),
                Stands::More => around.replace(cx, old, &memory),
                Stands::Otherwise if memory.kind.can_end() => around.replace(cx, old, &memory),
                Stands::Otherwise => around.leave(&old, ALIKE, false),
                Stands::Another(share) if share >= ALIKE => around.leave(&old, share, false),
                Stands::Another(_) => {}
            }
        }
    }
    let id = if taken || !merges { cx.new_id() } else { Memory::id(&memory.part, memory.kind, &memory.text) };
    around.create(cx, id, belongs, memory)
}

/// What is there around a new memory, and what is to be done with it.
#[derive(Default)]
struct Around {
    replaced: Vec<Stored<Memory>>,
    alike: Vec<Alike>,
}

impl Around {
    fn holds(&self, id: Uuid) -> bool {
        self.replaced.iter().any(|old| old.id == id) || self.alike.iter().any(|one| one.memory_id.uuid() == id)
    }

    /// An old one says the same: it is confirmed, where that may be.
    fn confirm(self, cx: &Cx, old: Stored<Memory>, new: &Memory) -> Result<Keeping, Fault> {
        if !may_change(cx, &old) {
            return Ok(Keeping { kept: Kept::Known, memory: old, superseded: Vec::new(), alike: self.alike });
        }
        let mut memory = old.value.clone();
        memory.said_at = cx.now();
        memory.times_said = memory.times_said.saturating_add(1);
        memory.importance = memory.importance.max(new.importance);
        if weight(new.trust) > weight(memory.trust) {
            memory.trust = new.trust;
        }
        memory.about = memory.about.or_else(|| new.about.clone());
        memory.valid_from = memory.valid_from.or(new.valid_from);
        memory.valid_to = new.valid_to.or(memory.valid_to);
        memory.expires_at = new.expires_at.or(memory.expires_at);
        for tag in &new.tags {
            if !memory.tags.contains(tag) && memory.tags.len() < MOST_TAGS {
                memory.tags.push(tag.clone());
            }
        }
        for source in &new.source {
            if !memory.source.contains(source) {
                if memory.source.len() >= MOST_SOURCES {
                    memory.source.remove(1);
                }
                memory.source.push(source.clone());
            }
        }
        cx.change(&old, &memory)?;
        let revision = old.revision + 1;
        let memory = Stored { value: memory, revision, ..old };
        Ok(Keeping { kept: Kept::Merged, memory, superseded: Vec::new(), alike: self.alike })
    }

    /// An old one is over, where the new one may end it; else both stand.
    fn replace(&mut self, cx: &Cx, old: Stored<Memory>, new: &Memory) {
        if may_change(cx, &old) && weight(new.trust) >= weight(old.value.trust) {
            self.replaced.push(old);
        } else {
            self.leave(&old, 1.0, true);
        }
    }

    fn leave(&mut self, old: &Stored<Memory>, shared: f64, contradicts: bool) {
        if self.alike.len() < MOST_TOLD {
            let (memory_id, text) = (MemoryId::from_uuid(old.id), old.value.text.clone());
            self.alike.push(Alike { memory_id, text, shared: (shared * 100.0).round() / 100.0, contradicts });
        }
    }

    fn create(self, cx: &Cx, id: Uuid, belongs: Belongs, mut memory: Memory) -> Result<Keeping, Fault> {
        let now = cx.now();
        let mut superseded = Vec::new();
        for old in &self.replaced {
            let mut ended = old.value.clone();
            ended.end(State::Superseded, Some(MemoryId::from_uuid(id)), now);
            // It was so until the new one is so.
            ended.valid_to = ended.valid_to.or(memory.valid_from);
            cx.change(old, &ended)?;
            memory.supersedes.push(old.id);
            superseded.push(MemoryId::from_uuid(old.id));
        }
        cx.create(id, belongs, &memory)?;
        changed(cx, &MEMORY, id)?;
        let stored = Stored {
            id,
            revision: 1,
            owner: belongs.owner,
            workspace: belongs.workspace,
            visibility: belongs.visibility,
            created_at: now,
            updated_at: now,
            value: memory,
        };
        Ok(Keeping { kept: Kept::Created, memory: stored, superseded, alike: self.alike })
    }
}

/// Whether the caller may change it.
pub(in crate::domain::memory) fn may_change(cx: &Cx, stored: &Stored<Memory>) -> bool {
    judge(cx.caller(), stored, Action::Change) == Verdict::Allowed
}

/// How much a source can say against another one.
pub(in crate::domain::memory) fn weight(trust: Trust) -> u8 {
    match trust {
        Trust::Untrusted => 0,
        Trust::Inferred => 1,
        Trust::Stated => 2,
    }
}

/// Whether the caller may have it forgotten.
pub(in crate::domain::memory) fn may_remove(cx: &Cx, stored: &Stored<Memory>) -> bool {
    judge(cx.caller(), stored, Action::Remove) == Verdict::Allowed
}
