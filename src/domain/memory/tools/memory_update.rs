//! `memory_update`: a memory put right.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::memory::faults::{MEMORY_EMPTY, MEMORY_ENDED};
use crate::domain::memory::model::memory::{Memory, MemoryKind, State, Trust, distinct, folded};
use crate::domain::memory::model::policy::Share;
use crate::domain::memory::retrieval::words::sought;
use crate::domain::memory::topics::UPDATED;
use crate::domain::memory::views::MemoryView;
use crate::kernel::fault::Fault;
use crate::kernel::id::MemoryId;
use crate::kernel::time::Timestamp;

/// Corrects a memory.
pub(in crate::domain::memory) struct MemoryUpdate;

/// What is to be another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Input {
    /// The memory's id.
    id: MemoryId,
    /// What it says. What it said before is kept as what was believed until now.
    #[serde(default)]
    #[schemars(length(min = 1, max = 8000))]
    text: Option<String>,
    /// What kind of thing it is.
    #[serde(default)]
    kind: Option<MemoryKind>,
    /// What it is about.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    about: Option<String>,
    /// Words to find it by, in place of those it has.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 50)))]
    tags: Option<Vec<String>>,
    /// How much it matters, from 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    importance: Option<f64>,
    /// How far it can be trusted; an agent raises it to no more than `inferred`.
    #[serde(default)]
    trust: Option<Trust>,
    /// Since when it is so.
    #[serde(default)]
    valid_from: Option<Timestamp>,
    /// Until when it is so; later than `validFrom`.
    #[serde(default)]
    valid_to: Option<Timestamp>,
    /// `retired` puts it aside, `current` brings one back that was put aside or superseded.
    #[serde(default)]
    state: Option<Believed>,
}

/// Whether it is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Believed {
    /// It is.
    Current,
    /// It is put aside.
    Retired,
}

impl Capability for MemoryUpdate {
    type Input = Input;
    type Output = MemoryView;
    const SPEC: Spec = Spec::change(
        "memory_update",
        Domain::Memory,
        Route::patch("/memory/{id}"),
        Permit::on(Resource::Memories, Action::Change),
        "Corrects a memory: its text, kind, tags, importance, trust or validity; puts it aside or brings it back. What it said before stays as \
         history. For something new use memory_store, to have it gone memory_forget.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<MemoryView, Fault> {
        let stored = cx.load::<Memory>(input.id.uuid(), Action::Change).await?;
        let old = &stored.value;
        let mut memory = old.clone();
        let now = cx.now();
        match input.state {
            Some(Believed::Current) if old.state != State::Current => {
                (memory.state, memory.ended_at, memory.superseded_by) = (State::Current, None, None);
                // A time that is over would put it aside again at once.
                memory.expires_at = memory.expires_at.filter(|expires| *expires > now);
            }
            Some(Believed::Retired) if old.state == State::Current => memory.end(State::Retired, None, now),
            Some(Believed::Current | Believed::Retired) | None => {}
        }
        if let Some(text) = input.text.map(|text| text.trim().to_owned()) {
            if sought(&text).is_empty() {
                return Err(Fault::new(&MEMORY_EMPTY, "the text has no word in it"));
            }
            if memory.state != State::Current {
                let say = format!("the memory is {}", old.state.name());
                let by = old.superseded_by.map(MemoryId::from_uuid);
                return Err(Fault::new(&MEMORY_ENDED, say).with_detail(json!({ "supersededBy": by })));
            }
            if folded(&text) != folded(&old.text) && old.state == State::Current {
                keep_before(cx, &stored, &mut memory)?;
            }
            memory.text = text;
        }
        memory.kind = input.kind.unwrap_or(memory.kind);
        memory.about =
            input.about.map(|about| about.trim().to_lowercase()).filter(|about| !about.is_empty()).or(memory.about);
        memory.tags = input.tags.map_or(memory.tags, distinct);
        memory.importance = input.importance.map_or(memory.importance, |number| Share::of(number).0);
        memory.trust = match (&cx.caller().acting, input.trust) {
            (Some(_), Some(Trust::Stated)) if old.trust != Trust::Stated => Trust::Inferred,
            (_, trust) => trust.unwrap_or(memory.trust),
        };
        memory.valid_from = input.valid_from.or(memory.valid_from);
        memory.valid_to = input.valid_to.or(memory.valid_to);
        if let (Some(from), Some(to)) = (memory.valid_from, memory.valid_to)
            && to <= from
        {
            return Err(Fault::bad_input("/validTo", "must be later than 'validFrom'"));
        }
        cx.change(&stored, &memory)?;
        cx.emit(UPDATED, stored.id, &json!({ "memoryId": stored.id, "kind": memory.kind, "scope": memory.scope }))?;
        Ok(MemoryView::of(Stored { revision: stored.revision + 1, value: memory, updated_at: now, ..stored }))
    }
}

/// What it said until now stands by itself from now on, so that it is found as what was believed then.
fn keep_before(cx: &Cx, stored: &Stored<Memory>, memory: &mut Memory) -> Result<(), Fault> {
    let (now, id) = (cx.now(), cx.new_id());
    let mut before = stored.value.clone();
    before.end(State::Superseded, Some(MemoryId::from_uuid(stored.id)), now);
    let belongs = Belongs { owner: stored.owner, workspace: stored.workspace, visibility: stored.visibility };
    cx.create(id, belongs, &before)?;
    memory.supersedes = vec![id];
    memory.recorded_at = now;
    Ok(())
}
