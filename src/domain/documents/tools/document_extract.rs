//! `document_extract`: entities and fields of a document, each with how sure it is and where it stands.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::engine::entities::{self, EntityKind};
use crate::domain::documents::engine::places::Places;
use crate::domain::documents::engine::verifying::said_by;
use crate::domain::documents::engine::{fields, schemas};
use crate::domain::documents::model::{Document, Type};
use crate::domain::documents::reading::{Reader, aside, file_of, text_of};
use crate::domain::documents::thinking::{self, Method};
use crate::domain::documents::topics::EXTRACTED;
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;
use crate::port::documents::{Hints, Parsed};

/// Reads fields out of a document.
pub(in crate::domain::documents) struct DocumentExtract;

/// Which document, and what of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Input {
    /// The document.
    id: DocumentId,
    /// The type whose fields are read; the document's own when not said. There are fields for invoice, contract, form, letter and cv.
    #[serde(default)]
    document_type: Option<Type>,
    /// What is read, and how.
    #[serde(default)]
    extraction_config: Config,
    /// How: `model` asks a language model, `statistical` follows rules; when not said a model where one can be asked.
    #[serde(default)]
    method: Option<Method>,
    /// The model or route to ask, as `model_list` tells them.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
}

/// What is read, and how.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    /// Only these: fields of the type, such as `invoiceNumber` or `invoice_number`, and kinds of entities, such as `email` or `date`.
    /// Everything when not said.
    #[serde(default)]
    #[schemars(length(max = 60), inner(length(min = 1, max = 60)))]
    entities: Vec<String>,
    /// Whether text is recognised in a scan that has none yet; false when not said.
    #[serde(default)]
    include_ocr: bool,
}

/// What was read.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Output {
    /// The document.
    document_id: DocumentId,
    /// The type whose fields were read.
    #[serde(rename = "type")]
    kind: Type,
    /// How the fields were read. Entities are always read by rules.
    method: Method,
    /// The fields by name.
    extracted_data: BTreeMap<String, Value>,
    /// How sure the fields are together, from 0 to 1: the mean of them, 0 without any.
    confidence: f64,
    /// The fields with their places.
    fields: Vec<Found>,
    /// What is named in the text, by place.
    entities: Vec<Named>,
    /// What is to be known of the reading.
    warnings: Vec<String>,
    /// The model that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

/// A field.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Found {
    /// Its name.
    name: String,
    /// Its value in one form: a day as YYYY-MM-DD, an amount as a number.
    value: Value,
    /// The words of the document that it stands in.
    text: String,
    /// How sure it is, from 0 to 1.
    confidence: f64,
    /// Whether these words stand in the document and say the value. What a model made up does not, and has no place.
    verified: bool,
    /// Its page; 0 where the format has none.
    page: u32,
    /// Where the words begin in the document's text, in characters.
    offset: u64,
    /// How many characters they have.
    length: u64,
}

/// Something that is named.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Named {
    /// What it is.
    kind: EntityKind,
    /// It in one form: a day as YYYY-MM-DD, an amount as a number with its currency.
    value: String,
    /// The words of the document.
    text: String,
    /// How sure it is, from 0 to 1: people and organisations are told by how they are written, and less sure.
    confidence: f64,
    /// Its page; 0 where the format has none.
    page: u32,
    /// Where the words begin in the document's text, in characters.
    offset: u64,
    /// How many characters they have.
    length: u64,
}

/// Entities that are told at most.
const MOST_TOLD: usize = 500;

