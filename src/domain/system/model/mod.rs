//! The documents of the domain: registered services, and the gateway's routes, the instances of the installation.

pub(super) mod fleet;
pub(super) mod instance;
pub(super) mod route;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The id of a document that is named by what it is: two writers of the same meet in one document.
fn id_of(parts: &[&[u8]]) -> Uuid {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&digest.finalize()[..16]);
    uuid::Builder::from_custom_bytes(first).into_uuid()
}
