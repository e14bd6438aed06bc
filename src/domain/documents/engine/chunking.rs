//! Cutting a text into passages along its parts: a heading begins one, a table or code stays whole where it fits, a long
//! paragraph is cut between sentences. Where size alone cuts, the next passage begins with the last words of the one before.
//! The same text gives the same passages.

use super::places::Places;
use crate::port::documents::{Block, BlockKind, Parsed};

/// How large passages are, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// The most that one has, without what it begins with of the one before; a table or code may have half as much more.
    pub most: usize,
    /// How much of the one before it may begin with.
    pub overlap: usize,
    /// How much of what stands before and behind is kept beside it.
    pub beside: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { most: 1200, overlap: 150, beside: 200 }
    }
}

/// A passage of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Where it begins and ends, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Where it begins, in characters.
    pub offset: usize,
    /// How many characters it has.
    pub length: usize,
    /// Its first and last page.
    pub page: u32,
    /// Its last page.
    pub last_page: u32,
    /// The headings above it, outermost first; of a piece of a long table the row of its names, too.
    pub headings: Vec<String>,
    /// The passage that begins the part that it is in.
    pub parent: Option<u32>,
    /// What stands before and behind it.
    pub beside: String,
}

/// Headings within each other that are told.
const DEEPEST: usize = 6;
/// The longest heading that is told above a passage.
const LONGEST_HEADING: usize = 160;

struct Cutting<'a> {
    text: &'a str,
    sizes: Sizes,
    /// The headings that hold: level, words, the passage that begins with it.
    above: Vec<(u8, String, u32)>,
    open: Option<(usize, usize)>,
    /// Whether the open passage has more than headings.
    full: bool,
    pieces: Vec<Piece>,
    /// Where the last passage was cut by size alone, what the next begins with.
    carried: Option<usize>,
    /// The row of names of the table that the open passage goes on with.
    names: Option<String>,
}

struct Piece {
    start: usize,
    end: usize,
    headings: Vec<String>,
    parent: Option<u32>,
}

/// Cuts a document.
#[must_use]
pub fn cut(parsed: &Parsed, sizes: Sizes) -> Vec<Passage> {
    let mut cutting = Cutting {
        text: &parsed.text,
        sizes,
        above: Vec::new(),
        open: None,
        full: false,
        pieces: Vec::new(),
        carried: None,
        names: None,
    };
    for block in &parsed.blocks {
        cutting.take(block);
    }
    cutting.end(false);
    let places = Places::of(parsed);
    cutting.pieces.iter().map(|piece| passage(parsed, &places, piece, sizes)).collect()
}

