//! Values between documents, columns and the store's own types.

use rusqlite::types::Value as Sql;
use serde_json::Value;
use uuid::Uuid;

use super::fault::misuse;
pub(super) use crate::adapter::forms::{lifted, parsed, visibility, visibility_of, written};
use crate::kernel::time::Timestamp;
use crate::port::records::{Field, FieldType, Scalar};
use crate::port::store::StoreFault;

/// The bytes of a UUID as a column holds them.
pub(super) fn id(uuid: Uuid) -> Sql {
    Sql::Blob(uuid.as_bytes().to_vec())
}

/// A UUID or null.
pub(super) fn optional_id(uuid: Option<Uuid>) -> Sql {
    uuid.map_or(Sql::Null, id)
}

/// The column's value of a declared field of a document.
pub(super) fn of_field(table: &str, field: &Field, document: &Value) -> Result<Sql, StoreFault> {
    let wrong = || misuse(format!("field '{}' of {table} does not hold {:?}", field.name, field.of));
    match (field.of, document.get(field.name)) {
        (_, None | Some(Value::Null)) => Ok(Sql::Null),
        (FieldType::Text, Some(Value::String(text))) => Ok(Sql::Text(text.clone())),
        (FieldType::Integer, Some(Value::Number(number))) => number.as_i64().map(Sql::Integer).ok_or_else(wrong),
        (FieldType::Boolean, Some(Value::Bool(yes))) => Ok(Sql::Integer(i64::from(*yes))),
        (FieldType::Time, Some(Value::String(text))) => {
            text.parse::<Timestamp>().map(|moment| Sql::Integer(moment.as_millis())).map_err(|_| wrong())
        }
        (FieldType::Id, Some(Value::String(text))) => Uuid::parse_str(text).map(id).map_err(|_| wrong()),
        (FieldType::Text | FieldType::Integer | FieldType::Boolean | FieldType::Time | FieldType::Id, Some(_)) => {
            Err(wrong())
        }
    }
}

/// The text of a full-text field: a string, or the strings of a list.
pub(super) fn text_of(document: &Value, field: &str) -> Sql {
    match document.get(field) {
        Some(Value::String(text)) => Sql::Text(text.clone()),
        Some(Value::Array(list)) => Sql::Text(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")),
        _ => Sql::Null,
    }
}

/// The value to compare a column with; `None` for null. A scalar of another type than the field's is a fault.
pub(super) fn of_scalar(field: &str, of: FieldType, scalar: &Scalar) -> Result<Option<Sql>, StoreFault> {
    match (of, scalar) {
        (_, Scalar::Null) => Ok(None),
        (FieldType::Text, Scalar::Text(text)) => Ok(Some(Sql::Text(text.clone()))),
        (FieldType::Integer, Scalar::Integer(number)) => Ok(Some(Sql::Integer(*number))),
        (FieldType::Boolean, Scalar::Boolean(yes)) => Ok(Some(Sql::Integer(i64::from(*yes)))),
        (FieldType::Time, Scalar::Time(moment)) => Ok(Some(Sql::Integer(moment.as_millis()))),
        (FieldType::Id, Scalar::Id(uuid)) => Ok(Some(id(*uuid))),
        (FieldType::Text | FieldType::Integer | FieldType::Boolean | FieldType::Time | FieldType::Id, other) => {
            Err(misuse(format!("field '{field}' holds {of:?} and was compared with {other:?}")))
        }
    }
}
