//! The documents of the domain.

pub(super) mod definition;
pub(super) mod execution;
pub(super) mod flow;
pub(super) mod turn;
pub(super) mod version;

use uuid::Uuid;

use crate::kernel::seal::sha256;

/// An id that is made of a text, the same in every tenant.
pub(super) fn id_of(text: &str) -> Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(&sha256(text.as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}

/// A word that stands for something that is found by it wholly, such as a tag.
pub(super) fn mark(kind: char, text: &str) -> String {
    let digest = sha256(format!("{kind}\n{text}").as_bytes());
    digest[..10].iter().fold(kind.to_string(), |word, byte| format!("{word}{byte:02x}"))
}
