//! `knowledge_query`: an answer out of the sources, or the sources alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::finding::{Found, Passage, Sought, passages};
use crate::domain::documents::model::Type;
use crate::domain::knowledge::answering::{Answer, Sentence, answer};
use crate::domain::knowledge::around::{Fact, facts};
use crate::domain::memory::retrieval::ranking::Why;
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;

/// Asks what is known.
pub(in crate::domain::knowledge) struct KnowledgeQuery;

/// The question, and where to look.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Input {
    /// The question.
    #[schemars(length(min = 1, max = 2000))]
    question: String,
    /// Only in these documents.
    #[serde(default)]
    #[schemars(length(max = 100))]
    document_ids: Vec<DocumentId>,
    /// Only in documents of this type.
    #[serde(default)]
    document_type: Option<Type>,
    /// Only in documents with this tag.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    tag: Option<String>,
    /// How many passages to take; 8 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 20))]
    limit: Option<usize>,
    /// Whether a model answers: true demands one, false has the passages alone; when not given it does where there is one.
    #[serde(default)]
    answer: Option<bool>,
    /// The model, as `provider/model` or the name of a route.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
    /// Leaves out what the knowledge graph says of what the question names.
    #[serde(default)]
    without_graph: bool,
}

/// What is known.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Output {
    /// Whether the sources have an answer: false says that it is not in them. Without a model, whether any passage or fact was found.
    found: bool,
    /// The answer, with the numbers of sources in square brackets; absent without a model, and where it is not in the sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// The answer's sentences, each with its sources and whether they bear it out.
    sentences: Vec<Sentence>,
    /// The passages that were taken, the best first.
    sources: Vec<Source>,
    /// What the knowledge graph says, numbered after the passages.
    facts: Vec<Fact>,
    /// `model` where one answered, `passages` where they are told alone.
    method: &'static str,
    /// How passages were looked for: `lexical` or `hybrid`.
    retrieval: &'static str,
    /// What was not looked at, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<String>,
    /// The model that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

/// A passage.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Source {
    /// Its number, as the answer cites it.
    number: usize,
    /// The document that it is of.
    document_id: DocumentId,
    /// The document's name.
    name: String,
    /// The headings above it.
    heading: String,
    /// Its text.
    text: String,
    /// Its first page; 0 where the format has none.
    page: u32,
    /// Where it begins in the document's text, in characters.
    offset: u64,
    /// How many characters it has.
    length: u64,
    /// How well it fits, from 0 to 1.
    score: f64,
    /// Why it stands where it does.
    why: Why,
}

impl Capability for KnowledgeQuery {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "knowledge_query",
        Domain::Knowledge,
        Route::post("/knowledge/query"),
        Permit::on(Resource::Documents, Action::Read),
        "Answers a question out of the uploaded documents and the knowledge graph, with citations that were checked, or says that it is not in \
         them. Without a model it tells the passages. To look passages up use document_search, for what was said once memory_search.",
    )
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        if input.answer == Some(true) && !cx.caller().may(Resource::Completions, Action::Create) {
            return Err(forbidden(Permit::on(Resource::Completions, Action::Create)));
        }
        let wanted = Sought {
            query: input.question.clone(),
            document_ids: input.document_ids,
            kind: input.document_type,
            tag: input.tag,
            limit: input.limit.unwrap_or(8),
            for_more: false,
        };
        let Found { passages, method: retrieval, partial } = passages(cx, wanted).await?;
        let sees_graph = !input.without_graph && cx.caller().may(Resource::Graph, Action::Read);
        let facts = if sees_graph { facts(cx, &input.question, passages.len() + 1).await? } else { Vec::new() };
        let told = if input.answer == Some(false) || !cx.caller().may(Resource::Completions, Action::Create) {
            None
        } else {
            Box::pin(answer(cx, &input.question, &passages, &facts, input.model, input.answer == Some(true))).await?
        };
        let sources = passages.into_iter().enumerate().map(|(at, passage)| source(at + 1, passage));
        let sources: Vec<Source> = sources.collect();
        let mut output = Output {
            found: !sources.is_empty() || !facts.is_empty(),
            answer: None,
            sentences: Vec::new(),
            sources,
            facts,
            method: "passages",
            retrieval,
            partial,
            model: None,
        };
        if let Some(Answer { text, sentences, model }) = told {
            (output.found, output.method, output.model) = (text.is_some(), "model", model);
            (output.answer, output.sentences) = (text, sentences);
        }
        Ok(output)
    }
}

fn source(number: usize, passage: Passage) -> Source {
    let Passage { chunk, score, why, .. } = passage;
    Source {
        number,
        document_id: DocumentId::from_uuid(chunk.document_id),
        name: chunk.document_name,
        heading: chunk.heading,
        text: chunk.text,
        page: chunk.page,
        offset: chunk.offset,
        length: chunk.length,
        score,
        why,
    }
}
