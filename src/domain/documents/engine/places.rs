//! Places in a text: characters, as clients count them, of the bytes that the program counts; and pages.

use crate::port::documents::{Block, Parsed};

/// Knows the places of a text.
pub struct Places<'a> {
    text: &'a str,
    blocks: &'a [Block],
    /// Characters before each 1,024th byte.
    marks: Vec<usize>,
}

const STEP: usize = 1024;

impl<'a> Places<'a> {
    /// Of a document.
    #[must_use]
    pub fn of(parsed: &'a Parsed) -> Self {
        let mut marks = vec![0];
        let mut characters = 0;
        for piece in parsed.text.as_bytes().chunks(STEP) {
            characters += piece.iter().filter(|byte| is_first(**byte)).count();
            marks.push(characters);
        }
        Self { text: &parsed.text, blocks: &parsed.blocks, marks }
    }

    /// How many characters there are.
    #[must_use]
    pub fn characters(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    /// How many characters stand before a byte.
    #[must_use]
    pub fn character(&self, byte: usize) -> usize {
        let byte = byte.min(self.text.len());
        let from = byte / STEP;
        let rest = self.text.as_bytes().get(from * STEP..byte).unwrap_or_default();
        self.marks.get(from).copied().unwrap_or(0) + rest.iter().filter(|byte| is_first(**byte)).count()
    }

    /// The byte at which a character begins; the end where there are fewer.
    #[must_use]
    pub fn byte(&self, character: usize) -> usize {
        let from = self.marks.partition_point(|mark| *mark <= character).saturating_sub(1);
        let mut left = character - self.marks.get(from).copied().unwrap_or(0);
        let begin = from * STEP;
        for (at, byte) in self.text.as_bytes().get(begin..).unwrap_or_default().iter().enumerate() {
            if is_first(*byte) {
                if left == 0 {
                    return begin + at;
                }
                left -= 1;
            }
        }
        self.text.len()
    }

    /// The page on which a byte stands; 0 where there are none.
    #[must_use]
    pub fn page(&self, byte: usize) -> u32 {
        let behind = self.blocks.partition_point(|block| block.start <= byte);
        self.blocks.get(behind.saturating_sub(1)).map_or(0, |block| block.page)
    }
}

fn is_first(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::port::documents::{BlockKind, Format};

    /// A document of these parts.
    pub(in crate::domain::documents::engine) fn parsed(parts: &[(BlockKind, u8, u32, &str)]) -> Parsed {
        let (mut text, mut blocks) = (String::new(), Vec::new());
        for (kind, level, page, words) in parts {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            let start = text.len();
            text.push_str(words);
            blocks.push(Block { kind: *kind, level: *level, start, end: text.len(), page: *page });
        }
        Parsed {
            format: Format::Text,
            media_type: String::new(),
            text,
            blocks,
            pages: 0,
            metadata: BTreeMap::new(),
            warnings: Vec::new(),
            recognised: Vec::new(),
        }
    }

    #[test]
    fn characters_and_bytes_are_told_of_each_other() {
        let long = "äb€".repeat(2000);
        let parsed = parsed(&[(BlockKind::Paragraph, 0, 1, &long), (BlockKind::Paragraph, 0, 7, "ende")]);
        let places = Places::of(&parsed);
        assert_eq!(places.characters(), 6006);
        for character in [0, 1, 2, 3, 340, 341, 342, 5999, 6002, 6005, 6006] {
            let byte = places.byte(character);
            assert!(parsed.text.is_char_boundary(byte));
            assert_eq!(places.character(byte), character);
        }
        assert_eq!(places.byte(9999), parsed.text.len());
        assert_eq!((places.page(0), places.page(parsed.text.len() - 1)), (1, 7));
    }
}
