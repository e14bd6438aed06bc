//! Reading fields by rules: a label, and behind it, or in the next cell or line, a value of the field's kind.

use serde_json::{Value, json};

use super::entities::{Entity, EntityKind};
use super::schemas::{Field, FieldKind};
use super::values;
use crate::port::documents::{Block, BlockKind, Parsed};

/// A field that was read, with its place in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The field.
    pub name: String,
    /// Its value in one form: a day as ISO 8601, an amount as a number.
    pub value: Value,
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How sure it is, from 0 to 1.
    pub confidence: f64,
}

/// The most of a text that is looked through, and of what a section holds, in bytes.
const LONGEST: usize = 1 << 20;
const LONGEST_SECTION: usize = 8000;
/// Lines of an invoice, and entries of a form.
const MOST_LINES: usize = 500;
/// So much of a line is looked at behind a label, in bytes, and so many places of one label.
const LONGEST_LINE: usize = 400;
const MOST_PLACES: usize = 200;

/// Reads the fields of a schema.
#[must_use]
pub fn read(parsed: &Parsed, entities: &[Entity], schema: &[(String, Field)]) -> Vec<Read> {
    let text = &parsed.text[..parsed.text.floor_char_boundary(LONGEST)];
    let lower = Lower::of(text);
    let reading = Reading { parsed, text, lower, entities };
    let mut all: Vec<Read> = Vec::new();
    for (name, field) in schema {
        if let Some(mut read) = reading.field(field) {
            read.name.clone_from(name);
            all.push(read);
        }
    }
    all
}

/// A text in lower case of the same length: letters whose small form has another length stay.
struct Lower(String);

impl Lower {
    fn of(text: &str) -> Self {
        let small = |letter: char| {
            let mut small = letter.to_lowercase();
            match (small.next(), small.next()) {
                (Some(one), None) if one.len_utf8() == letter.len_utf8() => one,
                _ => letter,
            }
        };
        Self(text.chars().map(small).collect())
    }

    /// The places of a label as words of their own.
    fn places<'a>(&'a self, label: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.0.match_indices(label).map(|(at, found)| (at, at + found.len())).filter(|(start, end)| {
            let before = self.0[..*start].chars().next_back();
            let behind = self.0[*end..].chars().next();
            !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
        })
    }
}

struct Reading<'a> {
    parsed: &'a Parsed,
    text: &'a str,
    lower: Lower,
    entities: &'a [Entity],
}

