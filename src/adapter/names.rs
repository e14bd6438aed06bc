//! What a declaration may be called: names become parts of statements, so every one is checked before any is written.

use super::forms::misuse;
use crate::port::logs::Log;
use crate::port::records::{Field, Kind};
use crate::port::store::StoreFault;

/// Checks every name of a kind.
pub(in crate::adapter) fn check_kind(kind: &Kind) -> Result<(), StoreFault> {
    check_name(kind.name)?;
    check_fields(kind.name, kind.fields, &["id", "owner", "workspace", "visibility", "createdAt", "updatedAt"])?;
    check_text(kind.name, kind.text)?;
    for rule in kind.unique {
        check_name(rule.name)?;
        if let Some(unknown) = rule.fields.iter().find(|name| !kind.fields.iter().any(|field| field.name == **name)) {
            return Err(misuse(format!("rule '{}' of kind '{}' names no field '{unknown}'", rule.name, kind.name)));
        }
    }
    Ok(())
}

/// Checks every name of a log.
pub(in crate::adapter) fn check_log(log: &Log) -> Result<(), StoreFault> {
    check_name(log.name)?;
    check_fields(log.name, log.fields, &["stream", "at", "position"])?;
    check_text(log.name, log.text)
}

fn check_name(name: &str) -> Result<(), StoreFault> {
    let snake = name
        .split('_')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    if snake && name.starts_with(|first: char| first.is_ascii_lowercase()) {
        Ok(())
    } else {
        Err(misuse(format!("'{name}' is not a name in snake_case")))
    }
}

fn check_fields(of: &str, fields: &[Field], taken: &[&str]) -> Result<(), StoreFault> {
    for (at, field) in fields.iter().enumerate() {
        check_property(of, field.name)?;
        let twice = fields[..at].iter().any(|other| other.name.eq_ignore_ascii_case(field.name));
        if twice || taken.contains(&field.name) {
            return Err(misuse(format!(
                "field '{}' of '{of}' is declared twice or belongs to the envelope",
                field.name
            )));
        }
    }
    Ok(())
}

fn check_text(of: &str, text: &[&str]) -> Result<(), StoreFault> {
    text.iter().try_for_each(|name| check_property(of, name))
}

fn check_property(of: &str, name: &str) -> Result<(), StoreFault> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain && name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        Ok(())
    } else {
        Err(misuse(format!("'{name}' of '{of}' is not the name of a property")))
    }
}
