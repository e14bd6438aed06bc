//! What a document is for people, told by its words: naive Bayes over the words of `data/types.toml`. Formats that are a type by
//! themselves (a mail, a workbook, slides) weigh as much as many words.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::domain::documents::model::Type;
use crate::port::documents::Format;

/// So much of a text is looked through, in bytes: what a document is shows early.
const LONGEST: usize = 60_000;
/// What a format that is a type by itself weighs.
const BY_FORMAT: f64 = 6.0;
/// What it takes to be none of the types: as much as this is nothing.
const OTHER: f64 = 1.0;

/// A type with how likely it is and the words that speak for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The type.
    pub kind: Type,
    /// How likely, from 0 to 1; over all types it is 1.
    pub confidence: f64,
    /// The words of the text that speak for it.
    pub words: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Profiles {
    elsewhere: f64,
    #[serde(flatten)]
    types: BTreeMap<String, BTreeMap<String, f64>>,
}

// Compiled in; that it can be read is tested.
static PROFILES: LazyLock<Profiles> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/types.toml")).unwrap_or(Profiles { elsewhere: 0.5, types: BTreeMap::new() })
});

/// Tells the types of a text, the likeliest first.
#[must_use]
pub fn classify(text: &str, format: Option<Format>) -> Vec<Told> {
    let head = text[..text.floor_char_boundary(LONGEST)].to_lowercase();
    let words: Vec<&str> =
        head.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let text = format!(" {} ", words.join(" "));
    let mut scores: Vec<(Type, f64, Vec<String>)> = Vec::new();
    for kind in Type::ALL {
        let mut score = 0.0;
        let mut speaks = Vec::new();
        if let Some(profile) = PROFILES.types.get(kind.name()) {
            for (phrase, likely) in profile {
                if text.contains(&format!(" {phrase} ")) {
                    score += (likely / PROFILES.elsewhere).ln();
                    speaks.push(phrase.clone());
                } else {
                    score += ((1.0 - likely) / (1.0 - PROFILES.elsewhere)).ln();
                }
            }
        } else {
            score = if kind == Type::Other { OTHER } else { -BY_FORMAT };
        }
        let itself = matches!(
            (kind, format),
            (Type::Email, Some(Format::Email))
                | (Type::Spreadsheet, Some(Format::Xlsx | Format::Csv))
                | (Type::Presentation, Some(Format::Pptx))
        );
        if itself {
            score += 2.0 * BY_FORMAT;
        }
        scores.push((kind, score, speaks));
    }
    let best = scores.iter().map(|(_, score, _)| *score).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|(_, score, _)| (score - best).exp()).sum();
    let mut told: Vec<Told> = scores
        .into_iter()
        .map(|(kind, score, words)| Told { kind, confidence: (score - best).exp() / sum, words })
        .collect();
    told.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(text: &str, format: Option<Format>) -> Type {
        classify(text, format)[0].kind
    }

    #[test]
    fn words_tell_types_apart() {
        assert_eq!(PROFILES.types.len(), 6);
        for (text, expected) in [
            ("INVOICE\nInvoice number: 7\nBill to: X\nQuantity Unit price\nSubtotal 1\nVAT 2\nTotal 3", Type::Invoice),
            (
                "This Agreement is made between A and B (the parties). The term shall be two years, governed by the laws of X. Effective now.",
                Type::Contract,
            ),
            ("Dear Mr Birch, thank you for your letter. I look forward to Friday. Yours sincerely, A", Type::Letter),
            ("Ada Byron\nExperience\nUniversity of X\nEducation\nSkills: Rust\nLanguages: German", Type::Cv),
            (
                "Annual report. Executive summary. Introduction. Results and findings, see figure 1. Recommendations.",
                Type::Report,
            ),
            ("Application form: please complete. First name, last name, date of birth, signature.", Type::Form),
            ("Roses grow by the wall, and the river runs.", Type::Other),
        ] {
            assert_eq!(best(text, Some(Format::Text)), expected, "{text}");
        }
        assert_eq!(best("part, count", Some(Format::Xlsx)), Type::Spreadsheet);
        assert_eq!(best("plans", Some(Format::Pptx)), Type::Presentation);
        assert_eq!(best("we come at ten", Some(Format::Email)), Type::Email);
        // An invoice that came as a workbook is an invoice and a workbook: the words say more.
        let told = classify(
            "Invoice number Bill to Subtotal VAT Total Due date Quantity Unit price IBAN invoice",
            Some(Format::Xlsx),
        );
        assert_eq!(told[0].kind, Type::Invoice, "{told:?}");
        assert!((told.iter().map(|one| one.confidence).sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
