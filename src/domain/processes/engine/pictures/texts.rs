//! Texts of people within the languages of pictures: nothing that they write is read as anything but text.

use std::borrow::Cow;

/// Text within XML: escaped, and without what XML cannot say.
#[must_use]
pub fn xml(text: &str) -> Cow<'_, str> {
    let is_plain = |one: char| {
        !matches!(one, '&' | '<' | '>' | '"' | '\'') && is_sayable(one) && !matches!(one, '\n' | '\r' | '\t')
    };
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for one in text.chars() {
        match one {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // As they stand they would be read as spaces, or as other breaks of lines.
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' => escaped.push_str("&#9;"),
            one if is_sayable(one) => escaped.push(one),
            _ => escaped.push('\u{FFFD}'),
        }
    }
    Cow::Owned(escaped)
}

/// Whether XML 1.0 can say a character.
#[must_use]
pub const fn is_sayable(one: char) -> bool {
    matches!(one, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// On one line, without what is not seen: breaks, other control characters, and those that turn the direction of what follows.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|one: char| one.is_whitespace() || !is_sayable(one) || one.is_control()) {
        let word: String = word.chars().filter(|one| !turns(*one)).collect();
        if !word.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
    }
    line
}

const fn turns(one: char) -> bool {
    matches!(one, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The text on lines of so many letters at most, the last one cut where there is more.
#[must_use]
pub fn lines(text: &str, letters: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut cut = false;
    let mut room = 0;
    'words: for word in one_line(text).split(' ').filter(|word| !word.is_empty()) {
        let width = width(word);
        let mut rest = word;
        if width < room
            && let Some(line) = lines.last_mut()
        {
            line.push(' ');
            line.push_str(word);
            room -= width + 1;
            continue;
        }
        while !rest.is_empty() {
            if lines.len() == most {
                cut = true;
                break 'words;
            }
            let part = first(rest, letters);
            room = letters.saturating_sub(self::width(part));
            lines.push(part.to_owned());
            rest = &rest[part.len()..];
        }
    }
    if cut && let Some(last) = lines.last_mut() {
        let kept = first(last, letters.saturating_sub(1)).len();
        last.truncate(kept);
        last.push('…');
    }
    lines
}

/// The beginning of a text that is at most so wide; never nothing.
fn first(text: &str, letters: usize) -> &str {
    let mut taken = 0;
    for (at, one) in text.char_indices() {
        taken += wide(one);
        if taken > letters && at > 0 {
            return &text[..at];
        }
    }
    text
}

fn width(text: &str) -> usize {
    text.chars().map(wide).sum()
}

/// How many letters a character is as wide as.
const fn wide(one: char) -> usize {
    if matches!(one, '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' | '\u{FF00}'..='\u{FF60}' | '\u{1F300}'..='\u{1FAFF}')
    {
        2
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_say_is_replaced_and_the_rest_escaped() {
        assert_eq!(xml("plain"), "plain");
        assert_eq!(
            xml("<a href=\"x\">&'\u{0}\u{FFFF}\n"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\u{FFFD}\u{FFFD}&#10;"
        );
    }

    #[test]
    fn texts_are_broken_at_words_and_cut() {
        assert_eq!(lines("Ask the manager", 9, 3), ["Ask the", "manager"]);
        assert_eq!(lines("Ask the manager of all", 9, 2), ["Ask the", "manager…"]);
        assert_eq!(lines("abcdefghijkl", 5, 2), ["abcde", "fghi…"]);
        assert_eq!(lines("審査する 人", 4, 9), ["審査", "する", "人"]);
        assert_eq!(lines(" \n ", 5, 2), Vec::<String>::new());
        assert_eq!(one_line("a\u{202E}b\r\n\u{7}c"), "ab c");
    }
}
