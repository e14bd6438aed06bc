//! What a capability answers: a value, a stream of values, or bytes.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures::Stream;
use serde_json::Value;

use crate::kernel::fault::Fault;

/// A stream of values.
pub type Items = Pin<Box<dyn Stream<Item = Result<Value, Fault>> + Send>>;
/// A stream of bytes.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Fault>> + Send>>;

/// The answer of a capability.
pub enum Outcome {
    /// One value.
    Value(Value),
    /// Values as they come.
    Stream(Items),
    /// A file.
    Bytes(Download),
}

/// A file as an answer.
pub struct Download {
    /// Its media type.
    pub media_type: String,
    /// The name to save it under.
    pub name: String,
    /// Its size, where it is known.
    pub size_bytes: Option<u64>,
    /// Its content.
    pub chunks: Chunks,
}

/// The form of a capability's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One value.
    Value,
    /// Values as they come.
    Stream,
    /// A file.
    Bytes,
    /// One value that is a `Content`: blocks for a model to read.
    Content,
}

impl Outcome {
    /// The value that it is, for who calls tools that answer with one.
    ///
    /// # Errors
    /// When it is a stream or a file.
    pub fn value(self) -> Result<Value, Fault> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Stream(_) | Self::Bytes(_) => Err(Fault::internal("the tool does not answer with one value")),
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(formatter, "Value({value})"),
            Self::Stream(_) => formatter.write_str("Stream"),
            Self::Bytes(download) => write!(formatter, "Bytes({})", download.name),
        }
    }
}
