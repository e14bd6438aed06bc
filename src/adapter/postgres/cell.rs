//! Values as they go to the server: between documents, columns and the store's own types.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use serde_json::Value;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use uuid::Uuid;

use crate::adapter::forms::{misuse, words_of};
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Field, FieldType, Scalar, Word};
use crate::port::store::StoreFault;

/// The most bytes of words that one full text may have: the server bounds its own form of it at a mebibyte.
const MOST_WORDS: usize = 400_000;

/// The most bytes of one word: a longer one is known by its beginning.
const LONGEST_WORD: usize = 200;

/// A value of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Null,
    Text(String),
    Integer(i64),
    Boolean(bool),
    Id(Uuid),
    Texts(Vec<Option<String>>),
    Integers(Vec<Option<i64>>),
    Booleans(Vec<Option<bool>>),
    Ids(Vec<Option<Uuid>>),
}

impl ToSql for Cell {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Text(text) => out.put_slice(text.as_bytes()),
            Self::Integer(number) if *of == Type::INT4 => out.put_i32(i32::try_from(*number)?),
            Self::Integer(number) => out.put_i64(*number),
            Self::Boolean(yes) => out.put_u8(u8::from(*yes)),
            Self::Id(uuid) => out.put_slice(uuid.as_bytes()),
            Self::Texts(list) => return list.to_sql(of, out),
            Self::Integers(list) => return list.to_sql(of, out),
            Self::Booleans(list) => return list.to_sql(of, out),
            Self::Ids(list) => return list.to_sql(of, out),
        }
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        let kinds = [Type::TEXT, Type::INT4, Type::INT8, Type::BOOL, Type::UUID];
        let lists = [Type::TEXT_ARRAY, Type::INT8_ARRAY, Type::BOOL_ARRAY, Type::UUID_ARRAY];
        kinds.contains(of) || lists.contains(of)
    }

    to_sql_checked!();
}

/// A UUID or null.
pub(super) fn optional_id(uuid: Option<Uuid>) -> Cell {
    uuid.map_or(Cell::Null, Cell::Id)
}

/// A text. The server's texts hold every character but one.
pub(super) fn text(what: &str, text: String) -> Result<Cell, StoreFault> {
    if text.contains('\0') {
        return Err(misuse(format!("{what} has the character U+0000, which no text may hold")));
    }
    Ok(Cell::Text(text))
}

/// The column's value of a declared field of a document.
pub(super) fn of_field(table: &str, field: &Field, document: &Value) -> Result<Cell, StoreFault> {
    let wrong = || misuse(format!("field '{}' of {table} does not hold {:?}", field.name, field.of));
    match (field.of, document.get(field.name)) {
        (_, None | Some(Value::Null)) => Ok(Cell::Null),
        (FieldType::Text, Some(Value::String(value))) => text(field.name, value.clone()),
        (FieldType::Integer, Some(Value::Number(number))) => number.as_i64().map(Cell::Integer).ok_or_else(wrong),
        (FieldType::Boolean, Some(Value::Bool(yes))) => Ok(Cell::Boolean(*yes)),
        (FieldType::Time, Some(Value::String(text))) => {
            text.parse::<Timestamp>().map(|moment| Cell::Integer(moment.as_millis())).map_err(|_| wrong())
        }
        (FieldType::Id, Some(Value::String(text))) => Uuid::parse_str(text).map(Cell::Id).map_err(|_| wrong()),
        (FieldType::Text | FieldType::Integer | FieldType::Boolean | FieldType::Time | FieldType::Id, Some(_)) => {
            Err(wrong())
        }
    }
}

/// The value to compare a column with; `None` for null. A scalar of another type than the field's is a fault.
pub(super) fn of_scalar(field: &str, of: FieldType, scalar: &Scalar) -> Result<Option<Cell>, StoreFault> {
    match (of, scalar) {
        (_, Scalar::Null) => Ok(None),
        (FieldType::Text, Scalar::Text(value)) => text(field, value.clone()).map(Some),
        (FieldType::Integer, Scalar::Integer(number)) => Ok(Some(Cell::Integer(*number))),
        (FieldType::Boolean, Scalar::Boolean(yes)) => Ok(Some(Cell::Boolean(*yes))),
        (FieldType::Time, Scalar::Time(moment)) => Ok(Some(Cell::Integer(moment.as_millis()))),
        (FieldType::Id, Scalar::Id(uuid)) => Ok(Some(Cell::Id(*uuid))),
        (FieldType::Text | FieldType::Integer | FieldType::Boolean | FieldType::Time | FieldType::Id, other) => {
            Err(misuse(format!("field '{field}' holds {of:?} and was compared with {other:?}")))
        }
    }
}