impl Capability for DocumentExtract {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "document_extract",
        Domain::Documents,
        Route::post("/documents/{id}/extract"),
        Permit::on(Resource::Documents, Action::Change),
        "Reads an uploaded document out: the fields of its type (of an invoice number, dates, vendor, customer, amounts, lines; of a \
         contract parties, term, law; of letters, CVs, forms theirs), and named entities (mail addresses, telephones, IBANs, amounts, \
         days, people, organisations), each with how sure it is and where it stands. What was read is kept with the document.",
    )
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Document>(input.id.uuid(), Action::Change).await?;
        let mut parsed = text_of(cx, &stored).await?;
        let mut warnings = Vec::new();
        if input.extraction_config.include_ocr && parsed.text.is_empty() {
            let bytes = file_of(cx, &stored).await?;
            let hints = Hints { name: stored.value.name.clone(), media_type: None, recognise: true };
            parsed = cx.service::<Reader>()?.read(cx, bytes, hints).await?;
            warnings.extend(parsed.warnings.iter().cloned());
            warnings.push("places are those of the text that was recognised now, which is not kept".to_owned());
        }
        let kind = input.document_type.unwrap_or(stored.value.kind);
        let wanted: Vec<String> = input.extraction_config.entities.iter().map(|name| plain(name)).collect();
        let is_wanted = |name: &str| wanted.is_empty() || wanted.contains(&plain(name));
        let schema: Vec<_> = schemas::of(kind).into_iter().filter(|(name, _)| is_wanted(name)).collect();
        unknown(kind, &wanted)?;
        let (parsed, named) = aside(move || {
            let named = entities::find(&parsed.text);
            (parsed, named)
        })
        .await?;
        let asked = if schema.is_empty() {
            None
        } else {
            thinking::fields(cx, input.method, input.model, kind, &schema, &parsed.text).await?
        };
        let (method, model) = (
            if asked.is_some() { Method::Model } else { Method::Statistical },
            asked.as_ref().map(|(_, model)| model.clone()),
        );
        let (parsed, named, found) = aside(move || {
            let places = Places::of(&parsed);
            let found = match asked {
                Some((said, _)) => said_fields(&said, &schema, &parsed, &places),
                None => ruled_fields(&fields::read(&parsed, &named, &schema), &parsed, &places),
            };
            (parsed, named, found)
        })
        .await?;
        let places = Places::of(&parsed);
        if schemas::of(kind).is_empty() {
            warnings.push(format!("there are no fields for the type {}: documentType names another", kind.name()));
        }
        let entities: Vec<Named> = named
            .iter()
            .filter(|one| is_wanted(json!(one.kind).as_str().unwrap_or_default()))
            .take(MOST_TOLD)
            .map(|one| {
                let (page, offset, length) = place(&places, one.start, one.end);
                let text = parsed.text.get(one.start..one.end).unwrap_or_default().to_owned();
                Named {
                    kind: one.kind,
                    value: one.value.clone(),
                    text,
                    confidence: one.confidence,
                    page,
                    offset,
                    length,
                }
            })
            .collect();
        #[expect(clippy::cast_precision_loss, reason = "fields are few")]
        let count = found.len().max(1) as f64;
        let output = Output {
            document_id: input.id,
            kind,
            method,
            extracted_data: found.iter().map(|one| (one.name.clone(), one.value.clone())).collect(),
            confidence: found.iter().map(|one| one.confidence).sum::<f64>() / count,
            fields: found,
            entities,
            warnings,
            model,
        };
        let kept = json!({
            "type": kind, "method": method, "confidence": output.confidence, "data": output.extracted_data, "at": cx.now(),
        });
        let document = Document { extracted: Some(kept), ..stored.value.clone() };
        cx.change(&stored, &document)?;
        let about = json!({ "documentId": stored.id, "type": kind, "method": method, "fields": output.fields.len() });
        cx.emit(EXTRACTED, stored.id, &about)?;
        Ok(output)
    }
}

/// A name without case and strokes: `invoice_number` and `invoiceNumber` are one.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Refuses names that are no field of the type and no kind of entity.
fn unknown(kind: Type, wanted: &[String]) -> Result<(), Fault> {
    let mut known: Vec<String> = schemas::of(kind).into_iter().map(|(name, _)| name).collect();
    let kinds = ["email", "url", "iban", "vat_id", "phone", "amount", "percentage", "date", "organisation", "person"];
    known.extend(kinds.map(str::to_owned));
    match wanted.iter().position(|name| !known.iter().any(|one| plain(one) == *name)) {
        None => Ok(()),
        Some(at) => Err(Fault::bad_input(
            format!("/extractionConfig/entities/{at}"),
            format!("must be one of what there is for the type {}: {}", kind.name(), known.join(", ")),
        )),
    }
}

fn place(places: &Places<'_>, start: usize, end: usize) -> (u32, u64, u64) {
    let offset = places.character(start);
    (places.page(start), offset as u64, (places.character(end) - offset) as u64)
}

fn ruled_fields(read: &[fields::Read], parsed: &Parsed, places: &Places<'_>) -> Vec<Found> {
    let found = |one: &fields::Read| {
        let (page, offset, length) = place(places, one.start, one.end);
        let text = parsed.text.get(one.start..one.end).unwrap_or_default().to_owned();
        Found {
            name: one.name.clone(),
            value: one.value.clone(),
            text,
            confidence: one.confidence,
            verified: true,
            page,
            offset,
            length,
        }
    };
    read.iter().map(found).collect()
}

/// What a model said, held against the text: words that do not stand there are not verified, and worth little.
fn said_fields(
    said: &Map<String, Value>,
    schema: &[(String, schemas::Field)],
    parsed: &Parsed,
    places: &Places<'_>,
) -> Vec<Found> {
    let mut found = Vec::new();
    for (name, field_of) in schema {
        let Some(field) = said.get(name).filter(|field| !field.is_null()) else { continue };
        let value = field.get("value").unwrap_or(field).clone();
        if value.is_null() {
            continue;
        }
        let words =
            field.get("text").and_then(Value::as_str).or_else(|| value.as_str()).unwrap_or_default().trim().to_owned();
        let sure = field.get("confidence").and_then(Value::as_f64).unwrap_or(0.7).clamp(0.0, 1.0);
        let at =
            (!words.is_empty() && said_by(&words, field_of.kind, &value)).then(|| parsed.text.find(&words)).flatten();
        found.push(match at {
            Some(start) => {
                let (page, offset, length) = place(places, start, start + words.len());
                Found { name: name.clone(), value, text: words, confidence: sure, verified: true, page, offset, length }
            }
            None => Found {
                name: name.clone(),
                value,
                text: words,
                confidence: sure.min(0.3),
                verified: false,
                page: 0,
                offset: 0,
                length: 0,
            },
        });
    }
    found
}
