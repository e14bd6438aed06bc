//! What can be named in a text by rules: addresses, numbers of accounts, amounts, days; people and organisations by how they are
//! written, which is less sure and says so.

use std::sync::LazyLock;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::values;

/// What is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// An address of a mailbox.
    Email,
    /// An address of a page.
    Url,
    /// A number of an account, with right check digits.
    Iban,
    /// A number under which taxes are paid.
    VatId,
    /// A number of a telephone.
    Phone,
    /// An amount of money.
    Amount,
    /// A share in percent.
    Percentage,
    /// A day.
    Date,
    /// A firm, an authority, an association.
    Organisation,
    /// A person.
    Person,
}

/// Something named, with its place in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// What it is.
    pub kind: EntityKind,
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// It, written in one form: a day as ISO 8601, an amount with its currency behind it.
    pub value: String,
    /// How sure it is, from 0 to 1.
    pub confidence: f64,
}

/// Entities of one text at most.
pub const MOST: usize = 2000;
/// So much of a text is looked through, in bytes.
pub const LONGEST: usize = 1 << 20;

/// What a match is worth, or that it is none.
type Judge = fn(&str) -> Option<(String, f64)>;

// Each rule is tried once when it is first needed; one that is miswritten finds nothing, and its test fails.
static RULES: LazyLock<Vec<(EntityKind, Regex, Judge)>> = LazyLock::new(|| {
    let days = r"(?:\d{4}-\d{2}-\d{2}|\d{1,2}[./]\s?\d{1,2}[./]\s?\d{2,4}|\d{1,2}(?:st|nd|rd|th)?\.?\s(?:of\s)?\p{L}{3,9}\.?,?\s\d{4}|\p{L}{3,9}\.?\s\d{1,2}(?:st|nd|rd|th)?,?\s\d{4})";
    let money = r"(?:(?:€|£|\$|¥|\b(?:EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|CAD|AUD))\s?-?\d[\d.,'\u{a0}]*|-?\d[\d.,'\u{a0}]*\s?(?:€|£|\$|¥|(?:EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|CAD|AUD)\b))";
    let names = r"\b(?:(?:Mr|Mrs|Ms|Dr|Prof|Herr|Frau)\.?\s(?:\p{Lu}[\p{L}'’-]+\s?){1,3})";
    let firms = r"\b\p{Lu}[\p{L}\d&'’.-]*(?:\s(?:&|and|of|und|\p{Lu}[\p{L}\d&'’-]*)){0,5},?\s(?:Inc|Ltd|LLC|LLP|PLC|plc|GmbH|AG|SE|KG|OHG|UG|e\.V|S\.A|SARL|S\.r\.l|BV|B\.V|NV|Oy|AB|Corp|Corporation|Company|Limited|University|Foundation|Institute)\b\.?";
    let rules: [(EntityKind, &str, Judge); 10] = [
        (EntityKind::Email, r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", |text| {
            Some((text.trim_end_matches('.').to_lowercase(), 0.99))
        }),
        (EntityKind::Url, r#"(?:https?://|www\.)[^\s<>"'|)]+"#, |text| {
            Some((text.trim_end_matches(['.', ',', ';', ':']).to_owned(), 0.98))
        }),
        (EntityKind::Iban, r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{2,4}){3,8}\b", |text| {
            values::is_iban(text).then(|| (text.split_whitespace().collect(), 0.99))
        }),
        (
            EntityKind::VatId,
            r"\b(?:ATU|DE|FR[A-Z0-9]{2}|GB|IT|NL|ES[A-Z0-9]|BE0?|PL|DK|SE|FI|CZ|IE)\d{7,12}(?:B\d{2})?\b",
            |text| Some((text.to_owned(), 0.85)),
        ),
        (EntityKind::Amount, money, |text| {
            let number =
                values::number(text.trim_start_matches(|letter: char| !letter.is_ascii_digit() && letter != '-'))?;
            Some((format!("{number:.2} {}", values::currency(text)?), 0.95))
        }),
        (EntityKind::Percentage, r"\b\d{1,3}(?:[.,]\d{1,3})?\s?%", |text| {
            values::number(text).map(|number| (format!("{number}%"), 0.97))
        }),
        (EntityKind::Date, days, |text| {
            let day = values::day(text)?;
            Some((day.iso, if day.unsure { 0.6 } else { 0.95 }))
        }),
        (EntityKind::Phone, r"(?:\+\d{1,3}[\s./-]?|\b0)\(?\d{1,5}\)?(?:[\s./-]?\d{2,5}){1,5}\b", |text| {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            let sure = if text.starts_with('+') { 0.9 } else { 0.6 };
            (7..=15)
                .contains(&digits)
                .then(|| (text.chars().filter(|letter| letter.is_ascii_digit() || *letter == '+').collect(), sure))
        }),
        (EntityKind::Person, names, |text| Some((text.trim().to_owned(), 0.6))),
        (EntityKind::Organisation, firms, |text| Some((text.to_owned(), 0.7))),
    ];
    rules.into_iter().filter_map(|(kind, rule, judge)| Some((kind, Regex::new(rule).ok()?, judge))).collect()
});

