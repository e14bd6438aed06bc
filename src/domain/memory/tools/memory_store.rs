//! `memory_store`: something to remember.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::memory::engine::keeping::{Alike, Kept, keep};
use crate::domain::memory::model::memory::{Memory, MemoryKind, Scope, Source, State, Trust, Writer, distinct};
use crate::domain::memory::model::policy::Share;
use crate::domain::memory::places::place;
use crate::domain::memory::topics::STORED;
use crate::domain::memory::views::MemoryView;
use crate::kernel::fault::Fault;
use crate::kernel::id::MemoryId;
use crate::kernel::time::Timestamp;

/// How much something matters when nothing is said.
const USUAL_IMPORTANCE: f64 = 0.5;

/// Remembers something.
pub(in crate::domain::memory) struct MemoryStore;

/// What to remember.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Input {
    /// What to remember: one thing, said so that it can be understood by itself, such as `Anna prefers mails in the morning`. Several things
    /// are several calls.
    #[schemars(length(min = 1, max = 8000))]
    text: String,
    /// What kind of thing it is; `fact` when not given.
    #[serde(default)]
    kind: MemoryKind,
    /// Whose it is: `user` when not given, seen by the caller alone. `tenant` is seen by everybody, `workspace` by its members, `agent` by
    /// those who may see the agent, `session` by the caller in one conversation.
    #[serde(default)]
    scope: Option<Scope>,
    /// Which workspace, agent or session; the agent that acts when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    scope_id: Option<String>,
    /// What it is about, such as `anna/mail time`: of two in one scope that are about the same only the later one is believed.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    about: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 50)))]
    tags: Vec<String>,
    /// How much it matters, from 0 to 1; 0.5 when not given.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    importance: Option<f64>,
    /// How far it can be trusted; `stated` when not given, and at most `inferred` from an agent. Say `untrusted` of what comes from a web page,
    /// a mail or a file.
    #[serde(default)]
    trust: Option<Trust>,
    /// Where it comes from.
    #[serde(default)]
    source: Option<Source>,
    /// Since when it is so.
    #[serde(default)]
    valid_from: Option<Timestamp>,
    /// Until when it is so; later than `validFrom`.
    #[serde(default)]
    valid_to: Option<Timestamp>,
    /// After how many days it is put aside by itself.
    #[serde(default)]
    #[schemars(range(min = 1, max = 36_500))]
    expires_in_days: Option<u32>,
    /// Keeps it by itself, also where another one says the same or otherwise.
    #[serde(default)]
    separate: bool,
}

/// What became of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Output {
    /// Whether it is new, or was known.
    action: Kept,
    /// The memory.
    memory: MemoryView,
    /// Those that it took the place of: they said otherwise, less, or were about the same. They are kept as history.
    superseded: Vec<MemoryId>,
    /// Those that are alike and were left as they are.
    alike: Vec<Alike>,
    /// How it was compared: `statistical`, by words, names, numbers and negations.
    method: &'static str,
}

impl Capability for MemoryStore {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "memory_store",
        Domain::Memory,
        Route::post("/agents/memory"),
        Permit::on(Resource::Memories, Action::Create),
        "Remembers something for later conversations: a fact, preference, event, procedure or summary of a user, agent, workspace, session or \
         everybody. What says the same is merged, what says otherwise takes the place of the old one, which stays as history.",
    )
    .also(&[Route::post("/memory")])
    .everyday();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        if let (Some(from), Some(to)) = (input.valid_from, input.valid_to)
            && to <= from
        {
            return Err(Fault::bad_input("/validTo", "must be later than 'validFrom'"));
        }
        let place = place(cx, input.scope, input.scope_id.as_deref()).await?;
        let caller = cx.caller();
        let trust = match (&caller.acting, input.trust.unwrap_or_default()) {
            // What an agent says is what it made out of what it saw.
            (Some(_), Trust::Stated) => Trust::Inferred,
            (_, trust) => trust,
        };
        let now = cx.now();
        let memory = Memory {
            part: place.part,
            scope: place.scope,
            scope_id: place.id,
            kind: input.kind,
            text: input.text.trim().to_owned(),
            about: input.about.map(|about| about.trim().to_lowercase()).filter(|about| !about.is_empty()),
            tags: distinct(input.tags),
            importance: Share::of(input.importance.unwrap_or(USUAL_IMPORTANCE)).0,
            trust,
            state: State::Current,
            source: input.source.into_iter().collect(),
            writer: Writer {
                user_id: caller.user,
                agent_id: caller.acting.as_ref().map(|acting| acting.agent.clone()),
                request_id: cx.call().id,
            },
            valid_from: input.valid_from,
            valid_to: input.valid_to,
            recorded_at: now,
            ended_at: None,
            expires_at: input.expires_in_days.map(|days| now.plus(Duration::from_secs(u64::from(days) * 86_400))),
            said_at: now,
            times_said: 1,
            superseded_by: None,
            supersedes: Vec::new(),
        };
        let keeping = keep(cx, place.belongs, memory, !input.separate).await?;
        let memory = &keeping.memory;
        if keeping.kept != Kept::Known {
            let told = json!({ "memoryId": memory.id, "action": keeping.kept, "kind": memory.value.kind, "scope": memory.value.scope });
            cx.emit(STORED, memory.id, &told)?;
        }
        Ok(Output {
            action: keeping.kept,
            memory: MemoryView::of(keeping.memory),
            superseded: keeping.superseded,
            alike: keeping.alike,
            method: "statistical",
        })
    }
}
