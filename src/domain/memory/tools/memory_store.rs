//! `memory_store`: something to remember.

use std::collections::HashSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::memory::engine::keeping::{Alike, Keeper, Keeping, Kept};
use crate::domain::memory::engine::thinking::{Method, Piece, Thinking};
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
    /// What to remember, said so that it can be understood by itself, such as `Anna prefers mails in the morning`. Several sentences are divided
    /// into single facts where a model is there; else they stay one memory, so better store one thing a call.
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
    /// How several sentences are divided into facts, and how it is told whether two that are alike say the same: `model` has a language model
    /// do it, which costs money, `statistical` goes by words, names, numbers and negations. A model where one is there, when not given.
    #[serde(default)]
    method: Option<Method>,
    /// The model for that, as `provider/model` or the name of a route.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
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
    /// The other facts that the text was divided into; each was kept as the first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    further: Vec<One>,
    /// How it was divided and compared: `statistical`, by words, names, numbers and negations, or also by a `model`.
    method: Method,
    /// Why no model was asked, or its answer not used, where one is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<String>,
}

/// One of several facts.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct One {
    /// Whether it is new, or was known.
    action: Kept,
    /// The memory.
    memory: MemoryView,
    /// Those that it took the place of.
    superseded: Vec<MemoryId>,
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
    .asks()
    .spends()
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
        let mut thinking = Thinking::of(input.method, input.model);
        let pieces = if input.separate {
            vec![Piece { text: memory.text.clone(), ..Piece::default() }]
        } else {
            Box::pin(thinking.divide(cx, &memory.text)).await?
        };
        let mut keeper = Keeper { cx, merges: !input.separate, thinking: &mut thinking, touched: HashSet::new() };
        let mut kept = Vec::new();
        for piece in pieces {
            let memory = memory_of(&memory, piece);
            let keeping = Box::pin(keeper.keep(place.belongs, memory)).await?;
            let memory = &keeping.memory;
            if keeping.kept != Kept::Known {
                let told = json!({ "memoryId": memory.id, "action": keeping.kept, "kind": memory.value.kind, "scope": memory.value.scope });
                cx.emit(STORED, memory.id, &told)?;
            }
            kept.push(keeping);
        }
        let method = if thinking.answered.is_some() { Method::Model } else { Method::Statistical };
        let mut kept = kept.into_iter();
        let first = kept.next().ok_or_else(|| Fault::internal("a text has no piece"))?;
        let one = |keeping: Keeping| One {
            action: keeping.kept,
            memory: MemoryView::of(keeping.memory),
            superseded: keeping.superseded,
        };
        Ok(Output {
            action: first.kept,
            memory: MemoryView::of(first.memory),
            superseded: first.superseded,
            alike: first.alike,
            further: kept.map(one).collect(),
            method,
            partial: thinking.unused,
        })
    }
}

/// The memory of one piece of a text: it says where in the text it stands, and what is about one thing is not about each.
fn memory_of(whole: &Memory, piece: Piece) -> Memory {
    if piece.text == whole.text {
        return whole.clone();
    }
    let mut source = whole.source.first().cloned().unwrap_or_default();
    source.quote = piece.quote.or_else(|| Some(piece.text.clone()));
    let mut tags = whole.tags.clone();
    tags.extend(piece.subject);
    Memory {
        text: piece.text,
        about: None,
        kind: if whole.kind == MemoryKind::Fact { piece.kind.unwrap_or(whole.kind) } else { whole.kind },
        tags: distinct(tags),
        source: vec![source],
        // What a model says in words of its own was not said just so.
        trust: if piece.reworded { whole.trust.min(Trust::Inferred) } else { whole.trust },
        valid_from: whole.valid_from.or(piece.valid_from),
        valid_to: whole.valid_to.or(piece.valid_to),
        ..whole.clone()
    }
}
