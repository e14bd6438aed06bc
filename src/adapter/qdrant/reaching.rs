//! How a request to the server ended when not well.

use qdrant_client::QdrantError;

use crate::port::vectors::VectorFault;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ended {
    /// The server does not answer, or not in time.
    Silent(String),
    /// What was asked for is not there.
    NotThere(String),
    /// It refuses who asks, or has no room or time: the operator can mend it.
    Barred(String),
    /// It refuses what was asked.
    Refused(String),
}

impl Ended {
    pub(super) fn fault(self) -> VectorFault {
        match self {
            Self::Silent(why) | Self::Barred(why) => VectorFault::Unavailable(why),
            Self::NotThere(why) | Self::Refused(why) => VectorFault::Broken(why),
        }
    }
}

/// Codes of gRPC, by their numbers: the crate that names them is none of ours.
mod code {
    pub(super) const CANCELLED: i32 = 1;
    pub(super) const UNKNOWN: i32 = 2;
    pub(super) const DEADLINE_EXCEEDED: i32 = 4;
    pub(super) const NOT_FOUND: i32 = 5;
    pub(super) const PERMISSION_DENIED: i32 = 7;
    pub(super) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(super) const UNAVAILABLE: i32 = 14;
    pub(super) const UNAUTHENTICATED: i32 = 16;
}

/// What an error means. Its metadata, which may hold a key, is left out.
pub(super) fn ended(error: &QdrantError) -> Ended {
    match error {
        QdrantError::ResponseError { status } | QdrantError::ResourceExhaustedError { status, .. } => {
            let say = format!("Qdrant: {} ({:?})", status.message(), status.code());
            match i32::from(status.code()) {
                code::NOT_FOUND => Ended::NotThere(say),
                code::PERMISSION_DENIED | code::UNAUTHENTICATED | code::RESOURCE_EXHAUSTED => Ended::Barred(say),
                code::CANCELLED | code::UNKNOWN | code::DEADLINE_EXCEEDED | code::UNAVAILABLE => Ended::Silent(say),
                // So its client says that it could not connect.
                _ if status.message().starts_with("Failed to connect") => Ended::Silent(say),
                _ => Ended::Refused(say),
            }
        }
        QdrantError::Io(error) => Ended::Silent(format!("Qdrant: {error}")),
        QdrantError::InvalidUri(error) => Ended::Refused(format!("its address cannot be read: {error}")),
        _ => Ended::Refused("Qdrant answered what cannot be read".to_owned()),
    }
}
