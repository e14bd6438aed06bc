//! `document_upload`: a document is read, cut into passages and kept.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx, store_fault};
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::engine::chunking::{Sizes, cut};
use crate::domain::documents::engine::classifying::classify;
use crate::domain::documents::engine::places::Places;
use crate::domain::documents::faults::{TOO_LARGE, TOO_MANY};
use crate::domain::documents::model::chunk::{Chunk, DOCUMENT_CHUNK};
use crate::domain::documents::model::{Document, FILE, TEXT, Type, claim};
use crate::domain::documents::reading::{Keeping, Reader, aside};
use crate::domain::documents::topics::UPLOADED;
use crate::domain::memory::retrieval::changed;
use crate::kernel::fault::Fault;
use crate::kernel::id::{DocumentId, TenantId};
use crate::kernel::seal::sha256_hex;
use crate::port::arriving::Arrived;
use crate::port::blobs::{BlobInfo, Blobs};
use crate::port::documents::{Format, Hints, Parsed, Source};
use crate::port::records::{Filter, Query, Scalar, Visibility};
use crate::port::store::StoreFault;

/// Documents of a tenant.
const MOST: u32 = 200_000;
/// Passages of a document: each is a record of the one commit that keeps it.
const MOST_PASSAGES: usize = 20_000;
/// The counter of them.
pub(in crate::domain::documents) const COUNTER: &str = "documents";

/// Keeps a document.
pub(in crate::domain::documents) struct DocumentUpload;

/// The document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Input {
    /// The file in base64. Give this or `text`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 400_000_000))]
    document: Option<String>,
    /// The document where it is plain text, Markdown, HTML or CSV.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200_000_000))]
    text: Option<String>,
    /// What it is called, such as `report.pdf`. What the file is is told from its content; the name decides between kinds of plain
    /// text only.
    #[schemars(length(min = 1, max = 300))]
    name: String,
    /// Its media type, where the name does not say which kind of plain text it is.
    #[serde(default)]
    #[schemars(length(max = 200))]
    media_type: Option<String>,
    /// What it is, where that is known; else it is told by its words.
    #[serde(default)]
    document_type: Option<Type>,
    /// What it is found by.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64)))]
    tags: Vec<String>,
    /// Who else sees it; `private` when not said.
    #[serde(default)]
    visibility: Seen,
    /// Whether text is recognised in scans and pictures; true when not said. That takes some seconds a page, and needs tesseract on
    /// the server: `warnings` says where it is not there.
    #[serde(default = "yes")]
    include_ocr: bool,
}

/// Who sees a document besides its owner and those who manage documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    /// Nobody.
    #[default]
    Private,
    /// Everybody of the tenant who may read documents.
    Tenant,
}

impl Seen {
    pub(super) fn of(visibility: Visibility) -> Self {
        if visibility == Visibility::Tenant { Self::Tenant } else { Self::Private }
    }
}

fn yes() -> bool {
    true
}

/// What was kept.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Output {
    /// The document.
    document_id: DocumentId,
    /// Its name.
    name: String,
    /// Whether the very same file had been uploaded by the caller before, in the same visibility: then that document is told, and
    /// nothing new was kept.
    duplicate: bool,
    /// What it is for people.
    #[serde(rename = "type")]
    kind: Type,
    /// How sure that is, from 0 to 1; 1 where it was said.
    confidence: f64,
    /// What the file is, told from its content.
    format: Format,
    /// Its media type.
    media_type: String,
    /// How large the file is.
    size_bytes: u64,
    /// The SHA-256 of the file.
    digest: String,
    /// How many pages, slides or sheets it has; 0 where the format has none.
    pages: u32,
    /// How many characters its text has.
    characters: u64,
    /// How many passages its text was cut into.
    chunks: u32,
    /// What could not be read of it.
    warnings: Vec<String>,
}

