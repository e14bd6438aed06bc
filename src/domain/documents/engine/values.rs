//! Values as people write them: days, amounts, numbers of accounts. Each is read or is none; nothing is guessed.

/// The months in the languages that are read: their names and usual short forms.
const MONTHS: [&[&str]; 12] = [
    &["january", "januar", "jänner", "jan", "jän"],
    &["february", "februar", "feb"],
    &["march", "märz", "mar", "mär"],
    &["april", "apr"],
    &["may", "mai"],
    &["june", "juni", "jun"],
    &["july", "juli", "jul"],
    &["august", "aug"],
    &["september", "sept", "sep"],
    &["october", "oktober", "oct", "okt"],
    &["november", "nov"],
    &["december", "dezember", "dec", "dez"],
];

/// Signs and names of currencies.
const CURRENCIES: &[(&str, &str)] = &[
    ("€", "EUR"),
    ("£", "GBP"),
    ("$", "USD"),
    ("¥", "JPY"),
    ("EUR", "EUR"),
    ("USD", "USD"),
    ("GBP", "GBP"),
    ("CHF", "CHF"),
    ("JPY", "JPY"),
    ("SEK", "SEK"),
    ("NOK", "NOK"),
    ("DKK", "DKK"),
    ("PLN", "PLN"),
    ("CZK", "CZK"),
    ("CAD", "CAD"),
    ("AUD", "AUD"),
];

/// A day that was read, and whether it could be read otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// As ISO 8601 writes it.
    pub iso: String,
    /// Whether day and month could be the other way round.
    pub unsure: bool,
}

/// The month of a name.
#[must_use]
pub fn month(name: &str) -> Option<u32> {
    let name = name.to_lowercase();
    (1..).zip(MONTHS).find(|(_, names)| names.contains(&name.as_str())).map(|(month, _)| month)
}

/// A day as people write it.
#[must_use]
pub fn day(text: &str) -> Option<Day> {
    let parts: Vec<&str> =
        text.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty() && *part != "of").collect();
    let [first, second, third] = parts[..] else { return None };
    let number = |part: &str| {
        let digits = part.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        (part.len() - digits.len() <= 2).then(|| digits.parse::<u32>().ok()).flatten()
    };
    if first.len() == 4 && first.bytes().all(|byte| byte.is_ascii_digit()) {
        return date(number(first)?, number(second)?, number(third)?, false);
    }
    let year = |part: &str| match part.len() {
        4 => part.parse().ok(),
        2 => part.parse::<u32>().ok().map(|year| if year < 70 { 2000 + year } else { 1900 + year }),
        _ => None,
    };
    if let Some(month) = month(second).filter(|_| second.chars().all(char::is_alphabetic)) {
        return date(year(third)?, month, number(first)?, false);
    }
    if let Some(month) = month(first).filter(|_| first.chars().all(char::is_alphabetic)) {
        return date(year(third)?, month, number(second)?, false);
    }
    let (one, other, year) = (number(first)?, number(second)?, year(third)?);
    // Points are written where the day comes first; slashes everywhere.
    if text.contains('.') || one > 12 {
        return date(year, other, one, false);
    }
    if other > 12 {
        return date(year, one, other, false);
    }
    date(year, other, one, one != other)
}

fn date(year: u32, month: u32, day: u32, unsure: bool) -> Option<Day> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    ((1000..=2999).contains(&year) && (1..=days).contains(&day))
        .then(|| Day { iso: format!("{year:04}-{month:02}-{day:02}"), unsure })
}

/// The number that is written, with points or commas between thousands and before the cents.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let written: String =
        text.chars().filter(|letter| letter.is_ascii_digit() || matches!(letter, '.' | ',')).collect();
    let digits = written.trim_matches(['.', ',']);
    if !digits.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let last = digits.rfind(['.', ',']);
    let is_cents = last.is_some_and(|at| {
        let mark = digits.as_bytes()[at];
        let behind = digits.len() - at - 1;
        let others = digits[..at].bytes().filter(|byte| !byte.is_ascii_digit()).count();
        // Three digits behind the only mark are thousands, unless nothing stands before it; a mark that comes twice stands between
        // thousands.
        (behind != 3 || &digits[..at] == "0") && digits.bytes().filter(|byte| *byte == mark).count() == 1
            || (behind == 3 && others > 0 && !digits[..at].contains(char::from(mark)))
    });
    let plain: String = digits
        .char_indices()
        .filter_map(|(at, letter)| match letter {
            '0'..='9' => Some(letter),
            _ if is_cents && Some(at) == last => Some('.'),
            _ => None,
        })
        .collect();
    let negative =
        text.trim_start().starts_with(['-', '−']) || (text.trim().starts_with('(') && text.trim().ends_with(')'));
    plain.parse::<f64>().ok().map(|number| if negative { -number } else { number })
}