impl Reading<'_> {
    fn field(&self, field: &Field) -> Option<Read> {
        match field.kind {
            FieldKind::Lines => self.lines(),
            FieldKind::Parties => self.parties(),
            FieldKind::Entries => self.entries(),
            FieldKind::Section => self.section(field),
            FieldKind::First => self.labelled(field).or_else(|| self.first()),
            FieldKind::Email => self.entity(EntityKind::Email, 0.9),
            FieldKind::Phone => self.entity(EntityKind::Phone, 0.8),
            FieldKind::Iban => self.entity(EntityKind::Iban, 0.98),
            FieldKind::Currency => self.labelled(field).or_else(|| self.currency()),
            FieldKind::Party => self.labelled(field).or_else(|| self.first_organisation(field)),
            _ => self.labelled(field),
        }
    }

    /// The value behind the first label that has one of the field's kind; surer labels stand first in the schema.
    fn labelled(&self, field: &Field) -> Option<Read> {
        for (rank, label) in field.labels.iter().enumerate() {
            for (start, end) in self.lower.places(label).take(MOST_PLACES) {
                // A label that many things are called needs a mark behind it.
                let vague = label.len() < 6 && field.kind != FieldKind::Amount;
                let rest = &self.text[end..];
                let marked = rest.trim_start_matches([' ', '.', '#']).starts_with([':', '|']);
                if vague && !marked && !self.begins_line(start) {
                    continue;
                }
                // "Supplier Inc." is a name and no label.
                let alone = rest.trim_start_matches(' ').starts_with('\n');
                if field.kind == FieldKind::Party && !marked && !alone {
                    continue;
                }
                if let Some(mut read) = self.value(field.kind, end) {
                    // Later labels are wider, and a label without a mark may be a word of a sentence.
                    let first: f64 = if rank < 4 { 0.92 } else { 0.85 };
                    read.confidence = (read.confidence * if marked { first } else { first - 0.1 }).clamp(0.0, 1.0);
                    return Some(read);
                }
            }
        }
        None
    }

    fn begins_line(&self, at: usize) -> bool {
        self.text[..at].chars().next_back().is_none_or(|letter| letter == '\n')
    }

    /// Where the line that a place is in ends, or what is looked at of it.
    fn line_end(&self, at: usize) -> usize {
        let most = self.text.floor_char_boundary(at.saturating_add(LONGEST_LINE));
        self.text[at..most].find('\n').map_or(most, |end| at + end)
    }

    /// The value of a kind that begins at a place: on the same line, or on the next one where nothing else is on this.
    fn value(&self, kind: FieldKind, at: usize) -> Option<Read> {
        let line_end = self.line_end(at);
        let here = trimmed(self.text, at, line_end);
        let (start, end) = if here.0 < here.1 && kind != FieldKind::Below {
            here
        } else {
            let next = self.text[line_end..].find(|letter: char| letter != '\n').map(|skip| line_end + skip)?;
            trimmed(self.text, next, self.line_end(next))
        };
        let entity = |kind: EntityKind| {
            self.entities.iter().find(|one| one.kind == kind && one.start >= start && one.end <= end)
        };
        let of = |one: &Entity, value: Value| Read {
            name: String::new(),
            value,
            start: one.start,
            end: one.end,
            confidence: one.confidence,
        };
        match kind {
            FieldKind::Date => entity(EntityKind::Date).map(|one| of(one, one.value.clone().into())),
            FieldKind::Iban => entity(EntityKind::Iban).map(|one| of(one, one.value.clone().into())),
            FieldKind::Amount => {
                let last = self
                    .entities
                    .iter()
                    .rev()
                    .find(|one| one.kind == EntityKind::Amount && one.start >= start && one.end <= end);
                if let Some(one) = last {
                    let number = one.value.split(' ').next().and_then(|number| number.parse::<f64>().ok())?;
                    return Some(of(one, json!(number)));
                }
                self.bare_number(start, end)
            }
            FieldKind::Currency => {
                let (at, sign, code) = values::currency_at(self.text.get(start..end)?)?;
                Some(self.of_words(start + at, start + at + sign.len(), code.into(), 0.95))
            }
            FieldKind::Number => {
                let words = &self.text[start..end];
                let stop = words.find([' ', '|', ',', ';']).unwrap_or(words.len());
                let code = words[..stop].trim_end_matches(['.', ':']);
                (code.len() >= 2 && code.len() <= 40 && code.bytes().any(|byte| byte.is_ascii_digit()))
                    .then(|| self.of_words(start, start + code.len(), code.into(), 0.97))
            }
            FieldKind::Term => {
                let words = &self.text[start..end];
                let stop = words.find(['.', ';', ',']).unwrap_or(words.len());
                let words = words[..stop].split(" from ").next().unwrap_or_default().trim_end();
                let is_time = ["day", "week", "month", "year", "tag", "woche", "monat", "jahr"]
                    .iter()
                    .any(|unit| words.to_lowercase().contains(unit));
                (is_time && words.len() <= 80).then(|| self.of_words(start, start + words.len(), words.into(), 0.9))
            }
            FieldKind::Party | FieldKind::Text | FieldKind::Below | FieldKind::First => {
                let words = &self.text[start..end];
                let stop = words.find(" | ").unwrap_or(words.len());
                let stop = stop.min(words.find(". ").unwrap_or(stop));
                let words = words[..stop].trim_end_matches(['.', ',', ';', ' ']);
                (!words.is_empty() && words.len() <= 200)
                    .then(|| self.of_words(start, start + words.len(), words.into(), 0.85))
            }
            _ => None,
        }
    }

    fn bare_number(&self, start: usize, end: usize) -> Option<Read> {
        let words = &self.text[start..end];
        let last = words
            .rsplit([' ', '|'])
            .find(|word| word.bytes().any(|byte| byte.is_ascii_digit()) && !word.ends_with('%'))?;
        let at = start + words.rfind(last)?;
        let is_amount = last.bytes().all(|byte| byte.is_ascii_digit() || b".,'-".contains(&byte));
        values::number(last).filter(|_| is_amount).map(|number| self.of_words(at, at + last.len(), json!(number), 0.8))
    }

    #[expect(clippy::unused_self, reason = "reads like the others")]
    fn of_words(&self, start: usize, end: usize, value: Value, confidence: f64) -> Read {
        Read { name: String::new(), value, start, end, confidence }
    }

    fn entity(&self, kind: EntityKind, confidence: f64) -> Option<Read> {
        let one = self.entities.iter().find(|one| one.kind == kind)?;
        Some(Read { name: String::new(), value: one.value.clone().into(), start: one.start, end: one.end, confidence })
    }

    /// The currency that most amounts have.
    fn currency(&self) -> Option<Read> {
        let amounts = || self.entities.iter().filter(|one| one.kind == EntityKind::Amount);
        let code = |one: &Entity| one.value.rsplit(' ').next().unwrap_or_default().to_owned();
        let most =
            amounts().map(|one| (amounts().take(200).filter(|other| code(other) == code(one)).count(), one)).take(200);
        let (_, one) = most.max_by_key(|(count, one)| (*count, std::cmp::Reverse(one.start)))?;
        Some(self.of_words(one.start, one.end, code(one).into(), 0.9))
    }

    /// A vendor stands at the top, mostly: the first firm of the first lines. A customer is never guessed.
    fn first_organisation(&self, field: &Field) -> Option<Read> {
        if !field.labels.iter().any(|label| label == "vendor") {
            return None;
        }
        let top = self.text.char_indices().nth(600).map_or(self.text.len(), |(at, _)| at);
        let one = self.entities.iter().find(|one| one.kind == EntityKind::Organisation && one.start < top)?;
        Some(self.of_words(one.start, one.end, one.value.clone().into(), 0.6))
    }

    fn first(&self) -> Option<Read> {
        let block = self.parsed.blocks.iter().find(|block| block.kind != BlockKind::Table)?;
        let words = self.words(block);
        let line = words.lines().next()?.trim();
        let is_name = line.split_whitespace().count() <= 5
            && line.chars().all(|letter| letter.is_alphabetic() || " .'’-".contains(letter));
        (is_name && !line.to_lowercase().contains("curriculum"))
            .then(|| self.of_words(block.start, block.start + line.len(), line.into(), 0.6))
    }

    fn words(&self, block: &Block) -> &str {
        self.text.get(block.start..block.end.min(self.text.len())).unwrap_or_default()
    }

    /// What stands below a heading of one of the labels, to the next heading.
    fn section(&self, field: &Field) -> Option<Read> {
        let mut blocks = self.parsed.blocks.iter();
        let is_heading = |block: &Block| {
            let words = self.words(block).trim_end_matches(':').to_lowercase();
            field.labels.contains(&words)
        };
        blocks.find(|block| is_heading(block))?;
        let section: Vec<&Block> = blocks.take_while(|block| block.kind != BlockKind::Heading).collect();
        let (first, last) = (section.first()?, section.last()?);
        let end = self.text.floor_char_boundary(last.end.min(first.start + LONGEST_SECTION));
        let words = self.text.get(first.start..end)?;
        Some(self.of_words(first.start, end, words.into(), 0.8))
    }

    /// The rows of the table that is named like an invoice's lines.
    fn lines(&self) -> Option<Read> {
        for block in self.parsed.blocks.iter().filter(|block| block.kind == BlockKind::Table) {
            let mut rows = self.words(block).lines();
            let names: Vec<Option<&str>> = rows.next()?.split(" | ").map(column).collect();
            if names.iter().flatten().count() < 2 || !names.contains(&Some("description")) {
                continue;
            }
            let line = |row: &str| {
                let mut line = serde_json::Map::new();
                for (name, cell) in names.iter().zip(row.split(" | ")) {
                    if let Some(name) = name {
                        let value = if *name == "description" {
                            None
                        } else {
                            values::number(cell).map(|number| json!(number))
                        };
                        line.insert((*name).to_owned(), value.unwrap_or_else(|| cell.trim().into()));
                    }
                }
                (line.len() > 1).then_some(Value::Object(line))
            };
            let lines: Vec<Value> = rows.take(MOST_LINES).filter_map(line).collect();
            if !lines.is_empty() {
                return Some(self.of_words(block.start, block.end.min(self.text.len()), lines.into(), 0.85));
            }
        }
        None
    }

    /// Those between whom an agreement is made.
    fn parties(&self) -> Option<Read> {
        let (_, at) = self.lower.places("between").next()?;
        let rest = &self.text[at..];
        let end = rest.find('\n').map_or(self.text.len(), |end| at + end);
        let end = end.min(self.text.floor_char_boundary(at + 600));
        let inside: Vec<&Entity> = self
            .entities
            .iter()
            .filter(|one| {
                one.kind <= EntityKind::Person
                    && one.kind >= EntityKind::Organisation
                    && one.start >= at
                    && one.end <= end
            })
            .collect();
        if let [first, .., last] = inside.as_slice() {
            let names: Vec<&str> = inside.iter().map(|one| one.value.as_str()).collect();
            return Some(self.of_words(first.start, last.end, names.into(), 0.85));
        }
        // Not written as firms are: two names around an "and".
        let words = self.text[at..end].split([',', '.', ';', '(']).next()?;
        let (one, other) = words.split_once(" and ")?;
        let start = at + words.len() - words.trim_start().len();
        Some(self.of_words(start, at + words.trim_end().len(), json!([one.trim(), other.trim()]), 0.55))
    }

    /// Lines of the form `label: value`.
    fn entries(&self) -> Option<Read> {
        let mut entries = serde_json::Map::new();
        let (mut start, mut end, mut at) = (None, 0, 0);
        for line in self.text.split_inclusive('\n') {
            let begin = at;
            at += line.len();
            let Some((label, value)) = line.trim().split_once([':', '|']) else { continue };
            let (label, value) = (label.trim(), value.trim());
            let is_label = !label.is_empty() && label.len() <= 60 && label.split_whitespace().count() <= 6;
            if is_label
                && !value.is_empty()
                && value.len() <= 300
                && !value.starts_with("//")
                && entries.len() < MOST_LINES
            {
                entries.entry(label.to_owned()).or_insert_with(|| value.into());
                start.get_or_insert(begin);
                end = begin + line.trim_end().len();
            }
        }
        let start = start?;
        Some(self.of_words(start, end, Value::Object(entries), 0.75))
    }
}

