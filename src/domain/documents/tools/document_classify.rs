//! `document_classify`: what a document is for people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document_upload::decoded;
use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::engine::classifying::classify;
use crate::domain::documents::model::{Document, Type};
use crate::domain::documents::reading::{Reader, aside, text_of};
use crate::domain::documents::thinking::{self, Method};
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;
use crate::port::documents::Hints;

/// Tells what a document is.
pub(in crate::domain::documents) struct DocumentClassify;

/// Which document: one of `documentId`, `text`, `document`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Input {
    /// A document that was uploaded.
    #[serde(default)]
    document_id: Option<DocumentId>,
    /// A text.
    #[serde(default)]
    #[schemars(length(min = 1, max = 1_000_000))]
    text: Option<String>,
    /// A file in base64, which is not kept.
    #[serde(default)]
    #[schemars(length(min = 1, max = 400_000_000))]
    document: Option<String>,
    /// What the file is called, where that says which kind of plain text it is.
    #[serde(default)]
    #[schemars(length(max = 300))]
    name: String,
    /// How: `model` asks a language model, `statistical` counts words; when not said a model where one can be asked.
    #[serde(default)]
    method: Option<Method>,
    /// The model or route to ask, as `model_list` tells them.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
}

/// What it is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Output {
    /// The type.
    #[serde(rename = "type")]
    kind: Type,
    /// How sure that is, from 0 to 1.
    confidence: f64,
    /// How it was told.
    method: Method,
    /// Words of the document that speak for the type; none where a model told it.
    signals: Vec<String>,
    /// What else it may be, the likeliest first.
    alternatives: Vec<Alternative>,
    /// The model that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

/// Another type.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Alternative {
    /// The type.
    #[serde(rename = "type")]
    kind: Type,
    /// How likely, from 0 to 1.
    confidence: f64,
}

impl Capability for DocumentClassify {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "document_classify",
        Domain::Documents,
        Route::post("/documents/classify"),
        Permit::on(Resource::Documents, Action::Read),
        "Tells what a document is: invoice, contract, form, letter, CV, report, email, spreadsheet, presentation or other, with how sure \
         that is. Takes an uploaded document, a text, or a file that is not kept. To read fields out of it use document_extract.",
    )
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let (text, format) = match (input.document_id, input.text, input.document) {
            (Some(id), None, None) => {
                let stored = cx.load::<Document>(id.uuid(), Action::Read).await?;
                (text_of(cx, &stored).await?.text, Some(stored.value.format))
            }
            (None, Some(text), None) => (text, None),
            (None, None, Some(document)) => {
                let bytes = decoded(&document)?;
                let hints = Hints { name: input.name, media_type: None, recognise: true };
                let parsed = cx.service::<Reader>()?.read(cx, bytes, hints).await?;
                (parsed.text, Some(parsed.format))
            }
            _ => return Err(Fault::bad_input("/documentId", "must be given, or text, or document: one of the three")),
        };
        let (text, mut told) = aside(move || (classify(&text, format), text)).await.map(|(told, text)| (text, told))?;
        if let Some(asked) = thinking::type_of(cx, input.method, input.model, &text).await? {
            let others = told.into_iter().filter(|one| one.kind != asked.kind).take(2);
            return Ok(Output {
                kind: asked.kind,
                confidence: asked.confidence,
                method: Method::Model,
                signals: Vec::new(),
                alternatives: others
                    .map(|one| Alternative { kind: one.kind, confidence: one.confidence.min(1.0 - asked.confidence) })
                    .collect(),
                model: Some(asked.model),
            });
        }
        let best = told.remove(0);
        Ok(Output {
            kind: best.kind,
            confidence: best.confidence,
            method: Method::Statistical,
            signals: best.words,
            alternatives: told
                .into_iter()
                .take(3)
                .map(|one| Alternative { kind: one.kind, confidence: one.confidence })
                .collect(),
            model: None,
        })
    }
}