impl Capability for DocumentUpload {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "document_upload",
        Domain::Documents,
        Route::post("/documents/upload"),
        Permit::on(Resource::Documents, Action::Create),
        "Uploads a document and reads it: PDF, DOCX, XLSX, PPTX, ODT, HTML, Markdown, text, CSV, a mail or a picture, in base64 or as \
         text. It is kept with its text, cut into passages that document_search finds, and told apart (invoice, contract, letter …). \
         The same file again answers the document that is there. To read fields out of it use document_extract.",
    )
    .takes_file("document");

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let given = given(cx, &input)?;
        let digest = given.digest();
        let visibility = match input.visibility {
            Seen::Private => Visibility::Private,
            Seen::Tenant => Visibility::Tenant,
        };
        let claim = claim(cx.caller().user, visibility, &digest);
        if let Some(known) = known(cx, &claim).await? {
            return Ok(told(&known, true));
        }
        let media_type = input.media_type.clone().or_else(|| given.media_type());
        let hints = Hints { name: input.name.clone(), media_type, recognise: input.include_ocr };
        let size_bytes = given.size_bytes();
        let reader = cx.service::<Reader>()?;
        let parsed = reader.read(cx, given.source(), hints).await?;
        let said = input.document_type;
        let (parsed, (kind, confidence), passages, text) = aside(move || {
            let told = said.map_or_else(
                || {
                    let best = classify(&parsed.text, Some(parsed.format)).swap_remove(0);
                    (best.kind, best.confidence)
                },
                |kind| (kind, 1.0),
            );
            let passages = cut(&parsed, Sizes::default());
            let mut text = TEXT.to_vec();
            serde_json::to_writer(&mut text, &parsed).map_err(Fault::internal)?;
            Ok::<_, Fault>((parsed, told, passages, Bytes::from(text)))
        })
        .await??;
        if passages.len() > MOST_PASSAGES {
            let why = format!("its text is {} passages and may be {MOST_PASSAGES}", passages.len());
            return Err(Fault::new(&TOO_LARGE, format!("the document is too large: {why}")));
        }
        let file = Kept::of(given).await?;
        let document = Document {
            name: input.name,
            digest,
            file: Some(file.digest().to_owned()),
            text_digest: sha256_hex(&text),
            claim,
            size_bytes,
            format: parsed.format,
            media_type: parsed.media_type.clone(),
            kind,
            confidence,
            pages: parsed.pages,
            characters: Places::of(&parsed).characters() as u64,
            chunks: u32::try_from(passages.len()).unwrap_or(u32::MAX),
            tags: input.tags,
            metadata: parsed.metadata.clone(),
            warnings: parsed.warnings.clone(),
            recognised: parsed.recognised.clone(),
            uploaded_by: cx.caller().user,
            extracted: None,
        };
        let alone = reader.alone([&document.digest, &document.text_digest]).await;
        // Somebody may have uploaded it in the meantime.
        if let Some(known) = known(cx, &document.claim).await? {
            return Ok(told(&known, true));
        }
        cx.room_for_one(COUNTER, MOST, "documents", &TOO_MANY).await?;
        let keeping = Keeping::begin(cx, reader, document.clone(), alone);
        let blobs = &cx.platform().blobs;
        file.put(&**blobs, cx.tenant()).await.map_err(store_fault)?;
        blobs.put(cx.tenant(), text).await.map_err(store_fault)?;
        let (id, now) = (cx.new_id(), cx.now());
        let belongs = Belongs { owner: Some(cx.caller().user.uuid()), workspace: None, visibility };
        cx.create(id, belongs, &document)?;
        for (number, passage) in (0..).zip(&passages) {
            let of_passage = cx.new_id();
            cx.derive(of_passage, belongs, &chunk(id, &document.name, number, passage, &parsed))?;
            changed(cx, &DOCUMENT_CHUNK, of_passage)?;
        }
        let about = serde_json::json!({
            "documentId": id, "name": document.name, "type": document.kind, "format": document.format,
        });
        cx.emit(UPLOADED, id, &about)?;
        keeping.until_written(cx, id);
        let Belongs { owner, workspace, visibility } = belongs;
        Ok(told(
            &Stored {
                id,
                revision: 1,
                owner,
                workspace,
                visibility,
                created_at: now,
                updated_at: now,
                value: document,
            },
            false,
        ))
    }
}

/// The file as it was given.
enum Given {
    /// Within the input.
    Here(Bytes),
    /// As a body of its own.
    Arrived(Arc<dyn Arrived>),
}

