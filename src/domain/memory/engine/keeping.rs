//! Taking something in: what says the same is merged into what is there, what says otherwise or more takes its place, everything else is
//! kept beside it. Nothing that comes from a less trusted source changes what comes from a better one, and nobody changes what is not theirs.

use std::collections::{HashMap, HashSet};

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::likeness::{ALIKE, Said, Stands};
use super::thinking::{Judged, Thinking};
use crate::capability::cx::{Belongs, Cx, store_fault};
use crate::capability::owned::{Stored, Verdict, judge};
use crate::capability::permit::Action;
use crate::domain::memory::faults::MEMORY_EMPTY;
use crate::domain::memory::model::memory::{MEMORY, Memory, State, folded};
use crate::domain::memory::retrieval::words::sought;
use crate::domain::memory::retrieval::{changed, near};
use crate::kernel::fault::Fault;
use crate::kernel::id::MemoryId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query, Scalar, Sharing, Word};

/// What is there is held against so many of the likest.
const HELD_AGAINST: u32 = 16;
/// Of so many that have enough of its words the likest are told.
const LOOKED_AT: u32 = 64;
/// From this nearness of meaning on two texts are alike.
const NEAR: f64 = 0.75;
/// A model is asked of so many that are alike.
const JUDGED: usize = 6;
/// So many that are alike are told.
const MOST_TOLD: usize = 5;

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
    /// How alike both are, from 0 to 1: by the words that both have, or by what they mean.
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

/// Takes new memories in, one after the other, in one call.
pub(in crate::domain::memory) struct Keeper<'a> {
    pub(in crate::domain::memory) cx: &'a Cx,
    /// False for what stands by itself, whatever is there.
    pub(in crate::domain::memory) merges: bool,
    /// What tells of those that are alike.
    pub(in crate::domain::memory) thinking: &'a mut Thinking,
    /// What this call changed already: it is read as it was, so it is not changed once more.
    pub(in crate::domain::memory) touched: HashSet<Uuid>,
}