/// Many values of one column as one.
pub(super) fn list(of: FieldType, cells: impl IntoIterator<Item = Cell>) -> Result<Cell, StoreFault> {
    let wrong = |cell: Cell| misuse(format!("a column of {of:?} cannot hold {cell:?}"));
    let cells = cells.into_iter();
    Ok(match of {
        FieldType::Text => Cell::Texts(
            cells
                .map(|cell| match cell {
                    Cell::Null => Ok(None),
                    Cell::Text(text) => Ok(Some(text)),
                    other => Err(wrong(other)),
                })
                .collect::<Result<_, _>>()?,
        ),
        FieldType::Integer | FieldType::Time => Cell::Integers(
            cells
                .map(|cell| match cell {
                    Cell::Null => Ok(None),
                    Cell::Integer(number) => Ok(Some(number)),
                    other => Err(wrong(other)),
                })
                .collect::<Result<_, _>>()?,
        ),
        FieldType::Boolean => Cell::Booleans(
            cells
                .map(|cell| match cell {
                    Cell::Null => Ok(None),
                    Cell::Boolean(yes) => Ok(Some(yes)),
                    other => Err(wrong(other)),
                })
                .collect::<Result<_, _>>()?,
        ),
        FieldType::Id => Cell::Ids(
            cells
                .map(|cell| match cell {
                    Cell::Null => Ok(None),
                    Cell::Id(uuid) => Ok(Some(uuid)),
                    other => Err(wrong(other)),
                })
                .collect::<Result<_, _>>()?,
        ),
    })
}

/// A word as it is found: without case and marks, and no longer than one may be.
pub(super) fn folded(word: &str) -> String {
    let plain: String = word.nfd().filter(|each| !is_combining_mark(*each)).collect::<String>().to_lowercase();
    let mut end = plain.len().min(LONGEST_WORD);
    while !plain.is_char_boundary(end) {
        end -= 1;
    }
    plain[..end].to_owned()
}

/// A tenant as one word, which no text has.
pub(super) fn tenant_word(tenant: TenantId) -> String {
    format!("={}", tenant.uuid().simple())
}

/// All words of a document's full-text fields, the tenant's among them, with a blank between two.
pub(super) fn words(fields: &[&str], tenant: TenantId, document: &Value) -> String {
    let mut found = std::collections::BTreeSet::from([tenant_word(tenant)]);
    let mut bytes = 0;
    let texts = fields.iter().flat_map(|field| match document.get(*field) {
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    });
    for word in texts.flat_map(words_of) {
        let word = folded(word);
        if bytes + word.len() > MOST_WORDS {
            break;
        }
        if !word.is_empty() && !found.contains(&word) {
            bytes += word.len();
            found.insert(word);
        }
    }
    found.into_iter().collect::<Vec<_>>().join(" ")
}

/// The search expression for a text: every word of it, the last one also as a beginning. `None` when it has no word.
pub(super) fn expression(tenant: Option<TenantId>, text: &str) -> Option<String> {
    let words: Vec<String> = words_of(text).map(folded).filter(|word| !word.is_empty()).collect();
    let last = words.len().checked_sub(1)?;
    // A word has no quotes in it, so quoting makes it plain text whatever it says.
    let parts = words.iter().enumerate().map(|(at, word)| format!("'{word}'{}", if at == last { ":*" } else { "" }));
    Some(
        tenant
            .map(|tenant| format!("'{}'", tenant_word(tenant)))
            .into_iter()
            .chain(parts)
            .collect::<Vec<_>>()
            .join(" & "),
    )
}

/// The search expression for one word; what comes as one and is several must all be there. `None` when it has none.
pub(super) fn one_word(word: &Word) -> Option<String> {
    let parts: Vec<String> = words_of(&word.text).map(folded).filter(|part| !part.is_empty()).collect();
    let last = parts.len().checked_sub(1)?;
    let beginning = |at: usize| if at == last && word.beginning { ":*" } else { "" };
    let quoted = parts.iter().enumerate().map(|(at, part)| format!("'{part}'{}", beginning(at)));
    Some(quoted.collect::<Vec<_>>().join(" & "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_and_quotes_are_plain_text() {
        assert_eq!(expression(None, "a OR \"b\" ' -d").as_deref(), Some("'a' & 'or' & 'b' & 'd':*"));
        assert_eq!(expression(None, " \"*() "), None);
        assert_eq!(folded("Zoë"), "zoe");
        assert_eq!(folded(&"é".repeat(500)).len(), LONGEST_WORD);
    }
}