/// What a column of an invoice's lines is called.
fn column(name: &str) -> Option<&'static str> {
    let name = name.trim().to_lowercase();
    Some(match name.as_str() {
        "description" | "item" | "product" | "service" | "article" | "bezeichnung" | "beschreibung" => "description",
        "quantity" | "qty" | "menge" | "anzahl" | "units" | "hours" => "quantity",
        "unit price" | "price" | "rate" | "einzelpreis" | "unit cost" => "unitPrice",
        "amount" | "total" | "line total" | "betrag" | "gesamt" => "amount",
        _ => return None,
    })
}

/// The place of a value without what stands between it and its label.
fn trimmed(text: &str, start: usize, end: usize) -> (usize, usize) {
    let words = text.get(start..end).unwrap_or_default();
    let left = words.trim_start_matches(|letter: char| letter.is_whitespace() || ":.#|=–-\"“".contains(letter));
    let start = end - left.len();
    (start, start + left.trim_end().len())
}

#[cfg(test)]
mod tests {
    use super::super::entities;
    use super::super::places::tests::parsed;
    use super::super::schemas;
    use super::*;
    use crate::domain::documents::model::Type;

    fn fields(parts: &[(BlockKind, u8, u32, &str)], kind: Type) -> serde_json::Map<String, Value> {
        let parsed = parsed(parts);
        let found = read(&parsed, &entities::find(&parsed.text), &schemas::of(kind));
        for one in &found {
            assert!(parsed.text.get(one.start..one.end).is_some_and(|words| !words.is_empty()), "{one:?}");
            assert!((0.3..=1.0).contains(&one.confidence), "{one:?}");
        }
        found.into_iter().map(|one| (one.name, one.value)).collect()
    }