impl Cutting<'_> {
    fn take(&mut self, block: &Block) {
        let words = self.text.get(block.start..block.end).unwrap_or_default();
        let characters = words.chars().count();
        let is_heading = block.kind == BlockKind::Heading;
        if is_heading {
            if self.full || self.has(block.start) + characters > self.sizes.most {
                self.end(false);
            }
            self.carried = None;
            self.above.retain(|(level, ..)| *level < block.level);
            if self.above.len() < DEEPEST {
                let number = u32::try_from(self.pieces.len()).unwrap_or(u32::MAX);
                self.above.push((block.level, words.chars().take(LONGEST_HEADING).collect(), number));
            }
        }
        let whole = matches!(block.kind, BlockKind::Table | BlockKind::Code);
        let have = self.has(block.start);
        if have > 0 && have + characters > self.sizes.most {
            self.end(!whole && self.full);
        }
        let most = if whole { self.sizes.most + self.sizes.most / 2 } else { self.sizes.most };
        if characters <= most {
            if whole {
                self.carried = None;
            }
            self.grow(block.start, block.end);
            self.full = !is_heading;
            return;
        }
        // Too long for one passage.
        let names = (block.kind == BlockKind::Table).then(|| words.lines().next().unwrap_or_default().to_owned());
        let mut at = block.start;
        while at < block.end {
            let rest = self.text.get(at..block.end).unwrap_or_default();
            let end = at + if whole { line_end(rest, self.sizes.most) } else { sentence_end(rest, self.sizes.most) };
            self.grow(at, end);
            self.full = true;
            self.names = names.clone().filter(|_| at > block.start);
            at = end + self.text.get(end..block.end).map_or(0, |rest| rest.len() - rest.trim_start().len());
            if at < block.end || whole {
                self.end(!whole);
            }
        }
    }

    /// How many characters the open passage has before a place.
    fn has(&self, at: usize) -> usize {
        self.open.map_or(0, |(start, _)| self.text.get(start..at).map_or(0, |text| text.chars().count()))
    }

    fn grow(&mut self, start: usize, end: usize) {
        match &mut self.open {
            Some(open) => open.1 = end,
            None => self.open = Some((self.carried.take().unwrap_or(start), end)),
        }
    }

    /// Ends the open passage; `goes_on` where size alone ends it.
    fn end(&mut self, goes_on: bool) {
        self.full = false;
        let Some((start, end)) = self.open.take() else { return };
        let number = u32::try_from(self.pieces.len()).unwrap_or(u32::MAX);
        let names = self.names.take().map(|names| names.chars().take(LONGEST_HEADING).collect());
        let headings = self.above.iter().map(|(_, words, _)| words.clone()).chain(names).collect();
        let parent = self.above.iter().rev().map(|(_, _, begun)| *begun).find(|begun| *begun != number);
        self.pieces.push(Piece { start, end, headings, parent });
        self.carried = goes_on.then(|| last_words(self.text, start, end, self.sizes.overlap)).flatten();
    }
}

fn passage(parsed: &Parsed, places: &Places<'_>, piece: &Piece, sizes: Sizes) -> Passage {
    let text = parsed.text.as_str();
    let before = text.get(..piece.start).unwrap_or_default();
    let from = before.char_indices().rev().nth(sizes.beside.saturating_sub(1)).map_or(0, |(at, _)| at);
    let behind = text.get(piece.end..).unwrap_or_default();
    let to = behind.char_indices().nth(sizes.beside).map_or(behind.len(), |(at, _)| at);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let beside = format!("{} … {}", words(&before[from..]), words(&behind[..to]));
    let offset = places.character(piece.start);
    Passage {
        start: piece.start,
        end: piece.end,
        offset,
        length: places.character(piece.end) - offset,
        page: places.page(piece.start),
        last_page: places.page(piece.end.saturating_sub(1)),
        headings: piece.headings.clone(),
        parent: piece.parent,
        beside: beside.trim_matches([' ', '…']).to_owned(),
    }
}

/// Where a piece of at most so many characters ends, at the end of a line where there is one.
fn line_end(text: &str, most: usize) -> usize {
    let limit = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    if limit == text.len() {
        return limit;
    }
    text[..limit].rfind('\n').filter(|at| *at > 0).unwrap_or(limit)
}

/// The same at the end of a sentence, else of a word.
fn sentence_end(text: &str, most: usize) -> usize {
    let limit = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    if limit == text.len() {
        return limit;
    }
    let head = &text[..limit];
    let half = head.len() / 2;
    let sentence = [". ", "! ", "? ", "; ", "。"].iter().filter_map(|end| head.rfind(end)).max().map(|at| at + 1);
    let at = sentence
        .filter(|at| *at > half && head.is_char_boundary(*at))
        .or_else(|| head.rfind(' ').filter(|at| *at > half));
    at.unwrap_or(limit)
}

/// Where the last words of a passage begin: at a sentence where there is one near, else at a word.
fn last_words(text: &str, start: usize, end: usize, most: usize) -> Option<usize> {
    let passage = text.get(start..end)?;
    let from = passage.char_indices().rev().nth(most).map(|(at, _)| at)?;
    let tail = &passage[from..];
    let begin = tail.find(". ").map(|at| at + 2).or_else(|| tail.find(' ').map(|at| at + 1))?;
    (begin < tail.len()).then_some(start + from + begin)
}

#[cfg(test)]
mod tests {
    use super::super::places::tests::parsed;
    use super::*;
    use BlockKind::{Heading, Paragraph, Table};

