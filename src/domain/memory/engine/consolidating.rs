//! Putting memories in order: what says the same becomes one, what says otherwise ends, and policies put aside or forget what is old. First
//! everything is thought through, then written, so that a trial tells just what would be done.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::likeness::{Said, Stands};
use super::policies::{Fate, Policies};
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::domain::memory::forgotten::forget;
use crate::domain::memory::model::memory::{Memory, MemoryKind, Scope, State, folded};
use crate::domain::memory::retrieval::words::stems;
use crate::kernel::fault::Fault;
use crate::kernel::id::MemoryId;
use crate::kernel::time::Timestamp;

/// A word that so many memories have is none by which two of them are looked up.
const COMMON: usize = 200;

/// Why something is done with a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::memory) enum Done {
    /// It says the same as another one, or less: that one stands for both.
    Merged,
    /// A later one says the opposite, or something else about the same.
    Contradicted,
    /// Its time is over, or the policy puts it aside.
    Retired,
    /// The policy has it forgotten.
    Forgotten,
}

/// What is done with one memory.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Change {
    /// The memory.
    pub(in crate::domain::memory) memory_id: MemoryId,
    /// What is done with it.
    pub(in crate::domain::memory) done: Done,
    /// What it says.
    pub(in crate::domain::memory) text: String,
    /// The memory that stands in its place, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::domain::memory) by: Option<MemoryId>,
}

/// Memories that are put in order.
pub(in crate::domain::memory) struct Order {
    now: Timestamp,
    /// As they lie in the store.
    found: BTreeMap<Uuid, Stored<Memory>>,
    /// As they are to be.
    changed: HashMap<Uuid, Memory>,
    gone: BTreeSet<Uuid>,
    changes: Vec<Change>,
}

impl Order {
    pub(in crate::domain::memory) fn of(found: Vec<Stored<Memory>>, now: Timestamp) -> Self {
        let found = found.into_iter().map(|stored| (stored.id, stored)).collect();
        Self { now, found, changed: HashMap::new(), gone: BTreeSet::new(), changes: Vec::new() }
    }

    /// What policies put aside and have forgotten.
    pub(in crate::domain::memory) fn by_policy(&mut self, policies: &Policies) {
        let ids: Vec<Uuid> = self.found.keys().copied().collect();
        for id in ids {
            match policies.fate(&self.found[&id].value, self.now) {
                Fate::Stays => {}
                Fate::Retires => self.end(id, State::Retired, None, Done::Retired),
                Fate::Goes => {
                    self.gone.insert(id);
                    self.tell(id, None, Done::Forgotten);
                }
            }
        }
        let mut parts: BTreeMap<&str, (Scope, Vec<Uuid>)> = BTreeMap::new();
        for (id, stored) in &self.found {
            if self.is_believed(*id) {
                let of_part = parts.entry(&stored.value.part).or_insert_with(|| (stored.value.scope, Vec::new()));
                of_part.1.push(*id);
            }
        }
        let mut beyond = Vec::new();
        for (scope, mut ids) in parts.into_values() {
            let Some(policy) = policies.of(scope) else { continue };
            let most = policy.most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
            let surplus = ids.len().saturating_sub(most);
            ids.retain(|id| !policy.except.contains(&self.found[id].value.kind));
            ids.sort_by_key(|id| (self.found[id].value.importance, self.found[id].value.said_at));
            beyond.extend(ids.into_iter().take(surplus));
        }
        for id in beyond {
            self.end(id, State::Retired, None, Done::Retired);
        }
    }

    /// Of those that are about the same only the best source's latest is believed: others can have been brought back.
    pub(in crate::domain::memory) fn by_about(&mut self) {
        let mut abouts: BTreeMap<(&str, &str), Vec<Uuid>> = BTreeMap::new();
        for (id, stored) in &self.found {
            if let (Some(about), true) = (&stored.value.about, self.is_believed(*id)) {
                abouts.entry((&stored.value.part, about)).or_default().push(*id);
            }
        }
        let abouts: Vec<Vec<Uuid>> = abouts.into_values().filter(|ids| ids.len() > 1).collect();
        for mut ids in abouts {
            ids.sort_by_key(|id| (self.found[id].value.trust, self.found[id].value.said_at, *id));
            let Some(stays) = ids.pop() else { continue };
            for goes in ids {
                let same = folded(&self.found[&goes].value.text) == folded(&self.found[&stays].value.text);
                if same {
                    self.confirm(stays, goes);
                } else {
                    self.changing(stays).supersedes.push(goes);
                }
                let done = if same { Done::Merged } else { Done::Contradicted };
                self.end(goes, State::Superseded, Some(stays), done);
            }
        }
    }

