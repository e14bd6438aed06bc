//! Documents: reading what people write in their many formats. What comes out is one text with the places of its parts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What a file is, told from its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// PDF.
    Pdf,
    /// A text of Word.
    Docx,
    /// A workbook of Excel.
    Xlsx,
    /// A presentation of PowerPoint.
    Pptx,
    /// An OpenDocument text.
    Odt,
    /// HTML.
    Html,
    /// Markdown.
    Markdown,
    /// Plain text.
    Text,
    /// Comma-separated values.
    Csv,
    /// A mail.
    Email,
    /// A picture.
    Image,
}

impl Format {
    /// Its usual media type; of a picture the most usual one.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Self::Odt => "application/vnd.oasis.opendocument.text",
            Self::Html => "text/html",
            Self::Markdown => "text/markdown",
            Self::Text => "text/plain",
            Self::Csv => "text/csv",
            Self::Email => "message/rfc822",
            Self::Image => "image/png",
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Xlsx => "xlsx",
            Self::Pptx => "pptx",
            Self::Odt => "odt",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Text => "text",
            Self::Csv => "csv",
            Self::Email => "email",
            Self::Image => "image",
        }
    }
}

/// What a part of a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A heading.
    Heading,
    /// A paragraph.
    Paragraph,
    /// An item of a list.
    ListItem,
    /// A table: a row a line, cells between ` | `.
    Table,
    /// Code, or anything whose line breaks matter.
    Code,
    /// What is said of a picture, or read in it.
    Image,
}

/// A part of a document's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Of a heading its level from 1; else 0.
    pub level: u8,
    /// Where it begins in the text, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Its page, slide or sheet from 1; 0 where the format has none.
    pub page: u32,
}

/// What was read of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parsed {
    /// What it is.
    pub format: Format,
    /// Its media type.
    pub media_type: String,
    /// Its text: the blocks in reading order, an empty line between two.
    pub text: String,
    /// Its parts, in order.
    pub blocks: Vec<Block>,
    /// How many pages, slides or sheets it has; 0 where the format has none.
    pub pages: u32,
    /// What it says of itself: title, author, sender and the like.
    pub metadata: BTreeMap<String, String>,
    /// What could not be read of it, in sentences.
    pub warnings: Vec<String>,
    /// Pages whose text was recognised in pictures.
    pub recognised: Vec<u32>,
}

/// Where a document's bytes are.
#[derive(Debug, Clone)]
pub enum Source {
    /// Here.
    Bytes(Bytes),
    /// In a file, which is there until it was read.
    File(PathBuf),
}

impl From<Bytes> for Source {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&'static [u8]> for Source {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Bytes(Bytes::from_static(bytes))
    }
}

/// What whoever brings a document says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// Its name. It decides between formats that are all plain text, and nothing else.
    pub name: String,
    /// Its media type, likewise.
    pub media_type: Option<String>,
    /// Whether text is to be recognised in pictures where there is none otherwise.
    pub recognise: bool,
}

/// How much a document may cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How long reading it may take, from when its turn comes.
    pub time: Duration,
    /// How long whoever asks waits for it, its turn included. Afterwards nobody takes the answer.
    pub patience: Duration,
    /// How much memory it may take, in bytes.
    pub memory: u64,
    /// How much may come out when it is unpacked, in bytes.
    pub unpacked: u64,
    /// How much text it may have, in bytes.
    pub text: usize,
    /// How many pages it may have.
    pub pages: u32,
    /// How many of its pages text is recognised on.
    pub recognised: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            patience: Duration::MAX,
            memory: 768 << 20,
            unpacked: 128 << 20,
            text: 20 << 20,
            pages: 5000,
            recognised: 50,
        }
    }
}

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParseFault {
    /// It has more of something than it may.
    TooLarge(String),
    /// What it is cannot be told, or is nothing that can be read.
    Unknown(String),
    /// It is broken.
    Unreadable(String),
    /// It is encrypted.
    Encrypted,
    /// Reading it took too long and was stopped.
    TimedOut(Duration),
    /// The machine cannot read documents: why.
    Unavailable(String),
}

impl ParseFault {
    /// A document that is broken.
    pub fn unreadable(why: impl Into<String>) -> Self {
        Self::Unreadable(why.into())
    }
}

/// Reads documents.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Reads one. Whatever the bytes are, this ends within the limits.
    async fn parse(&self, source: Source, hints: Hints, limits: Limits) -> Result<Parsed, ParseFault>;
}