/// The entities of a text in the order of their places. What a surer rule has found is not found again as something else.
#[must_use]
pub fn find(text: &str) -> Vec<Entity> {
    let text = &text[..text.floor_char_boundary(LONGEST)];
    let mut found: Vec<Entity> = Vec::new();
    for (kind, rule, judge) in RULES.iter() {
        let taken: Vec<(usize, usize)> = {
            let mut taken: Vec<_> = found.iter().map(|one| (one.start, one.end)).collect();
            taken.sort_unstable();
            taken
        };
        let mut at = 0;
        while let Some(hit) = rule.find_at(text, at) {
            if found.len() >= MOST {
                break;
            }
            at = hit.end();
            let before = taken.partition_point(|(start, _)| *start < hit.end());
            if let Some((_, end)) = taken[..before].last().filter(|(_, end)| *end > hit.start()) {
                // Behind what is taken there may still be one.
                at = *end;
                continue;
            }
            let words = hit.as_str().trim_end();
            // The end of a longer row of digits is no telephone.
            let goes_on = text[..hit.start()].trim_end_matches(' ').ends_with(|letter: char| letter.is_ascii_digit());
            if *kind == EntityKind::Phone && goes_on {
                continue;
            }
            if let Some((value, confidence)) = judge(words) {
                found.push(Entity {
                    kind: *kind,
                    start: hit.start(),
                    end: hit.start() + words.len(),
                    value,
                    confidence,
                });
            }
        }
    }
    found.sort_by_key(|one| one.start);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_finds_its_kind_and_no_other() {
        assert_eq!(RULES.len(), 10);
        let text = "Dr. Ada Byron of Alder Works GmbH (ada@alder.example, www.alder.example/a) paid €1,500.00 or 12 CHF, 19% more than \
                    on 15 January 2025, from DE89 3704 0044 0532 0130 00 (not DE88 3704 0044 0532 0130 00), VAT GB123456789, phone +44 117 496 0123.";
        let found = find(text);
        let of =
            |kind| -> Vec<&str> { found.iter().filter(|one| one.kind == kind).map(|one| one.value.as_str()).collect() };
        assert_eq!(of(EntityKind::Person), ["Dr. Ada Byron"]);
        assert_eq!(of(EntityKind::Organisation), ["Alder Works GmbH"]);
        assert_eq!(of(EntityKind::Email), ["ada@alder.example"]);
        assert_eq!(of(EntityKind::Url), ["www.alder.example/a"]);
        assert_eq!(of(EntityKind::Amount), ["1500.00 EUR", "12.00 CHF"]);
        assert_eq!(of(EntityKind::Percentage), ["19%"]);
        assert_eq!(of(EntityKind::Date), ["2025-01-15"]);
        assert_eq!(of(EntityKind::Iban), ["DE89370400440532013000"]);
        assert_eq!(of(EntityKind::VatId), ["GB123456789"]);
        assert_eq!(of(EntityKind::Phone), ["+441174960123"]);
        assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start), "{found:?}");
    }

    #[test]
    fn a_flood_has_an_end() {
        assert_eq!(find(&"a@b.example ".repeat(5000)).len(), MOST);
    }
}
