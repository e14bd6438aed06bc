//! What is read out of documents of a type: the fields of `data/schemas.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::domain::documents::model::Type;

/// What a field's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Words to the end of the line.
    Text,
    /// A number or code.
    Number,
    /// A day.
    Date,
    /// An amount of money.
    Amount,
    /// The currency of the amounts.
    Currency,
    /// A number of an account.
    Iban,
    /// Somebody.
    Party,
    /// All who agree.
    Parties,
    /// A length of time.
    Term,
    /// The lines of an invoice.
    Lines,
    /// The line below.
    Below,
    /// The first line.
    First,
    /// A mailbox.
    Email,
    /// A telephone.
    Phone,
    /// What stands below a heading.
    Section,
    /// Every label with its value.
    Entries,
}

/// A field.
#[derive(Debug, Clone, Deserialize)]
pub struct Field {
    /// What it is.
    pub about: String,
    /// What its value must be.
    pub kind: FieldKind,
    /// The words before its value.
    pub labels: Vec<String>,
}

// Compiled in; that it can be read is tested.
static SCHEMAS: LazyLock<toml::Table> =
    LazyLock::new(|| include_str!("../data/schemas.toml").parse().unwrap_or_default());

/// The fields of a type, by name, in the order of the file; none for types without a schema.
#[must_use]
pub fn of(kind: Type) -> Vec<(String, Field)> {
    let fields = SCHEMAS.get(kind.name()).and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let read = |(name, field): (String, toml::Value)| Some((name, field.try_into().ok()?));
    fields.into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_can_be_read() {
        let written = SCHEMAS.values().filter_map(toml::Value::as_table).map(toml::Table::len).sum::<usize>();
        let read: usize = Type::ALL.into_iter().map(|kind| of(kind).len()).sum();
        assert_eq!((written, read), (30, 30));
        for kind in [Type::Invoice, Type::Contract, Type::Form, Type::Letter, Type::Cv] {
            assert!(!of(kind).is_empty());
        }
    }
}
