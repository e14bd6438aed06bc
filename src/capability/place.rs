//! Places in lists, as page tokens keep them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::owned::Stored;
use crate::kernel::fault::Fault;
use crate::kernel::seal::sha256_hex;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, FieldType, Kind, Scalar};

/// The value that a list is sorted by, as a page token keeps it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum SealedKey {
    Null,
    Boolean(bool),
    Integer(i64),
    Time { time: Timestamp },
    Id { id: Uuid },
    Text(String),
}

impl From<SealedKey> for Scalar {
    fn from(key: SealedKey) -> Self {
        match key {
            SealedKey::Null => Self::Null,
            SealedKey::Boolean(yes) => Self::Boolean(yes),
            SealedKey::Integer(number) => Self::Integer(number),
            SealedKey::Time { time } => Self::Time(time),
            SealedKey::Id { id } => Self::Id(id),
            SealedKey::Text(text) => Self::Text(text),
        }
    }
}

/// The value that a list is sorted by, of one of its documents.
pub(super) fn key_of<T: Document>(kind: &Kind, stored: &Stored<T>, order: &str) -> Result<Value, Fault> {
    let key = match order {
        "id" => SealedKey::Id { id: stored.id },
        "createdAt" => SealedKey::Time { time: stored.created_at },
        "updatedAt" => SealedKey::Time { time: stored.updated_at },
        name => {
            let body = serde_json::to_value(&stored.value).map_err(Fault::internal)?;
            let of = kind.fields.iter().find(|field| field.name == name).map_or(FieldType::Text, |field| field.of);
            match (of, body.get(name)) {
                (FieldType::Time, Some(Value::String(text))) => {
                    SealedKey::Time { time: text.parse().map_err(Fault::internal)? }
                }
                (FieldType::Id, Some(Value::String(text))) => {
                    SealedKey::Id { id: text.parse().map_err(Fault::internal)? }
                }
                (_, Some(Value::String(text))) => SealedKey::Text(text.clone()),
                (_, Some(Value::Bool(yes))) => SealedKey::Boolean(*yes),
                (_, Some(Value::Number(number))) => number.as_i64().map_or(SealedKey::Null, SealedKey::Integer),
                _ => SealedKey::Null,
            }
        }
    };
    serde_json::to_value(key).map_err(Fault::internal)
}

/// The short name of a list.
pub(super) fn digest(list: &str) -> String {
    sha256_hex(list.as_bytes())[..16].to_owned()
}
