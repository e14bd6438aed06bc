//! `agent_knowledge`: what is known of something, from memory, documents and the graph in one list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::registry::may_call;
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::engine::knowing::{Found, fused};
use crate::domain::agents::finding::load;
use crate::domain::documents::finding::{Sought, passages};
use crate::domain::documents::handing::kept_at;
use crate::domain::knowledge::knowing::{self as graph, Place};
use crate::domain::memory::knowing::{self as memory, MemoryKind, Source as Said};
use crate::domain::memory::recalling::{Scope, Trust};
use crate::domain::memory::retrieval::ranking::{By, Why};
use crate::domain::memory::retrieval::reranking::{before, reranked};
use crate::kernel::fault::Fault;
use crate::kernel::id::{DocumentId, MemoryId, NodeId};
use crate::kernel::time::Timestamp;

/// So many of each kind come into question for each that is answered, and at least so many.
const FOR_EACH: usize = 2;
const AT_LEAST: usize = 20;
/// How much a passage or a fact of which nothing is said matters.
const USUAL: f64 = 0.5;

/// Tells what is known.
pub(in crate::domain::agents) struct AgentKnowledge;

/// What kind of thing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Something that is remembered.
    Memory,
    /// A passage of a document.
    Passage,
    /// A relation of the knowledge graph.
    Fact,
}

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Input {
    /// A question or some words.
    #[schemars(length(min = 1, max = 2000))]
    query: String,
    /// The agent for which it is looked: its own memories are looked into, too. The agent that acts when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    agent_id: Option<String>,
    /// Only of these kinds; all when not given.
    #[serde(default)]
    #[schemars(length(max = 3))]
    kinds: Vec<Kind>,
    /// Only what can be trusted so far: `stated`, somebody said it; `inferred`, an agent or program concluded it; `untrusted`, it comes from content
    /// that nobody vouches for, as passages do. All when not given.
    #[serde(default)]
    #[schemars(length(max = 3))]
    trust: Vec<Trust>,
    /// Only what was said, kept or recorded since this moment.
    #[serde(default)]
    since: Option<Timestamp>,
    /// How many to answer at most; 10 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

/// What is known.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::domain::agents) struct Output {
    /// The best first.
    items: Vec<Item>,
    /// How it was found: `lexical`, by words; `hybrid`, by words and meaning.
    method: &'static str,
    /// What was not looked at, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<String>,
}

/// Something that is known.
#[derive(Debug, Serialize, JsonSchema)]
struct Item {
    /// What kind of thing it is.
    kind: Kind,
    /// What it says.
    text: String,
    /// How well it fits, from 0 to 1.
    score: f64,
    /// Why it stands where it does.
    why: Why,
    /// How far it can be trusted.
    trust: Trust,
    /// When it was last said, kept or recorded.
    at: Timestamp,
    /// Where it comes from.
    source: Source,
}

/// Where something comes from.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Source {
    /// Of a memory: its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_id: Option<MemoryId>,
    /// Of a memory: what kind of memory it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_kind: Option<MemoryKind>,
    /// Of a memory: whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Scope>,
    /// Of a memory: where it comes from itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<Said>,
    /// Of a passage: its document.
    #[serde(skip_serializing_if = "Option::is_none")]
    document_id: Option<DocumentId>,
    /// Of a passage: the document's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Of a passage: the headings above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    heading: Option<String>,
    /// Of a passage: its first page; 0 where the format has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    /// Of a passage: where it begins in the document's text, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    /// Of a passage: how many characters it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    /// Of a fact: the relation.
    #[serde(skip_serializing_if = "Option::is_none")]
    relation_id: Option<NodeId>,
    /// Of a fact: the node where it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<NodeId>,
    /// Of a fact: the node where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<NodeId>,
    /// Of a fact: what says it, the newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    places: Vec<Place>,
}

/// What is gathered before it is put in order.
struct Gathered {
    kind: Kind,
    text: String,
    trust: Trust,
    at: Timestamp,
    source: Source,
}

impl Capability for AgentKnowledge {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "agent_knowledge",
        Domain::Agents,
        Route::get("/agents/knowledge"),
        Permit::on(Resource::Agents, Action::Read),
        "Everything known of a question in one list, the best and newest first, each with its source: memories (the caller's and the agent's), passages of \
         documents, facts of the graph. For a written answer use knowledge_query; for one of them alone memory_search, document_search, graph_search.",
    )
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let agent = match &input.agent_id {
            Some(given) => Some(load(cx, given, Action::Read).await?.value.agent_id),
            None => None,
        };
        let limit = input.limit.unwrap_or(10);
        let many = (limit * FOR_EACH).max(AT_LEAST);
        let mut gathering = Gathering { cx, input: &input, found: Vec::new(), hybrid: false, partial: Vec::new() };
        if gathering.sees(Kind::Memory, "memory_search") {
            gathering.memories(agent.as_deref(), many).await?;
        }
        if gathering.sees(Kind::Passage, "document_search") {
            gathering.passages(many).await?;
        }
        if gathering.sees(Kind::Fact, "graph_search") {
            gathering.facts().await?;
        }
        let Gathering { found, hybrid, mut partial, .. } = gathering;
        partial.dedup();
        let ordered = fused(&input.query, found, By::of(cx.platform()), before(cx.platform(), limit));
        let (ordered, kept) = reranked(cx, &input.query, ordered, limit, |one| one.text.clone()).await;
        partial.extend(kept);
        let items = ordered.into_iter().map(|(Gathered { kind, text, trust, at, source }, score, why)| Item {
            kind,
            text,
            score,
            why,
            trust,
            at,
            source,
        });
        Ok(Output {
            items: items.collect(),
            method: if hybrid { "hybrid" } else { "lexical" },
            partial: (!partial.is_empty()).then(|| partial.join("; ")),
        })
    }
}

