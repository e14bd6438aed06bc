//! The documents of the domain, one kind a file. Every kind can change what callers may do, so each has `authority`.

pub mod api_key;
pub mod assignment;
pub mod membership;
pub mod role;
pub mod tenant;
pub mod user;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The id of a document that is named by what it connects: two writers of the same connection meet in one document.
fn id_of_connection(parts: &[&[u8]]) -> Uuid {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(first).into_uuid()
}
