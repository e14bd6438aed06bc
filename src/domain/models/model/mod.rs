//! The domain's documents and what its log holds.

pub(crate) mod budget;
pub(crate) mod call;
pub(crate) mod provider;
pub(crate) mod route;

use uuid::Uuid;

use crate::kernel::seal::sha256;

/// The id of the document that these parts name: always the same.
pub(crate) fn id_of(parts: &[&[u8]]) -> Uuid {
    let mut whole = Vec::new();
    for part in parts {
        whole.extend_from_slice(&(part.len() as u64).to_be_bytes());
        whole.extend_from_slice(part);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&sha256(&whole)[..16]);
    uuid::Builder::from_custom_bytes(first).into_uuid()
}
