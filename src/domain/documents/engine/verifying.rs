//! Whether words of a document say a value: itself, or what it is in the one form in which values are told.

use serde_json::Value;

use super::entities;
use super::schemas::FieldKind;
use super::values;

/// Whether words say a value of a field; of a list or an object, all of it.
#[must_use]
pub fn said_by(words: &str, kind: FieldKind, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) => false,
        Value::Number(number) => number.as_f64().is_some_and(|number| says_number(words, number)),
        Value::String(text) => says_text(words, kind, text),
        Value::Array(all) => all.iter().all(|one| said_by(words, kind, one)),
        // What entries are called stands in the document; the names of other things are ours.
        Value::Object(all) => all
            .iter()
            .all(|(name, one)| (kind != FieldKind::Entries || holds(words, name)) && said_by(words, kind, one)),
    }
}

fn says_number(words: &str, number: f64) -> bool {
    let is = |other: Option<f64>| other.is_some_and(|other| (other - number).abs() < 0.000_001 * number.abs().max(1.0));
    is(values::number(words))
        || words.split(|letter: char| letter.is_whitespace() || letter == '|').any(|word| is(values::number(word)))
}

fn says_text(words: &str, kind: FieldKind, text: &str) -> bool {
    if holds(words, text) {
        return true;
    }
    match kind {
        FieldKind::Currency => values::currency(words) == Some(text),
        FieldKind::Amount => values::number(text).is_some_and(|number| says_number(words, number)),
        _ => {
            // A number may be written in groups, a day in words.
            let plain = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
            (!text.is_empty() && plain(words) == plain(text))
                || entities::find(words).iter().any(|one| one.value == text)
        }
    }
}

/// Whether the words of a text stand in others, one behind the other.
fn holds(words: &str, text: &str) -> bool {
    let split = |text: &str| -> Vec<String> {
        let lower = text.to_lowercase();
        lower
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (words, text) = (split(words), split(text));
    !text.is_empty() && words.windows(text.len()).any(|some| some == text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_stands_in_its_words_in_one_form_or_another() {
        for (words, kind, value) in [
            ("Invoice date: 15 January 2025", FieldKind::Date, json!("2025-01-15")),
            ("Total: €1,500.00", FieldKind::Amount, json!(1500.0)),
            ("Total: €1,500.00", FieldKind::Amount, json!("1500")),
            ("Total: €1,500.00", FieldKind::Currency, json!("EUR")),
            ("DE89 3704 0044 0532 0130 00", FieldKind::Iban, json!("DE89370400440532013000")),
            ("VAT GB 123 456 789", FieldKind::Text, json!("gb 123 456 789")),
            ("between A Ltd and B Ltd", FieldKind::Parties, json!(["A Ltd", "B Ltd"])),
            (
                "Wire | 40 | 25.00 | 1,000.00",
                FieldKind::Lines,
                json!([{ "description": "Wire", "quantity": 40, "amount": 1000 }]),
            ),
            ("First name: Ada", FieldKind::Entries, json!({ "First name": "Ada" })),
        ] {
            assert!(said_by(words, kind, &value), "{value} in {words}");
        }
        for (words, kind, value) in [
            ("Invoice date: 15 January 2025", FieldKind::Date, json!("2025-01-16")),
            ("Total: €1,500.00", FieldKind::Amount, json!(9999)),
            ("Total: €1,500.00", FieldKind::Currency, json!("USD")),
            ("Invoice INV-12", FieldKind::Number, json!("INV-1")),
            ("between A Ltd and B Ltd", FieldKind::Parties, json!(["A Ltd", "C Ltd"])),
            ("First name: Ada", FieldKind::Entries, json!({ "Last name": "Ada" })),
            ("paid", FieldKind::Text, json!(true)),
            ("x", FieldKind::Text, json!("")),
        ] {
            assert!(!said_by(words, kind, &value), "{value} in {words}");
        }
    }
}