    #[test]
    fn an_invoice_is_read_by_its_labels() {
        let lines = |words| (BlockKind::Paragraph, 0, 1, words);
        let told = fields(
            &[
                lines("Supplier Inc., 12 Harbour Street"),
                lines("Invoice number: INV-2025-001"),
                lines("Invoice date: 15 January 2025"),
                lines("Due date: 2025-02-14"),
                lines("Bill to: Northwind Traders Ltd"),
                (
                    BlockKind::Table,
                    0,
                    1,
                    "Description | Quantity | Unit price | Amount\nBolts | 100 | €2.50 | €250.00\nWire | 40 | €25.00 | €1,000.00",
                ),
                lines("Subtotal: €1,260.50"),
                lines("VAT 19%: €239.50"),
                lines("Total: €1,500.00"),
                lines("IBAN DE89 3704 0044 0532 0130 00"),
            ],
            Type::Invoice,
        );
        for (name, expected) in [
            ("invoiceNumber", json!("INV-2025-001")),
            ("invoiceDate", json!("2025-01-15")),
            ("dueDate", json!("2025-02-14")),
            ("vendor", json!("Supplier Inc.")),
            ("customer", json!("Northwind Traders Ltd")),
            ("netAmount", json!(1260.5)),
            ("taxAmount", json!(239.5)),
            ("amount", json!(1500.0)),
            ("currency", json!("EUR")),
            ("iban", json!("DE89370400440532013000")),
        ] {
            assert_eq!(told.get(name), Some(&expected), "{name} of {told:?}");
        }
        assert_eq!(
            told["lines"][1],
            json!({ "description": "Wire", "quantity": 40.0, "unitPrice": 25.0, "amount": 1000.0 })
        );
        assert!(!told.contains_key("purchaseOrder"), "{told:?}");
    }

