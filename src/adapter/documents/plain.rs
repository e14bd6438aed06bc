//! Plain text in its encodings, and separated values.

use crate::port::documents::{BlockKind, ParseFault};

use super::building::Builder;

/// Rows of a table that one part holds: a long table is cut, so that a place in it is near.
pub(super) const ROWS_TOGETHER: usize = 200;
/// The longest row of names that is told above each part, in bytes.
const LONGEST_NAMES: usize = 4000;

/// What the bytes 0x80 to 0x9F are in the encoding of western Windows.
const WINDOWS: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

/// Bytes as text: by their mark, as UTF-8, else as western Windows wrote it. The second is true where it had to be guessed.
pub(super) fn decode(bytes: &[u8]) -> (String, bool) {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return (String::from_utf8_lossy(rest).into_owned(), std::str::from_utf8(rest).is_err());
    }
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return (wide(rest, u16::from_le_bytes), false);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return (wide(rest, u16::from_be_bytes), false);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (western(bytes), true),
    }
}

/// Bytes of western Windows as text.
pub(super) fn western(bytes: &[u8]) -> String {
    let windows: Vec<char> = WINDOWS.chars().collect();
    let letter = |byte: &u8| match byte {
        0x80..=0x9f => windows.get(usize::from(*byte - 0x80)).copied().unwrap_or('\u{fffd}'),
        _ => char::from(*byte),
    };
    bytes.iter().map(letter).collect()
}

fn wide(bytes: &[u8], of: fn([u8; 2]) -> u16) -> String {
    let units = bytes.as_chunks::<2>().0.iter().map(|pair| of(*pair));
    char::decode_utf16(units).map(|letter| letter.unwrap_or('\u{fffd}')).collect()
}

/// Plain text: paragraphs between empty lines; lines of a paragraph belong together.
pub(super) fn text(builder: &mut Builder, text: &str) -> Result<(), ParseFault> {
    let mut paragraph = String::new();
    for line in text.lines().chain([""]) {
        let line = line.trim();
        if !line.is_empty() {
            paragraph.push_str(line);
            paragraph.push('\n');
            continue;
        }
        if !paragraph.is_empty() {
            builder.paragraph(&paragraph)?;
            paragraph.clear();
        }
    }
    Ok(())
}

/// The separator that a text's first rows agree on. A row that holds a line break in quotes is one.
pub(super) fn separator(text: &str) -> Option<char> {
    let fits = |separator: char| {
        let rows = rows(text, separator, 20);
        let filled = rows.iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty()));
        let counts: Vec<usize> = filled.map(Vec::len).collect();
        let first = counts.first().copied()?;
        let same = counts.iter().filter(|count| **count == first).count();
        (first > 1 && counts.len() > 1 && same * 10 >= counts.len() * 9).then_some((first, separator))
    };
    [',', ';', '\t', '|']
        .into_iter()
        .filter_map(fits)
        .max_by_key(|(columns, _)| *columns)
        .map(|(_, separator)| separator)
}

/// The rows of separated values, at most so many. Quotes hold separators and line breaks; a doubled one is one.
fn rows(text: &str, separator: char, most: usize) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() => {
                cell.clear();
                quoted = true;
            }
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
                if rows.len() >= most {
                    return rows;
                }
            }
            _ if letter == separator && !quoted => row.push(std::mem::take(&mut cell)),
            _ => cell.push(letter),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

/// Separated values: one table, cut where it is long, each piece below the row of names.
pub(super) fn separated(builder: &mut Builder, text: &str) -> Result<(), ParseFault> {
    let Some(separator) = separator(text) else { return builder.add(BlockKind::Code, 0, text) };
    let rows = rows(text, separator, usize::MAX);
    long_table(builder, &rows)
}

/// A table, cut where it is long, each piece below the row of names.
pub(super) fn long_table(builder: &mut Builder, rows: &[Vec<String>]) -> Result<(), ParseFault> {
    let (first, rest) = rows.split_at(rows.len().min(ROWS_TOGETHER));
    builder.table(first)?;
    // The row that says something first. One that is longer than names are would make the text many times as long.
    let names = first.iter().find(|row| row.iter().any(|cell| !cell.trim().is_empty()));
    let names = names.filter(|names| names.iter().map(String::len).sum::<usize>() <= LONGEST_NAMES);
    for piece in rest.chunks(ROWS_TOGETHER) {
        let piece: Vec<Vec<String>> = names.into_iter().chain(piece).cloned().collect();
        builder.table(&piece)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::documents::{Format, Limits};

    #[test]
    fn encodings_are_told_apart() {
        assert_eq!(decode("\u{feff}ä".as_bytes()), ("ä".to_owned(), false));
        assert_eq!(decode(b"\xff\xfeA\0\xe4\0"), ("Aä".to_owned(), false));
        assert_eq!(decode(b"\xfe\xff\0A"), ("A".to_owned(), false));
        assert_eq!(decode(b"5 \x80 f\xfcr"), ("5 € für".to_owned(), true));
    }

    #[test]
    fn each_piece_of_a_long_table_has_the_names() {
        let mut builder = Builder::new(&Limits::default());
        let rows: Vec<String> = (0..450).map(|number| format!("{number};pen\n")).collect();
        let rows = rows.concat();
        separated(&mut builder, &format!("number;name\n{rows}")).unwrap();
        let parsed = builder.finish(Format::Csv);
        let pieces: Vec<&str> = parsed.blocks.iter().map(|block| &parsed.text[block.start..block.end]).collect();
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.starts_with("number | name\n")), "{pieces:?}");
        assert_eq!(pieces.iter().map(|piece| piece.lines().count() - 1).sum::<usize>(), 450);
    }

    #[test]
    fn separated_values_keep_what_is_quoted() {
        let mut builder = Builder::new(&Limits::default());
        separated(&mut builder, "name;say\n\"A; B\";\"two\nlines \"\"here\"\"\"\nC;d\n").unwrap();
        let parsed = builder.finish(Format::Csv);
        assert_eq!(parsed.text, "name | say\nA; B | two lines \"here\"\nC | d");
        assert_eq!(separator("just, a\nsentence"), None);
    }
}