    fn sizes() -> Sizes {
        Sizes { most: 100, overlap: 30, beside: 10 }
    }

    fn texts(parsed: &Parsed, passages: &[Passage]) -> Vec<String> {
        passages.iter().map(|one| parsed.text[one.start..one.end].to_owned()).collect()
    }

    #[test]
    fn headings_begin_passages_and_stand_above_them() {
        let parsed = parsed(&[
            (Heading, 1, 1, "Käse"),
            (Heading, 2, 1, "Milk"),
            (Paragraph, 0, 1, "From cows."),
            (Paragraph, 0, 2, "And goats."),
            (Heading, 2, 2, "Salt"),
            (Paragraph, 0, 3, "From the sea."),
        ]);
        let passages = cut(&parsed, sizes());
        assert_eq!(texts(&parsed, &passages), ["Käse\n\nMilk\n\nFrom cows.\n\nAnd goats.", "Salt\n\nFrom the sea."]);
        assert_eq!((passages[0].page, passages[0].last_page, passages[1].last_page), (1, 2, 3));
        assert_eq!(passages[1].headings, ["Käse", "Salt"]);
        assert_eq!((passages[0].parent, passages[1].parent), (None, Some(0)));
        assert_eq!((passages[1].offset, passages[1].length), (36, 19));
        assert_eq!(passages[1].beside, "d goats.");
    }

    #[test]
    fn long_paragraphs_are_cut_between_sentences_and_overlap() {
        let sentence = "The river rose by night again. ";
        let parsed = parsed(&[(Paragraph, 0, 1, sentence.repeat(9).trim())]);
        let passages = cut(&parsed, sizes());
        assert!(passages.iter().all(|one| one.length <= 100 + 31), "{passages:?}");
        let texts = texts(&parsed, &passages);
        assert!(texts.iter().all(|text| text.starts_with("The river") && text.ends_with("again.")), "{texts:?}");
        assert!(passages.windows(2).all(|pair| pair[1].start < pair[0].end), "{passages:?}");
        assert_eq!(passages, cut(&parsed, sizes()));
    }

    #[test]
    fn tables_stay_whole_or_carry_their_names() {
        let small = "a | b\n".repeat(20);
        let parsed_small = parsed(&[(Paragraph, 0, 1, &"word ".repeat(10)), (Table, 0, 1, small.trim())]);
        assert_eq!(cut(&parsed_small, sizes()).len(), 2);
        let large = format!("name | price\n{}", "pen | 12\n".repeat(40));
        let parsed_large = parsed(&[(Table, 0, 1, large.trim())]);
        let passages = cut(&parsed_large, sizes());
        assert!(passages.len() > 3);
        assert!(passages[1..].iter().all(|one| one.headings == ["name | price"]), "{passages:?}");
        assert!(
            texts(&parsed_large, &passages).iter().skip(1).all(|text| text.starts_with("pen") && text.ends_with("12"))
        );
    }

    #[test]
    fn headings_alone_are_cut_too() {
        let many: Vec<_> = (0..50).map(|_| (Heading, 1, 1, "ten letter")).collect();
        let of_many = parsed(&many);
        let long = "A heading that is a whole page. ".repeat(20);
        let of_long = parsed(&[(Heading, 1, 1, long.trim()), (Paragraph, 0, 1, "Below.")]);
        for parsed in [of_many, of_long] {
            let passages = cut(&parsed, sizes());
            assert!(passages.len() > 3 && passages.iter().all(|one| one.length <= 100 + 33), "{passages:?}");
            assert_eq!(passages.last().map(|last| last.end), Some(parsed.text.len()));
        }
    }

    #[test]
    fn text_without_any_break_is_cut_all_the_same() {
        let parsed = parsed(&[(Paragraph, 0, 0, &"ä".repeat(1000))]);
        let passages = cut(&parsed, sizes());
        assert_eq!(passages.iter().map(|one| one.length).sum::<usize>(), 1000);
        assert!(cut(&parsed_empty(), sizes()).is_empty());
    }

    fn parsed_empty() -> Parsed {
        parsed(&[])
    }
}
