//! `knowledge_ingest`: documents into passages, entities and relations.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::handing::{self, Handed};
use crate::domain::knowledge::ingesting::records::Method;
use crate::domain::knowledge::ingesting::telling::{Taken, Why};
use crate::domain::knowledge::ingesting::working::{Options, Work};
use crate::domain::memory::recalling::Trust;
use crate::domain::models::standing;
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;

/// More documents than this take long.
const FEW: usize = 3;
/// How often a model is asked in one call where nothing is said.
const USUAL_CALLS: u32 = 200;
/// With less time than this left no further document is begun.
const LEAST_TIME: Duration = Duration::from_secs(5);

/// Takes documents in.
pub(in crate::domain::knowledge) struct KnowledgeIngest;

/// What is taken in, and how.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Input {
    /// The documents: uploaded ones by id, or new ones, which are kept as `document_upload` keeps them.
    #[schemars(length(min = 1, max = 50))]
    documents: Vec<Given>,
    /// How entities and relations are found: `auto` has a model find them where one can be asked, else statistics; what was taken in before is read as
    /// it was read then.
    #[serde(default)]
    extraction: Extraction,
    /// The model for that, as `provider/model` or the name of a route.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
    /// Only entities of these types, such as `Person`; all when not given. Without a model there are `Person`, `Organisation`, `Place` and
    /// `Name`, for whatever else has one.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$")))]
    entity_types: Vec<String>,
    /// Only relations of these types, such as `works_at`; all when not given. Without a model `co_occurs_with` says that two only stand together.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$")))]
    relation_types: Vec<String>,
    /// Whether the caller vouches for what the documents say: what is drawn out of them is then `inferred`, and else `untrusted`. Agents cannot vouch.
    #[serde(default)]
    vouched: bool,
    /// Takes names that are alike, such as slips of the pen, for the same node. Each such merge can be undone with `graph_upsert`.
    #[serde(default)]
    similar_names: bool,
    /// Who else sees new documents; `private` when not given. Entities and relations are seen as their document is.
    #[serde(default)]
    visibility: Seen,
    /// Whether text is recognised in scans and pictures of new documents; true when not given.
    #[serde(default)]
    include_ocr: Option<bool>,
    /// How often a model is asked at most in this call; 200 when not given. Each time reads some 6,000 letters. What is left is for the next call.
    #[serde(default)]
    #[schemars(range(min = 1, max = 5000))]
    max_calls: Option<u32>,
}

/// A document: `documentId` of an uploaded one, or `name` with `text` or `document`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Given {
    /// A document that was uploaded.
    #[serde(default)]
    document_id: Option<DocumentId>,
    /// What a new one is called, such as `report.pdf`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 300))]
    name: Option<String>,
    /// A new one that is plain text, Markdown, HTML or CSV.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200_000_000))]
    text: Option<String>,
    /// A new one in base64.
    #[serde(default)]
    #[schemars(length(min = 1, max = 400_000_000))]
    document: Option<String>,
    /// Its media type, where the name does not say which kind of plain text it is.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    media_type: Option<String>,
    /// What a new one is found by.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64)))]
    tags: Vec<String>,
    /// An address or name that stays the same when the content changes, such as `https://wiki.example.org/handbook`. A later content of it takes the place
    /// of the earlier one: only changed passages are read anew, what only the old ones said goes out of the graph, and the earlier document goes too
    /// where it was kept by this tool.
    #[serde(default)]
    #[schemars(length(min = 1, max = 2000))]
    source: Option<String>,
}

/// How entities and relations are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Extraction {
    /// By a model where there is one, else by statistics.
    #[default]
    Auto,
    /// By a model, and not without one.
    Model,
    /// By capitals, patterns of words, and what stands together.
    Statistical,
    /// Not at all: the documents are kept and cut into passages.
    None,
}

/// Who sees a document besides its owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Seen {
    /// Nobody.
    #[default]
    Private,
    /// Everybody of the tenant who may read documents or the graph.
    Tenant,
}

/// What became of the documents.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::knowledge) struct Output {
    /// Those that were taken in, in the order given.
    documents: Vec<Taken>,
    /// Those that could not be.
    failed: Vec<Failed>,
    /// Whether all of them are wholly in the graph. Where they are not, the same call again goes on where this one ended, and asks nobody twice.
    complete: bool,
    /// How often a model was asked.
    model_calls: u32,
    /// Why it ended before it was through: by a limit of the call, or a fault such as a spent budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<Why>,
}

/// A document that could not be taken in.
#[derive(Debug, Serialize, JsonSchema)]
struct Failed {
    /// Its place in the list that was given, from 0.
    place: usize,
    /// Why.
    #[serde(flatten)]
    why: Why,
}