impl Keeper<'_> {
    /// Takes one in.
    ///
    /// # Errors
    /// `memory_empty`; when the store fails; as the router, where a model was demanded.
    pub(in crate::domain::memory) async fn keep(&mut self, belongs: Belongs, memory: Memory) -> Result<Keeping, Fault> {
        let words = sought(&memory.text);
        if words.is_empty() {
            return Err(Fault::new(&MEMORY_EMPTY, "the text has no word in it"));
        }
        let mut around = Around::default();
        let keeping = self.weigh(&mut around, words, &memory).await?;
        let keeping = match keeping {
            Some(Weighed::New(id)) => around.create(self.cx, id, belongs, memory)?,
            Some(Weighed::Said(old)) => around.confirm(self.cx, *old, &memory)?,
            None => around.create(self.cx, self.cx.new_id(), belongs, memory)?,
        };
        self.touched.insert(keeping.memory.id);
        self.touched.extend(keeping.superseded.iter().map(|id| id.uuid()));
        Ok(keeping)
    }

    /// Holds it against what is there; nothing where it stands by itself.
    async fn weigh(
        &mut self,
        around: &mut Around,
        words: Vec<Word>,
        memory: &Memory,
    ) -> Result<Option<Weighed>, Fault> {
        if !self.merges {
            return Ok(None);
        }
        let cx = self.cx;
        // Where one says it already, what says otherwise is looked for all the same.
        let mut same: Option<Stored<Memory>> = None;
        let mut id = Memory::id(&memory.part, memory.kind, &memory.text);
        // The id of the text may be taken: by the very memory, or by one that says something else since, or is over.
        while let Some(taken) = cx.get::<Memory>(id).await? {
            let says_it = folded(&taken.value.text) == folded(&memory.text);
            if taken.value.state == State::Current && says_it && taken.value.is_of_the_same(memory) {
                same = Some(taken);
                break;
            }
            id = Memory::next_id(id, taken.revision);
        }
        let believed = Filter::is("part", Scalar::Text(memory.part.clone()))
            .and(Filter::is("state", Scalar::Text(State::Current.name().to_owned())));
        if let Some(about) = &memory.about {
            let filter = believed.clone().and(Filter::is("about", Scalar::Text(about.clone())));
            for old in cx.find::<Memory>(Query::newest(filter, HELD_AGAINST)).await? {
                if same.as_ref().is_some_and(|same| same.id == old.id) {
                    continue;
                }
                if same.is_none() && folded(&old.value.text) == folded(&memory.text) {
                    same = Some(old);
                } else {
                    around.replace(cx, old, memory, true);
                }
            }
        }
        let said = Said::of(&memory.text);
        // Those of which words alone tell nothing, and how alike they are.
        let mut open: Vec<(Stored<Memory>, f64)> = Vec::new();
        for (old, old_said, likeness) in self.likest(&said, words, believed, memory).await? {
            let is_same = same.as_ref().is_some_and(|same| same.id == old.id);
            if is_same || around.holds(old.id) || self.touched.contains(&old.id) {
                continue;
            }
            match said.against(&old_said) {
                // Two things are two, however alike what is said of them is.
                Stands::Same | Stands::More | Stands::Otherwise if !old.value.is_of_the_same(memory) => {
                    around.leave(&old, 1.0, false);
                }
                Stands::Same if same.is_none() => same = Some(old),
                Stands::Same => around.leave(&old, 1.0, false),
                Stands::More => around.replace(cx, old, memory, false),
                Stands::Otherwise if memory.kind.can_end() => around.replace(cx, old, memory, true),
                Stands::Otherwise => around.leave(&old, ALIKE, false),
                Stands::Another(share) if share >= ALIKE => open.push((old, share)),
                Stands::Another(_) => open.extend(likeness.filter(|near| *near >= NEAR).map(|near| (old, near))),
            }
        }
        // What words alone tell for certain is asked of nobody.
        let same = match same {
            Some(same) => Some(same),
            None => self.judge(around, open, memory).await?,
        };
        Ok(Some(same.map_or(Weighed::New(id), |old| Weighed::Said(Box::new(old)))))
    }

    /// What is likest by words, and by meaning where something embeds: those with how near they are.
    async fn likest(
        &self,
        said: &Said,
        words: Vec<Word>,
        believed: Filter,
        memory: &Memory,
    ) -> Result<Vec<(Stored<Memory>, Said, Option<f64>)>, Fault> {
        let cx = self.cx;
        let filter = believed.and(Filter::is("kind", Scalar::Text(memory.kind.name().to_owned())));
        let sharing = Sharing { least: said.least(words.len()), words, filter: filter.clone(), limit: LOOKED_AT };
        let sharing = cx.platform().store.sharing(cx.tenant(), &MEMORY, sharing).await.map_err(store_fault)?;
        let mut found = Vec::new();
        for record in sharing {
            let old = Stored::<Memory>::read(record)?;
            let old_said = Said::of(&old.value.text);
            found.push((said.share_of(&old_said), old, old_said));
        }
        found.sort_by(|one, other| other.0.total_cmp(&one.0));
        found.truncate(HELD_AGAINST as usize);
        let mut found: Vec<_> = found.into_iter().map(|(_, old, old_said)| (old, old_said, None)).collect();
        if self.thinking.may() {
            let near = near(cx, &MEMORY, std::slice::from_ref(&memory.part), &memory.text, HELD_AGAINST as usize).await;
            let near: HashMap<Uuid, f64> = near.told().0.into_iter().collect();
            for (old, _, likeness) in &mut found {
                *likeness = near.get(&old.id).copied();
            }
            let known: HashSet<Uuid> = found.iter().map(|(old, ..)| old.id).collect();
            let ids: Vec<Scalar> = near.keys().filter(|id| !known.contains(*id)).map(|id| Scalar::Id(*id)).collect();
            if !ids.is_empty() {
                let others = Query::newest(Filter::In("id", ids).and(filter), HELD_AGAINST);
                for old in cx.find::<Memory>(others).await? {
                    let (likeness, old_said) = (near.get(&old.id).copied(), Said::of(&old.value.text));
                    found.push((old, old_said, likeness));
                }
            }
        }
        Ok(found)
    }

    /// Has a model tell of those that are alike; answers the one that says the same. What no model tells of is left and told.
    async fn judge(
        &mut self,
        around: &mut Around,
        mut open: Vec<(Stored<Memory>, f64)>,
        memory: &Memory,
    ) -> Result<Option<Stored<Memory>>, Fault> {
        open.sort_by(|one, other| other.1.total_cmp(&one.1));
        open.truncate(JUDGED);
        let texts: Vec<&str> = open.iter().map(|(old, _)| old.value.text.as_str()).collect();
        let told =
            if texts.is_empty() { Vec::new() } else { self.thinking.compare(self.cx, &memory.text, &texts).await? };
        let mut same = None;
        for ((old, likeness), told) in open.into_iter().zip(told) {
            let one = old.value.is_of_the_same(memory);
            match told.filter(|_| one) {
                Some(Judged::Same) if same.is_none() => same = Some(old),
                Some(Judged::More) => around.replace(self.cx, old, memory, false),
                Some(Judged::Contradicts) if memory.kind.can_end() => around.replace(self.cx, old, memory, true),
                told => around.leave(&old, likeness, told == Some(Judged::Contradicts)),
            }
        }
        Ok(same)
    }
}

