//! Sentences of a text: divided behind full stops and the like, and at ends of lines; not behind a short form or within a number.

/// Short forms behind which a sentence goes on.
const SHORT: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "no", "nr", "vs", "etc", "e.g", "i.e", "z.b", "bzw", "ca", "approx", "fig",
    "art", "abs", "sec", "inc", "co",
];
/// The longest sentence that is told, in characters; a longer one is cut.
const LONGEST: usize = 1_000;

/// The sentences, in order.
#[must_use]
pub(crate) fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    for (at, letter) in text.char_indices() {
        let behind = at + letter.len_utf8();
        let ends = match letter {
            '\n' => true,
            '.' => ends(text, at, behind) && !is_short(&text[from..at], &text[behind..]),
            '!' | '?' | '。' => ends(text, at, behind),
            _ => behind - from > 4 * LONGEST || (letter == ' ' && behind - from > LONGEST),
        };
        if ends {
            found.push(text[from..behind].trim());
            from = behind;
        }
    }
    found.push(text[from..].trim());
    found.retain(|sentence| sentence.contains(char::is_alphanumeric));
    found
}

fn ends(text: &str, at: usize, behind: usize) -> bool {
    let next = text[behind..].chars().next();
    next.is_none_or(char::is_whitespace)
        || (text[..at].ends_with(['"', '”', ')']) && next.is_none_or(|next| !next.is_alphanumeric()))
}

/// Whether the point belongs to a short form: one that is known, a letter alone, or one that goes on in small letters.
fn is_short(before: &str, behind: &str) -> bool {
    let last = before.rsplit(|letter: char| letter.is_whitespace() || letter == '(').next().unwrap_or_default();
    let goes_on = behind.trim_start_matches(' ').starts_with(char::is_lowercase);
    let single = last.chars().count() == 1 && last.chars().all(char::is_uppercase);
    single
        || goes_on && SHORT.contains(&last.to_lowercase().as_str())
        || ["mr", "mrs", "ms", "dr", "prof", "st", "nr", "no"].contains(&last.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_points_and_lines_and_not_within_short_forms_or_numbers() {
        let text = "Dr. Ada B. Byron paid 1.50 euros. Why? Nobody knows!\n\nA line without an end\nThe Paper Co. of Leeds; e.g. this one.";
        let expected = [
            "Dr. Ada B. Byron paid 1.50 euros.",
            "Why?",
            "Nobody knows!",
            "A line without an end",
            "The Paper Co. of Leeds; e.g. this one.",
        ];
        assert_eq!(sentences(text), expected);
        assert_eq!(sentences(" . \n ! "), Vec::<&str>::new());
        let long = "word ".repeat(2000);
        assert!(sentences(&long).iter().all(|one| one.len() <= LONGEST + 5));
        assert!(sentences(&"ä".repeat(9000)).iter().all(|one| one.len() <= 4 * LONGEST + 5));
    }
}