impl Capability for KnowledgeIngest {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "knowledge_ingest",
        Domain::Knowledge,
        Route::post("/knowledge/ingest"),
        Permit::on(Resource::Graph, Action::Change),
        "Takes documents into the knowledge graph: keeps them, cuts them into passages, and draws out people, organisations, places and how they hang \
         together, with passage and page; by a model, or by statistics. The same content does nothing, a changed one replaces what it said. To \
         keep a file alone use document_upload; for facts that you know graph_upsert.",
    )
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        hold(&input)?;
        let may_ask = cx.caller().may(Resource::Completions, Action::Create);
        let demands = input.extraction == Extraction::Model || input.model.is_some();
        if demands && !may_ask {
            return Err(forbidden(Permit::on(Resource::Completions, Action::Create)));
        }
        let wanted = matches!(input.extraction, Extraction::Auto | Extraction::Model);
        let first = if wanted && may_ask { Some(standing::first(cx, input.model.as_deref()).await) } else { None };
        // A model that is not there is told before anything is kept.
        let has_model = match first {
            Some(Err(fault)) if demands => return Err(fault),
            first => first.is_some_and(|first| first.is_ok()),
        };
        if input.documents.len() > FEW || has_model {
            cx.prefer_task()?;
        }
        let method = match input.extraction {
            Extraction::Auto if input.model.is_some() => Some(Method::Model),
            Extraction::Auto => None,
            Extraction::Model => Some(Method::Model),
            Extraction::Statistical => Some(Method::Statistical),
            Extraction::None => Some(Method::None),
        };
        let trust = if input.vouched && cx.caller().acting.is_none() { Trust::Inferred } else { Trust::Untrusted };
        let options = Options {
            method,
            model: input.model,
            entity_types: input.entity_types,
            relation_types: input.relation_types,
            trust,
            similar: input.similar_names,
            most_calls: input.max_calls.unwrap_or(USUAL_CALLS),
        };
        let mut work = Work::new(cx, options, has_model);
        let (mut documents, mut failed): (Vec<Taken>, Vec<Failed>) = (Vec::new(), Vec::new());
        let count = input.documents.len();
        for (place, given) in input.documents.into_iter().enumerate() {
            if work.stopped.is_none() && !documents.is_empty() && cx.time_left() < LEAST_TIME {
                work.stopped = Some(Why::limit("the time of this call is over: call again to go on".to_owned()));
            }
            if work.stopped.is_some() {
                break;
            }
            let source = given.source.clone();
            match kept(cx, given, input.visibility, input.include_ocr.unwrap_or(true)).await {
                Ok((document, kept_here)) => {
                    documents.push(Box::pin(work.take(document, source, kept_here)).await?);
                }
                // What is wrong with one document says nothing of the others.
                Err(fault) if count > 1 && matches!(fault.code().status, 404 | 422) => {
                    failed.push(Failed { place, why: Why::of(&fault) });
                }
                Err(fault) if count > 1 => return Err(fault.below(&format!("/documents/{place}"))),
                Err(fault) => return Err(fault),
            }
        }
        let complete = documents.len() == count && documents.iter().all(Taken::is_complete);
        Ok(Output { documents, failed, complete, model_calls: work.calls, stopped: work.stopped })
    }
}

/// Holds that each document is one, by id or new.
fn hold(input: &Input) -> Result<(), Fault> {
    if input.model.is_some() && matches!(input.extraction, Extraction::Statistical | Extraction::None) {
        return Err(Fault::bad_input("/model", "is asked by the extraction `model` or `auto` only"));
    }
    for (at, given) in input.documents.iter().enumerate() {
        let is_new = given.text.is_some() || given.document.is_some();
        let wrong = match (given.document_id.is_some(), is_new) {
            (true, true) => Some(("documentId", "cannot be given beside a new document")),
            (false, false) => Some(("documentId", "must be given, or `name` with `text` or `document`")),
            (false, true) if given.name.is_none() => Some(("name", "must be given with a new document")),
            (false, true) if given.text.is_some() && given.document.is_some() => {
                Some(("text", "cannot be given beside `document`"))
            }
            (true, false) | (false, true) => None,
        };
        if let Some((property, why)) = wrong {
            return Err(Fault::bad_input(format!("/documents/{at}/{property}"), why));
        }
        let (source, id) = (&given.source, given.document_id);
        let same =
            |other: &Given| (source.is_some() && other.source == *source) || (id.is_some() && other.document_id == id);
        if input.documents[..at].iter().any(same) {
            return Err(Fault::bad_input(format!("/documents/{at}"), "is given twice"));
        }
    }
    Ok(())
}

/// The document that is meant, and whether it was kept now.
async fn kept(cx: &Cx, given: Given, visibility: Seen, include_ocr: bool) -> Result<(Handed, bool), Fault> {
    let Given { document_id, name, text, document, media_type, tags, source: _ } = given;
    if let Some(id) = document_id {
        return Ok((handing::document(cx, id.uuid()).await?, false));
    }
    let mut upload = json!({ "name": name, "tags": tags, "visibility": visibility, "includeOcr": include_ocr });
    for (property, value) in [("text", text), ("document", document), ("mediaType", media_type)] {
        if let Some(value) = value {
            upload[property] = value.into();
        }
    }
    let (id, duplicate) = handing::keep(cx, upload).await?;
    let document = handing::document(cx, id).await?;
    Ok((document, !duplicate))
}
