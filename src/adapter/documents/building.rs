//! Putting a document's text together, part by part.

use std::collections::BTreeMap;

use crate::port::documents::{Block, BlockKind, Format, Limits, ParseFault, Parsed};

/// Sentences about what could not be read, at most.
const MOST_WARNINGS: usize = 20;
/// Entries of what a document says of itself, and the characters of one.
const MOST_ENTRIES: usize = 40;
const LONGEST_ENTRY: usize = 500;
/// Parts of one document: each costs more than its text.
const MOST_BLOCKS: usize = 400_000;

/// A document on its way.
pub(super) struct Builder {
    text: String,
    blocks: Vec<Block>,
    /// The page that parts are put on now; 0 for none.
    pub(super) page: u32,
    /// How many pages there are.
    pub(super) pages: u32,
    metadata: BTreeMap<String, String>,
    warnings: Vec<String>,
    /// Pages whose text was recognised.
    pub(super) recognised: Vec<u32>,
    most: usize,
}

impl Builder {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            text: String::new(),
            blocks: Vec::new(),
            page: 0,
            pages: 0,
            metadata: BTreeMap::new(),
            warnings: Vec::new(),
            recognised: Vec::new(),
            most: limits.text,
        }
    }

    /// Adds a part. White space is made one space each, except in tables and code. A part without text is none.
    pub(super) fn add(&mut self, kind: BlockKind, level: u8, text: &str) -> Result<(), ParseFault> {
        let start = self.text.len() + if self.text.is_empty() { 0 } else { 2 };
        let before = self.text.len();
        if before > 0 {
            self.text.push_str("\n\n");
        }
        match kind {
            BlockKind::Table | BlockKind::Code => push_lines(&mut self.text, text),
            _ => push_words(&mut self.text, text),
        }
        if self.text.len() <= start {
            self.text.truncate(before);
            return Ok(());
        }
        if self.text.len() > self.most {
            return Err(ParseFault::TooLarge(format!("its text has more than the {} bytes that it may", self.most)));
        }
        if self.blocks.len() >= MOST_BLOCKS {
            return Err(ParseFault::TooLarge(format!("it has more than {MOST_BLOCKS} parts")));
        }
        let level = if kind == BlockKind::Heading { level.clamp(1, 9) } else { 0 };
        self.blocks.push(Block { kind, level, start, end: self.text.len(), page: self.page });
        Ok(())
    }

    /// Adds a paragraph.
    pub(super) fn paragraph(&mut self, text: &str) -> Result<(), ParseFault> {
        self.add(BlockKind::Paragraph, 0, text)
    }

    /// Adds a table.
    pub(super) fn table(&mut self, rows: &[Vec<String>]) -> Result<(), ParseFault> {
        self.add(BlockKind::Table, 0, &table(rows))
    }

    /// Keeps what the document says of itself.
    pub(super) fn says(&mut self, name: &str, value: &str) {
        let value: String = value.split_whitespace().collect::<Vec<_>>().join(" ");
        if !value.is_empty() && self.metadata.len() < MOST_ENTRIES {
            self.metadata.entry(name.to_owned()).or_insert_with(|| value.chars().take(LONGEST_ENTRY).collect());
        }
    }

    /// Tells what could not be read, once.
    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if self.warnings.len() < MOST_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Whether there is no text yet.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub(super) fn finish(self, format: Format) -> Parsed {
        Parsed {
            format,
            media_type: format.media_type().to_owned(),
            text: self.text,
            blocks: self.blocks,
            pages: self.pages,
            metadata: self.metadata,
            warnings: self.warnings,
            recognised: self.recognised,
        }
    }
}

/// A table as text: a row a line, cells between ` | `. Rows that say nothing are left out, empty cells at the end too.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().map(|cell| cell.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/")).collect();
        let used = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        if used > 0 {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&cells[..used].join(" | "));
        }
    }
    text
}

/// Words with one space between them. What no eye sees is left out.
fn push_words(text: &mut String, words: &str) {
    let begin = text.len();
    for word in words.split(|letter: char| letter.is_whitespace() || letter.is_control()) {
        if word.is_empty() {
            continue;
        }
        if text.len() > begin {
            text.push(' ');
        }
        text.extend(word.chars().filter(|letter| is_seen(*letter)));
    }
}

/// Lines as they are, without control characters, white space at their ends, and empty lines around.
fn push_lines(text: &mut String, lines: &str) {
    let begin = text.len();
    let mut empty = 0;
    for line in lines.lines() {
        let line = line.trim_end();
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if text.len() > begin {
            text.extend(std::iter::repeat_n('\n', 1 + empty.min(1)));
        }
        empty = 0;
        text.extend(line.chars().filter(|letter| *letter == '\t' || (!letter.is_control() && is_seen(*letter))));
    }
}

fn is_seen(letter: char) -> bool {
    !matches!(letter, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_know_their_places() {
        let mut builder = Builder::new(&Limits::default());
        builder.add(BlockKind::Heading, 0, " A\n title ").unwrap();
        builder.paragraph("  \n").unwrap();
        builder.page = 2;
        builder.table(&[vec!["a".into(), "b|c".into(), String::new()], vec![], vec!["d".into()]]).unwrap();
        builder.add(BlockKind::Code, 0, "\n\nif x:\n    y\n\n\n\n  z  \n\n").unwrap();
        let parsed = builder.finish(Format::Text);
        let parts: Vec<&str> = parsed.blocks.iter().map(|block| &parsed.text[block.start..block.end]).collect();
        assert_eq!(parts, ["A title", "a | b/c\nd", "if x:\n    y\n\n  z"]);
        assert_eq!(parsed.text, parts.join("\n\n"));
        assert_eq!((parsed.blocks[0].level, parsed.blocks[0].page, parsed.blocks[1].page), (1, 0, 2));
    }

    #[test]
    fn text_has_an_end() {
        let mut builder = Builder::new(&Limits { text: 10, ..Limits::default() });
        builder.paragraph("12345").unwrap();
        assert!(matches!(builder.paragraph("12345"), Err(ParseFault::TooLarge(_))));
    }
}
