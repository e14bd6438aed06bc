//! From lines on pages to the parts of a document: paragraphs, headings, items, tables.

use std::collections::BTreeMap;

use super::layout::{Item, Run};
use crate::adapter::documents::building::{Builder, table};
use crate::port::documents::{BlockKind, ParseFault};

/// The longest heading in characters.
const LONGEST_HEADING: usize = 160;

/// What was written on the pages so far.
#[derive(Default)]
pub(super) struct Writing {
    parts: Vec<Part>,
    size: usize,
    /// Letters of each size, in half points.
    sizes: BTreeMap<u32, usize>,
}

struct Part {
    page: u32,
    kind: BlockKind,
    text: String,
    size: u32,
    bold: bool,
    lines: usize,
}

impl Writing {
    /// How many bytes of text there are.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Adds a page's items.
    pub(super) fn page(&mut self, page: u32, items: Vec<Item>) {
        let mut last: Option<Run> = None;
        // Where lines that begin at a place end at the most: the right edge of their column, in steps of half an inch.
        let mut edges: BTreeMap<i64, f64> = BTreeMap::new();
        for item in &items {
            if let Item::Line(line) = item {
                let edge = edges.entry(step(line.left)).or_insert(line.right);
                *edge = edge.max(line.right);
            }
        }
        for item in items {
            match item {
                Item::Table(rows) => {
                    last = None;
                    let text = table(&rows);
                    self.size += text.len();
                    let letters = text.chars().count();
                    self.parts.push(Part {
                        page,
                        kind: BlockKind::Table,
                        text,
                        size: 0,
                        bold: false,
                        lines: rows.len(),
                    });
                    *self.sizes.entry(0).or_default() += letters / 4;
                }
                Item::Line(line) => {
                    let at = step(line.left);
                    let edge = edges.range(at - 1..=at + 1).map(|(_, edge)| *edge).fold(line.right, f64::max);
                    self.line(page, &line, last.as_ref(), edge);
                    last = Some(line);
                }
            }
        }
    }

    /// Adds what was recognised in a picture.
    pub(super) fn recognised(&mut self, page: u32, text: &str) {
        for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            self.size += paragraph.len();
            self.parts.push(Part {
                page,
                kind: BlockKind::Paragraph,
                text: paragraph.to_owned(),
                size: 0,
                bold: false,
                lines: 1,
            });
        }
    }

    fn line(&mut self, page: u32, line: &Run, last: Option<&Run>, edge: f64) {
        let text = line.text.trim();
        let size = half_points(line.size);
        self.size += text.len() + 1;
        *self.sizes.entry(size).or_default() += text.chars().count();
        let item = is_item(text);
        let goes_on = last.is_some_and(|last| {
            let step = line.y - last.y;
            let indented = line.left - last.left;
            // A line that ends although the next word would have had room was ended on purpose.
            let letters = text.chars().count().max(1);
            let word = text.split(' ').next().map_or(0, |word| word.chars().count());
            #[expect(clippy::cast_precision_loss, reason = "lines are short")]
            let width = (line.right - line.left) * word as f64 / letters as f64;
            let was_full = last.right + width + 1.5 * line.size >= edge;
            was_full
                && step > 0.0
                && step <= 1.55 * line.size.max(last.size)
                && (line.size - last.size).abs() < 0.12 * last.size
                && line.bold == last.bold
                && !item
                && indented
                    < 0.9
                        * line.size.max(1.0)
                        * if self.parts.last().is_some_and(|part| part.lines == 1) { 3.0 } else { 1.0 }
        });
        match self.parts.last_mut() {
            Some(part) if goes_on && part.page == page => {
                append(&mut part.text, text);
                part.lines += 1;
            }
            _ => {
                let kind = if item { BlockKind::ListItem } else { BlockKind::Paragraph };
                self.parts.push(Part { page, kind, text: text.to_owned(), size, bold: line.bold, lines: 1 });
            }
        }
    }

    /// Says which parts are headings, now that the usual size is known, and hands over all of them.
    pub(super) fn into_blocks(self, builder: &mut Builder) -> Result<(), ParseFault> {
        let usual = self
            .sizes
            .iter()
            .filter(|(size, _)| **size > 0)
            .max_by_key(|(_, letters)| **letters)
            .map_or(0, |(size, _)| *size);
        let is_short = |part: &Part| part.lines <= 3 && part.text.chars().count() <= LONGEST_HEADING;
        let is_large = |part: &Part| part.size * 100 >= usual * 115 && usual > 0;
        let mut sizes: Vec<u32> =
            self.parts.iter().filter(|part| is_short(part) && is_large(part)).map(|part| part.size).collect();
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        sizes.dedup();
        for part in &self.parts {
            builder.page = part.page;
            let words = part.text.chars().filter(|letter| letter.is_alphabetic()).count();
            let may = is_short(part) && part.kind != BlockKind::Table && words >= 2;
            let stands_out = part.bold && part.lines <= 2 && part.size * 100 >= usual * 95 && part.size > 0;
            let ends = part.text.ends_with(['.', ',', ';', ':']);
            if may && is_large(part) {
                let level = sizes.iter().position(|size| *size == part.size).unwrap_or(0) + 1;
                builder.add(BlockKind::Heading, u8::try_from(level).unwrap_or(9).min(6), &part.text)?;
            } else if may && stands_out && !ends {
                let level = u8::try_from(sizes.len() + 1).unwrap_or(6).min(6);
                builder.add(BlockKind::Heading, level, &part.text)?;
            } else {
                builder.add(part.kind, 0, &part.text)?;
            }
        }
        Ok(())
    }
}

/// Adds a line to a paragraph; a word that was divided at the end of a line is one word.
fn append(text: &mut String, line: &str) {
    let divided = text.ends_with(['-', '\u{ad}', '\u{2010}'])
        && text.chars().rev().nth(1).is_some_and(char::is_alphabetic)
        && line.starts_with(char::is_lowercase);
    if divided {
        text.pop();
    } else {
        text.push(' ');
    }
    text.push_str(line);
}

/// Whether a line begins an item of a list.
fn is_item(text: &str) -> bool {
    let Some((mark, rest)) = text.split_once(' ') else { return false };
    if rest.trim().is_empty() {
        return false;
    }
    let number = mark.strip_suffix(['.', ')']).unwrap_or("");
    matches!(mark, "•" | "◦" | "▪" | "‣" | "·" | "*" | "-" | "–" | "●" | "■" | "\u{f0b7}")
        || ((1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit()))
        || (number.len() == 1 && number.bytes().all(|byte| byte.is_ascii_lowercase()))
}

#[expect(clippy::cast_possible_truncation, reason = "bounded first")]
fn step(left: f64) -> i64 {
    (left / 36.0).clamp(-10_000.0, 10_000.0).round() as i64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded first")]
fn half_points(size: f64) -> u32 {
    (size * 2.0).round().clamp(0.0, 10_000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divided_words_and_items_are_known() {
        let mut text = "a para-".to_owned();
        append(&mut text, "graph of");
        append(&mut text, "A-");
        append(&mut text, "B");
        assert_eq!(text, "a paragraph of A- B");
        assert_eq!(
            ["• one", "1. one", "a) one", "2026. one", "one two", "-"].map(is_item),
            [true, true, true, false, false, false]
        );
    }
}