/// The currency that a text names.
#[must_use]
pub fn currency(text: &str) -> Option<&'static str> {
    currency_at(text).map(|(_, _, code)| code)
}

/// The first currency that a text names: where, as what, and its code. Letters within a word name none.
#[must_use]
pub fn currency_at(text: &str) -> Option<(usize, &'static str, &'static str)> {
    let named = |(at, sign): &(usize, &str)| {
        let is_sign = !sign.starts_with(|letter: char| letter.is_ascii_alphabetic());
        let before = text[..*at].chars().next_back();
        let behind = text[at + sign.len()..].chars().next();
        is_sign || !before.is_some_and(char::is_alphabetic) && !behind.is_some_and(char::is_alphabetic)
    };
    let first = |(sign, code): &(&'static str, &'static str)| {
        text.match_indices(*sign).find(|hit| named(hit)).map(|(at, _)| (at, *sign, *code))
    };
    CURRENCIES.iter().filter_map(first).min_by_key(|(at, ..)| *at)
}

/// Whether the check digits of an IBAN are right.
#[must_use]
pub fn is_iban(text: &str) -> bool {
    let letters: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if !(15..=34).contains(&letters.len()) || !letters.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let (head, tail) = letters.split_at(4);
    if !head[..2].iter().all(u8::is_ascii_uppercase) || !head[2..].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let rest = tail.iter().chain(head).fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_many_forms() {
        let iso = |text: &str| day(text).map(|day| (day.iso, day.unsure));
        for (text, expected) in [
            ("2025-01-15", "2025-01-15"),
            ("15 January 2025", "2025-01-15"),
            ("15. Januar 2025", "2025-01-15"),
            ("January 15th, 2025", "2025-01-15"),
            ("1st of March 2025", "2025-03-01"),
            ("15.01.25", "2025-01-15"),
            ("02.01.2025", "2025-01-02"),
            ("15/01/2025", "2025-01-15"),
            ("01/15/2025", "2025-01-15"),
            ("29 Feb 2024", "2024-02-29"),
            ("3 Sept. 2025", "2025-09-03"),
            ("3. März 2025", "2025-03-03"),
        ] {
            assert_eq!(iso(text), Some((expected.to_owned(), false)), "{text}");
        }
        assert_eq!(iso("02/01/2025"), Some(("2025-01-02".to_owned(), true)));
        for wrong in [
            "31.02.2025",
            "29 Feb 2025",
            "2025-13-01",
            "today",
            "1 2",
            "15 Foo 2025",
            "0.0.2025",
            "15 Marble 2025",
            "3 Mayor 2025",
            "1 Decor 2025",
        ] {
            assert_eq!(iso(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_are_read_with_either_mark() {
        for (text, expected) in [
            ("1,500.00", 1500.0),
            ("1.500,00", 1500.0),
            ("1 500,5", 1500.5),
            ("1.500", 1500.0),
            ("0.125", 0.125),
            ("-0,125", -0.125),
            ("10.125", 10_125.0),
            ("12.5", 12.5),
            ("1,234,567", 1_234_567.0),
            ("€ -3", 3.0),
            ("-3.10", -3.1),
            ("(42)", -42.0),
            ("1'000.25", 1000.25),
        ] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        assert_eq!(number("none."), None);
    }

    #[test]
    fn the_first_currency_is_told_and_no_part_of_a_word() {
        assert_eq!(currency_at("paid in $, not €"), Some((8, "$", "USD")));
        assert_eq!(currency_at("12EUR"), Some((2, "EUR", "EUR")));
        assert_eq!(currency("EUROPE"), None);
    }

    #[test]
    fn check_digits_of_accounts_are_held_to() {
        assert!(is_iban("DE89 3704 0044 0532 0130 00") && is_iban("GB29NWBK60161331926819"));
        for wrong in ["DE88370400440532013000", "DE89", "de89370400440532013000", "DE89 3704 0044 0532 0130 0Ä"] {
            assert!(!is_iban(wrong), "{wrong}");
        }
    }
}