fn given(cx: &Cx, input: &Input) -> Result<Given, Fault> {
    match (&input.document, &input.text) {
        (Some(_), Some(_)) => Err(Fault::bad_input("/text", "cannot be given beside document")),
        (None, None) => Err(Fault::bad_input("/document", "must be given, or text")),
        (None, Some(text)) => Ok(Given::Here(Bytes::copy_from_slice(text.as_bytes()))),
        (Some(document), None) => match &cx.call().file {
            Some(file) => Ok(Given::Arrived(file.clone())),
            None => decoded(document).map(Given::Here),
        },
    }
}

impl Given {
    fn digest(&self) -> String {
        match self {
            Self::Here(bytes) => sha256_hex(bytes),
            Self::Arrived(file) => file.digest().to_owned(),
        }
    }

    fn size_bytes(&self) -> u64 {
        match self {
            Self::Here(bytes) => bytes.len() as u64,
            Self::Arrived(file) => file.size_bytes(),
        }
    }

    fn media_type(&self) -> Option<String> {
        match self {
            Self::Here(_) => None,
            Self::Arrived(file) => {
                file.media_type().filter(|media| *media != "application/octet-stream").map(str::to_owned)
            }
        }
    }

    fn source(&self) -> Source {
        match self {
            Self::Here(bytes) => bytes.clone().into(),
            Self::Arrived(file) => Source::File(file.path().to_owned()),
        }
    }
}

/// The file below `FILE`, with the name that its blob will have.
enum Kept {
    Here(Bytes, String),
    Arrived(Arc<dyn Arrived>, String),
}

impl Kept {
    async fn of(given: Given) -> Result<Self, Fault> {
        match given {
            Given::Here(bytes) => {
                let below = move || {
                    let whole = Bytes::from([FILE, &bytes].concat());
                    let digest = sha256_hex(&whole);
                    Self::Here(whole, digest)
                };
                aside(below).await
            }
            Given::Arrived(file) => {
                let digest = file.digest_below(FILE).await.map_err(store_fault)?;
                Ok(Self::Arrived(file, digest))
            }
        }
    }

    fn digest(&self) -> &str {
        match self {
            Self::Here(_, digest) | Self::Arrived(_, digest) => digest,
        }
    }

    async fn put(self, blobs: &dyn Blobs, tenant: TenantId) -> Result<BlobInfo, StoreFault> {
        match self {
            Self::Here(bytes, _) => blobs.put(tenant, bytes).await,
            Self::Arrived(file, _) => blobs.put_file(tenant, FILE, file.path()).await,
        }
    }
}

/// A file in base64, with or without line breaks.
pub(super) fn decoded(document: &str) -> Result<Bytes, Fault> {
    let plain: Vec<u8> = document.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes =
        STANDARD.decode(plain).map_err(|error| Fault::bad_input("/document", format!("is no base64: {error}")))?;
    Ok(bytes.into())
}

/// The document that has a claim.
async fn known(cx: &Cx, claim: &str) -> Result<Option<Stored<Document>>, Fault> {
    let query = Query::newest(Filter::is("claim", Scalar::Text(claim.to_owned())), 1);
    Ok(cx.find::<Document>(query).await?.pop())
}

fn chunk(
    document_id: uuid::Uuid,
    name: &str,
    number: u32,
    passage: &crate::domain::documents::engine::chunking::Passage,
    parsed: &Parsed,
) -> Chunk {
    Chunk {
        document_id,
        document_name: name.to_owned(),
        number,
        parent: passage.parent,
        text: parsed.text.get(passage.start..passage.end).unwrap_or_default().to_owned(),
        heading: passage.headings.join(" › "),
        beside: passage.beside.clone(),
        offset: passage.offset as u64,
        length: passage.length as u64,
        page: passage.page,
        last_page: passage.last_page,
    }
}

fn told(stored: &Stored<Document>, duplicate: bool) -> Output {
    let document = &stored.value;
    Output {
        document_id: DocumentId::from_uuid(stored.id),
        name: document.name.clone(),
        duplicate,
        kind: document.kind,
        confidence: document.confidence,
        format: document.format,
        media_type: document.media_type.clone(),
        size_bytes: document.size_bytes,
        digest: document.digest.clone(),
        pages: document.pages,
        characters: document.characters,
        chunks: document.chunks,
        warnings: document.warnings.clone(),
    }
}
