//! What a table was made from, as a database keeps it, and what a change of it is in words.

use serde::{Deserialize, Serialize};

use crate::port::records::{Across, Field, FieldType, Unique};

/// What a table was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::adapter) struct Shape {
    /// The version of the form, or how the table is laid out.
    pub(in crate::adapter) version: u32,
    /// The declared fields.
    pub(in crate::adapter) fields: Vec<FieldShape>,
    /// The rules of uniqueness.
    pub(in crate::adapter) unique: Vec<UniqueShape>,
    /// The full-text fields.
    pub(in crate::adapter) text: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::adapter) struct FieldShape {
    /// Its name.
    pub(in crate::adapter) name: String,
    /// What it holds.
    pub(in crate::adapter) of: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::adapter) struct UniqueShape {
    /// Its name.
    pub(in crate::adapter) name: String,
    /// The fields.
    pub(in crate::adapter) fields: Vec<String>,
    /// Whether it reaches over all tenants.
    pub(in crate::adapter) platform: bool,
}

impl Shape {
    /// What a declaration would be made into.
    pub(in crate::adapter) fn of(version: u32, fields: &[Field], unique: &[Unique], text: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            version,
            fields: fields
                .iter()
                .map(|field| FieldShape { name: field.name.to_owned(), of: type_name(field.of).to_owned() })
                .collect(),
            unique: unique
                .iter()
                .map(|rule| UniqueShape {
                    name: rule.name.to_owned(),
                    fields: owned(rule.fields),
                    platform: rule.across == Across::Platform,
                })
                .collect(),
            text: owned(text),
        }
    }
}

/// What changes of a table, in words.
pub(in crate::adapter) fn described(what: &str, before: Option<&Shape>, after: &Shape) -> String {
    let Some(before) = before else { return format!("{what}: the table is made") };
    let mut told = Vec::new();
    if before.version != after.version {
        told.push(format!("form {} becomes {}", before.version, after.version));
    }
    differences(&mut told, "field", &before.fields, &after.fields, |field| &field.name);
    differences(&mut told, "unique rule", &before.unique, &after.unique, |rule| &rule.name);
    if before.text != after.text {
        told.push("the full text is made anew".to_owned());
    }
    if told.is_empty() {
        told.push("the order of its fields".to_owned());
    }
    format!("{what}: {}", told.join(", "))
}

fn differences<T: PartialEq>(
    told: &mut Vec<String>,
    what: &str,
    before: &[T],
    after: &[T],
    name: impl Fn(&T) -> &String,
) {
    for one in before.iter().filter(|one| !after.contains(one)) {
        let is_kept = after.iter().any(|other| name(other) == name(one));
        told.push(format!("{what} '{}' {}", name(one), if is_kept { "changes" } else { "goes" }));
    }
    for one in after.iter().filter(|one| !before.iter().any(|other| name(other) == name(one))) {
        told.push(format!("{what} '{}' comes", name(one)));
    }
}

fn type_name(of: FieldType) -> &'static str {
    match of {
        FieldType::Text => "text",
        FieldType::Integer => "integer",
        FieldType::Boolean => "boolean",
        FieldType::Time => "time",
        FieldType::Id => "id",
    }
}