    #[test]
    fn a_line_without_an_end_is_looked_at_for_some_words() {
        let began = std::time::Instant::now();
        let flood = "subject: ".repeat(LONGEST / 9);
        let told = fields(&[(BlockKind::Paragraph, 0, 1, &flood)], Type::Letter);
        assert!(!told.contains_key("subject"), "{told:?}");
        let found = std::iter::once("ä").chain(std::iter::repeat_n("ä", 300)).collect::<String>();
        fields(&[(BlockKind::Paragraph, 0, 1, &format!("subject: {found}"))], Type::Letter);
        // Unbounded it takes minutes.
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
    }

    #[test]
    fn a_currency_stands_where_it_is_written() {
        let parsed = parsed(&[(BlockKind::Paragraph, 0, 1, "Currency: all in € please")]);
        let schema = schemas::of(Type::Invoice);
        let found = read(&parsed, &[], &schema).into_iter().find(|one| one.name == "currency").unwrap();
        assert_eq!((&parsed.text[found.start..found.end], found.value), ("€", json!("EUR")));
    }

    #[test]
    fn a_contract_a_letter_a_cv_and_a_form_are_read() {
        let text = |words| (BlockKind::Paragraph, 0, 0, words);
        let contract = fields(
            &[text(
                "This agreement is made between Alder Works GmbH (\"Provider\") and Birch & Sons Ltd (\"Client\"), effective as of 1 March 2025. \
                 The term of this agreement is 24 months from the effective date. It is governed by the laws of England and Wales.",
            )],
            Type::Contract,
        );
        assert_eq!(contract["parties"], json!(["Alder Works GmbH", "Birch & Sons Ltd"]));
        assert_eq!((&contract["effectiveDate"], &contract["term"]), (&json!("2025-03-01"), &json!("24 months")));
        assert_eq!(contract["governingLaw"], "England and Wales");
        let letter = fields(
            &[text("Subject: Your visit"), text("Dear Mr Birch,"), text("come.\nKind regards,\nAda Byron")],
            Type::Letter,
        );
        assert_eq!(
            (&letter["subject"], &letter["recipient"], &letter["sender"]),
            (&json!("Your visit"), &json!("Mr Birch"), &json!("Ada Byron"))
        );
        let heading = |words| (BlockKind::Heading, 1, 0, words);
        let cv = fields(
            &[
                heading("Ada Byron"),
                text("ada@byron.example"),
                heading("Skills"),
                text("Engines"),
                text("Numbers"),
                heading("Education"),
                text("At home"),
            ],
            Type::Cv,
        );
        assert_eq!(
            (&cv["name"], &cv["skills"], &cv["education"]),
            (&json!("Ada Byron"), &json!("Engines\n\nNumbers"), &json!("At home"))
        );
        let form = fields(&[text("First name: Ada"), text("Born: 10.12.1815"), text("Sign here")], Type::Form);
        assert_eq!(form["entries"], json!({ "First name": "Ada", "Born": "10.12.1815" }));
    }
}
