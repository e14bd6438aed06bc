//! What is kept of a document: the record of it, its text, its passages.

pub mod chunk;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::kernel::id::UserId;
use crate::kernel::seal::sha256_hex;
use crate::port::documents::Format;
use crate::port::records::{Across, Document as Kept, Field, FieldType, Kind, Unique, Visibility};

/// The kind of documents.
pub(super) static DOCUMENT: Kind = Kind {
    fields: &[
        Field { name: "digest", of: FieldType::Text },
        Field { name: "textDigest", of: FieldType::Text },
        Field { name: "claim", of: FieldType::Text },
        Field { name: "type", of: FieldType::Text },
    ],
    unique: &[Unique { name: "content", fields: &["claim"], across: Across::Tenant }],
    private: &["metadata", "extracted"],
    ..Kind::new("document")
};

/// What stands before a file in its blob. All of a tenant's blobs lie together under the digests of their content: so none of a document
/// is one that something else names, and none of a file is one of a text.
pub(super) const FILE: &[u8] = b"convoke document file\n";
/// What stands before what was read of it.
pub(super) const TEXT: &[u8] = b"convoke document text\n";

/// What a document is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// A bill for what was delivered.
    Invoice,
    /// An agreement between parties.
    Contract,
    /// Something to be filled in.
    Form,
    /// A letter.
    Letter,
    /// A curriculum vitae.
    Cv,
    /// A report.
    Report,
    /// A mail.
    Email,
    /// Rows of figures.
    Spreadsheet,
    /// Slides.
    Presentation,
    /// Anything else.
    Other,
}

impl Type {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::Invoice,
        Self::Contract,
        Self::Form,
        Self::Letter,
        Self::Cv,
        Self::Report,
        Self::Email,
        Self::Spreadsheet,
        Self::Presentation,
        Self::Other,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::Contract => "contract",
            Self::Form => "form",
            Self::Letter => "letter",
            Self::Cv => "cv",
            Self::Report => "report",
            Self::Email => "email",
            Self::Spreadsheet => "spreadsheet",
            Self::Presentation => "presentation",
            Self::Other => "other",
        }
    }

    /// The type of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// Its name.
    pub name: String,
    /// The SHA-256 of the file.
    pub digest: String,
    /// The name of the file's blob, which has `FILE` before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The name of the blob of what was read of it, which has `TEXT` before it.
    pub text_digest: String,
    /// Whose file of which content it is: there is one of each.
    pub claim: String,
    /// How large the file is.
    pub size_bytes: u64,
    /// What the file is.
    pub format: Format,
    /// Its media type.
    pub media_type: String,
    /// What it is for people.
    #[serde(rename = "type")]
    pub kind: Type,
    /// How sure that is.
    pub confidence: f64,
    /// How many pages, slides or sheets it has.
    pub pages: u32,
    /// How many characters its text has.
    pub characters: u64,
    /// How many passages its text was cut into.
    pub chunks: u32,
    /// What it is found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What it says of itself.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What could not be read of it.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Pages whose text was recognised in pictures; 0 for a picture.
    #[serde(default)]
    pub recognised: Vec<u32>,
    /// Who uploaded it.
    pub uploaded_by: UserId,
    /// What was last read out of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extracted: Option<Value>,
}

/// The claim of an owner on a content, as far as it is shared.
pub(super) fn claim(owner: UserId, visibility: Visibility, digest: &str) -> String {
    sha256_hex(format!("{owner}\n{visibility:?}\n{digest}").as_bytes())
}

impl Kept for Document {
    const KIND: &'static Kind = &DOCUMENT;
}

impl Owned for Document {
    const RESOURCE: Resource = Resource::Documents;
    const NOUN: &'static str = "document";
}