    /// What says the same as something before it, or otherwise.
    pub(in crate::domain::memory) fn by_likeness(&mut self) {
        let mut ids: Vec<Uuid> = self.found.keys().copied().filter(|id| self.is_believed(*id)).collect();
        ids.sort_by_key(|id| (self.found[id].value.recorded_at, *id));
        let mut seen: HashMap<(String, MemoryKind, String), Vec<Uuid>> = HashMap::new();
        let mut said: HashMap<Uuid, Said> = HashMap::new();
        for id in ids {
            let (part, kind, text) = {
                let memory = &self.found[&id].value;
                (memory.part.clone(), memory.kind, memory.text.clone())
            };
            let own = Said::of(&text);
            let keys: Vec<_> = stems(&text).into_iter().map(|stem| (part.clone(), kind, stem)).collect();
            let alike: BTreeSet<Uuid> = keys
                .iter()
                .filter_map(|key| seen.get(key))
                .filter(|ids| ids.len() <= COMMON)
                .flatten()
                .copied()
                .collect();
            for old in alike {
                if !self.is_believed(old) || !self.found[&old].value.is_of_the_same(&self.found[&id].value) {
                    continue;
                }
                match said.get(&old).map(|other| own.against(other)) {
                    // The better source stands for both.
                    Some(Stands::Same) if self.may_end(id, old) => {
                        self.confirm(old, id);
                        self.end(id, State::Superseded, Some(old), Done::Merged);
                        break;
                    }
                    Some(Stands::Same) => {
                        self.confirm(id, old);
                        self.end(old, State::Superseded, Some(id), Done::Merged);
                    }
                    Some(Stands::More) if self.may_end(old, id) => {
                        self.confirm(id, old);
                        self.end(old, State::Superseded, Some(id), Done::Merged);
                    }
                    Some(Stands::Otherwise) if kind.can_end() && self.may_end(old, id) => {
                        self.changing(id).supersedes.push(old);
                        self.end(old, State::Superseded, Some(id), Done::Contradicted);
                    }
                    Some(Stands::More | Stands::Otherwise | Stands::Another(_)) | None => {}
                }
            }
            if self.is_believed(id) {
                for key in keys {
                    seen.entry(key).or_default().push(id);
                }
                said.insert(id, own);
            }
        }
    }

    /// What was done, as far as it was thought through.
    pub(in crate::domain::memory) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The memories that were put aside, by whose they are.
    pub(in crate::domain::memory) fn retired(&self) -> BTreeMap<String, Vec<&Stored<Memory>>> {
        let mut parts: BTreeMap<String, Vec<&Stored<Memory>>> = BTreeMap::new();
        for change in self.changes.iter().filter(|change| change.done == Done::Retired) {
            if let Some(stored) = self.found.get(&change.memory_id.uuid()) {
                parts.entry(stored.value.part.clone()).or_default().push(stored);
            }
        }
        parts
    }

    /// Says of retired memories that a summary stands in their place.
    pub(in crate::domain::memory) fn summed_up(&mut self, ids: &[Uuid], by: MemoryId) {
        for id in ids {
            if let Some(memory) = self.changed.get_mut(id) {
                memory.superseded_by = Some(by.uuid());
            }
            for change in self.changes.iter_mut().filter(|change| change.memory_id.uuid() == *id) {
                change.by = Some(by);
            }
        }
    }

    /// Writes it.
    ///
    /// # Errors
    /// When the store fails.
    pub(in crate::domain::memory) async fn write(&self, cx: &Cx) -> Result<(), Fault> {
        for (id, stored) in &self.found {
            if self.gone.contains(id) {
                forget(cx, stored).await?;
            } else if let Some(memory) = self.changed.get(id) {
                cx.change(stored, memory)?;
            }
        }
        Ok(())
    }

    fn is_believed(&self, id: Uuid) -> bool {
        let memory = self.changed.get(&id).or_else(|| self.found.get(&id).map(|stored| &stored.value));
        !self.gone.contains(&id) && memory.is_some_and(|memory| memory.state == State::Current)
    }

    fn may_end(&self, old: Uuid, new: Uuid) -> bool {
        self.found[&new].value.trust >= self.found[&old].value.trust
    }

    fn changing(&mut self, id: Uuid) -> &mut Memory {
        let found = &self.found;
        self.changed.entry(id).or_insert_with(|| found[&id].value.clone())
    }

    /// One stands for another one as well.
    fn confirm(&mut self, stays: Uuid, goes: Uuid) {
        let (now, other) = (self.now, self.changed.get(&goes).unwrap_or_else(|| &self.found[&goes].value).clone());
        let memory = self.changing(stays);
        memory.take_in(&other, now);
        memory.supersedes.push(goes);
    }

    fn end(&mut self, id: Uuid, state: State, by: Option<Uuid>, done: Done) {
        let (now, by) = (self.now, by.map(MemoryId::from_uuid));
        self.changing(id).end(state, by, now);
        self.tell(id, by, done);
    }

    fn tell(&mut self, id: Uuid, by: Option<MemoryId>, done: Done) {
        let text = self.found[&id].value.text.clone();
        self.changes.push(Change { memory_id: MemoryId::from_uuid(id), done, text, by });
    }
}