struct Gathering<'a> {
    cx: &'a Cx,
    input: &'a Input,
    found: Vec<Found<Gathered>>,
    hybrid: bool,
    partial: Vec<String>,
}

impl Gathering<'_> {
    /// Whether things of a kind are wanted and the caller may look them up themselves: nobody is told here what that tool would not tell.
    fn sees(&mut self, kind: Kind, tool: &str) -> bool {
        if !self.input.kinds.is_empty() && !self.input.kinds.contains(&kind) {
            return false;
        }
        let snapshot = self.cx.platform().registry.present();
        let may = snapshot.find(self.cx.tenant(), tool).is_some_and(|tool| may_call(self.cx.caller(), tool));
        if !may {
            self.partial.push(format!("left out, because the caller may not use it: what {tool} tells"));
        }
        may
    }

    fn add(&mut self, gathered: Gathered, likeness: Option<f64>, importance: f64) {
        let trusted = self.input.trust.is_empty() || self.input.trust.contains(&gathered.trust);
        if !trusted || self.input.since.is_some_and(|since| gathered.at < since) {
            return;
        }
        let text = match (&gathered.source.heading, &gathered.source.name) {
            (Some(heading), Some(name)) => format!("{name} {heading} {}", gathered.text),
            _ => gathered.text.clone(),
        };
        let age = self.cx.now().since(gathered.at);
        self.found.push(Found { item: gathered, text, likeness, age, importance });
    }

    async fn memories(&mut self, agent: Option<&str>, limit: usize) -> Result<(), Fault> {
        let (question, trust, since) = (self.input.query.as_str(), self.input.trust.as_slice(), self.input.since);
        let asked = memory::Asked { question, agent, trust, since, limit };
        let (known, method, partial) = memory::known(self.cx, asked).await?;
        self.hybrid |= method == "hybrid";
        self.partial.extend(partial);
        for one in known {
            let source = Source {
                memory_id: Some(one.id),
                memory_kind: Some(one.kind),
                scope: Some(one.scope),
                sources: one.sources,
                ..Source::default()
            };
            let (kind, text, trust, at) = (Kind::Memory, one.text, one.trust, one.said_at);
            self.add(Gathered { kind, text, trust, at, source }, one.likeness, one.importance);
        }
        Ok(())
    }

    async fn passages(&mut self, limit: usize) -> Result<(), Fault> {
        let wanted = Sought { query: self.input.query.clone(), limit, for_more: true, ..Sought::default() };
        let found = passages(self.cx, wanted).await?;
        self.hybrid |= found.method == "hybrid";
        self.partial.extend(found.partial);
        let kept_at = kept_at(self.cx, found.passages.iter().map(|one| one.chunk.document_id)).await?;
        for one in found.passages {
            let Some(at) = kept_at.get(&one.chunk.document_id).copied() else { continue };
            let chunk = one.chunk;
            let source = Source {
                document_id: Some(DocumentId::from_uuid(chunk.document_id)),
                name: Some(chunk.document_name),
                heading: Some(chunk.heading),
                page: Some(chunk.page),
                offset: Some(chunk.offset),
                length: Some(chunk.length),
                ..Source::default()
            };
            // What stands in a file nobody vouches for.
            let (kind, text, trust) = (Kind::Passage, chunk.text, Trust::Untrusted);
            self.add(Gathered { kind, text, trust, at, source }, one.why.likeness(), USUAL);
        }
        Ok(())
    }

    async fn facts(&mut self) -> Result<(), Fault> {
        for one in graph::known(self.cx, &self.input.query).await? {
            let source = Source {
                relation_id: Some(NodeId::from_uuid(one.relation)),
                from: Some(NodeId::from_uuid(one.from)),
                to: Some(NodeId::from_uuid(one.to)),
                places: one.places,
                ..Source::default()
            };
            let (kind, text, trust, at) = (Kind::Fact, one.text, one.trust, one.recorded_at);
            self.add(Gathered { kind, text, trust, at, source }, None, one.confidence.unwrap_or(USUAL));
        }
        Ok(())
    }
}