/// What becomes of a new memory.
enum Weighed {
    /// It is written, under this id.
    New(Uuid),
    /// One says it already.
    Said(Box<Stored<Memory>>),
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

    /// An old one says the same: it is confirmed, where that may be. What comes from a worse source confirms nothing.
    fn confirm(mut self, cx: &Cx, old: Stored<Memory>, new: &Memory) -> Result<Keeping, Fault> {
        if !may_change(cx, &old) || new.trust < old.value.trust {
            for other in std::mem::take(&mut self.replaced) {
                self.leave(&other, 1.0, true);
            }
            return Ok(Keeping { kept: Kept::Known, memory: old, superseded: Vec::new(), alike: self.alike });
        }
        let mut memory = old.value.clone();
        memory.take_in(new, cx.now());
        let superseded = self.end(cx, old.id, &mut memory, new.valid_from)?;
        cx.change(&old, &memory)?;
        let revision = old.revision + 1;
        let memory = Stored { value: memory, revision, ..old };
        Ok(Keeping { kept: Kept::Merged, memory, superseded, alike: self.alike })
    }

    /// An old one is over, where the new one may end it; else both stand.
    fn replace(&mut self, cx: &Cx, old: Stored<Memory>, new: &Memory, contradicts: bool) {
        if may_change(cx, &old) && new.trust >= old.value.trust {
            self.replaced.push(old);
        } else {
            self.leave(&old, 1.0, contradicts);
        }
    }

    fn leave(&mut self, old: &Stored<Memory>, shared: f64, contradicts: bool) {
        if self.alike.len() < MOST_TOLD {
            let (memory_id, text) = (MemoryId::from_uuid(old.id), old.value.text.clone());
            self.alike.push(Alike { memory_id, text, shared: (shared * 100.0).round() / 100.0, contradicts });
        }
    }

    /// Ends those whose place a memory takes. They were so until what was said now is so.
    fn end(&self, cx: &Cx, by: Uuid, memory: &mut Memory, from: Option<Timestamp>) -> Result<Vec<MemoryId>, Fault> {
        let mut superseded = Vec::new();
        for old in &self.replaced {
            let mut ended = old.value.clone();
            ended.end(State::Superseded, Some(MemoryId::from_uuid(by)), cx.now());
            ended.valid_to = ended.valid_to.or(from);
            cx.change(old, &ended)?;
            memory.supersedes.push(old.id);
            superseded.push(MemoryId::from_uuid(old.id));
        }
        Ok(superseded)
    }

    fn create(self, cx: &Cx, id: Uuid, belongs: Belongs, mut memory: Memory) -> Result<Keeping, Fault> {
        let now = cx.now();
        let from = memory.valid_from;
        let superseded = self.end(cx, id, &mut memory, from)?;
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

/// Whether the caller may have it forgotten.
pub(in crate::domain::memory) fn may_remove(cx: &Cx, stored: &Stored<Memory>) -> bool {
    judge(cx.caller(), stored, Action::Remove) == Verdict::Allowed
}
