//! What looks like personal data in a text: addresses of mail and long numbers such as those of telephones, cards and accounts. It finds
//! what has such a form and nothing else: names and whatever else tells of a person are not found.

use crate::kernel::redact::redact;

/// What stands for an address of mail.
const ADDRESS: &str = "[email]";
/// What stands for a long number.
const NUMBER: &str = "[number]";
/// Numbers with fewer digits are counts, years, prices.
const FEWEST_DIGITS: usize = 9;

/// The text with all of it taken out, keys and passwords too; `None` where there is none.
#[must_use]
pub fn without(text: &str) -> Option<String> {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(is_end).unwrap_or(rest.len());
        if word > 0 && is_address(rest[..word].trim_matches(['.', ':'])) {
            let (before, after) = around(&rest[..word]);
            clean.push_str(before);
            clean.push_str(ADDRESS);
            clean.push_str(after);
            rest = &rest[word..];
            continue;
        }
        if let Some(length) = number(rest).filter(|_| !clean.ends_with(|last: char| last.is_alphanumeric())) {
            clean.push_str(NUMBER);
            rest = &rest[length..];
            continue;
        }
        // A whole word, so that nothing is found within one.
        let length = if first.is_alphanumeric() {
            rest.find(|one: char| !one.is_alphanumeric()).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        // An address begins where its word does: what is not one is passed up to its sign.
        clean.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    let clean = redact(&clean);
    (clean != text).then(|| clean.into_owned())
}

fn is_end(one: char) -> bool {
    one.is_whitespace() || "<>()[]{},;\"'".contains(one)
}

fn is_address(word: &str) -> bool {
    let Some((name, place)) = word.split_once('@') else { return false };
    let plain = |one: char| one.is_alphanumeric() || "._%+-".contains(one);
    let end = place.rsplit('.').next().unwrap_or_default();
    !name.is_empty()
        && name.chars().all(plain)
        && place.contains('.')
        && place.chars().all(|one| one.is_alphanumeric() || ".-".contains(one))
        && end.len() >= 2
        && end.chars().all(char::is_alphabetic)
}

/// The dots and colons before and behind an address.
fn around(word: &str) -> (&str, &str) {
    let core = word.trim_matches(['.', ':']);
    let start = word.find(core).unwrap_or(0);
    (&word[..start], &word[start + core.len()..])
}

/// The length of the long number that a text begins with: digits with blanks, dots, dashes, slashes and brackets between.
fn number(text: &str) -> Option<usize> {
    if !text.starts_with(|one: char| one.is_ascii_digit() || one == '+') {
        return None;
    }
    let is_date = text.bytes().take(10).zip(b"0000-00-00").filter(|(one, form)| match form {
        b'-' => one == *form,
        _ => one.is_ascii_digit(),
    });
    if is_date.count() == 10 {
        return None;
    }
    let (mut digits, mut end, mut gap) = (0, 0, 0);
    for (at, one) in text.char_indices() {
        match one {
            one if one.is_ascii_digit() => {
                digits += 1;
                gap = 0;
                end = at + 1;
            }
            '+' if at == 0 => {}
            ' ' | '-' | '.' | '/' | '(' | ')' if gap < 2 => gap += 1,
            one if one.is_alphanumeric() && gap == 0 => return None,
            _ => break,
        }
    }
    (digits >= FEWEST_DIGITS).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_long_numbers_are_found() {
        for (text, clean) in [
            ("Write to ada@example.org.", "Write to [email]."),
            ("<bo.b+x@mail.example.co.uk>, please", "<[email]>, please"),
            ("call +49 (30) 1234-5678 now", "call [number] now"),
            ("card 4111 1111 1111 1111;", "card [number];"),
            ("id 123456789", "id [number]"),
            ("the key sk-abcdef123456 is", "the key sk-*** is"),
        ] {
            assert_eq!(without(text).as_deref(), Some(clean), "{text}");
        }
    }

    #[test]
    fn what_is_none_stays() {
        for text in [
            "In 2026 we sold 12,345,678 of them for 99.50",
            "a@b is no address, @home neither, nor is x@y.1",
            "build 3f2a9c123456789ab",
            "2026-11-20 12:00",
            "Grüße, 東京 ✓",
            "",
        ] {
            assert_eq!(without(text), None, "{text}");
        }
    }
}
