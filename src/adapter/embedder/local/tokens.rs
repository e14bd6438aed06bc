//! Cutting texts into the pieces of words that a BERT knows: cleaned, split at spaces and punctuation, each word cut into the longest
//! pieces of the vocabulary.

use std::collections::HashMap;

use regex::Regex;
use unicode_normalization::UnicodeNormalization as _;

/// A longer word is one that is not known.
const LONGEST_WORD: usize = 100;

/// The pieces and how texts are prepared for them.
#[derive(Debug)]
pub(super) struct Tokens {
    pieces: HashMap<String, u32>,
    lowers: bool,
    /// What is no letter of anything: control characters and what stands for damage.
    void: Regex,
    /// Marks that letters bear.
    marks: Regex,
    /// What is a word of its own: punctuation and Chinese characters.
    alone: Regex,
    first: u32,
    last: u32,
    unknown: u32,
}

impl Tokens {
    /// Over a vocabulary.
    ///
    /// # Errors
    /// When the vocabulary lacks what every text needs.
    pub(super) fn new(pieces: HashMap<String, u32>, lowers: bool) -> Result<Self, String> {
        let special = |name: &str| pieces.get(name).copied().ok_or_else(|| format!("the vocabulary has no {name}"));
        let pattern = |text: &str| Regex::new(text).map_err(|error| error.to_string());
        Ok(Self {
            first: special("[CLS]")?,
            last: special("[SEP]")?,
            unknown: special("[UNK]")?,
            void: pattern(r"[\p{C}\x{FFFD}&&[^\t\n\r]]+")?,
            marks: pattern(r"\p{Mn}+")?,
            alone: pattern(concat!(
                r"[!-/:-@\[-`{-~\p{P}\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}",
                r"\x{2B740}-\x{2B81F}\x{2B920}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]"
            ))?,
            pieces,
            lowers,
        })
    }

    /// The greatest number of a piece.
    pub(super) fn greatest(&self) -> u32 {
        self.pieces.values().copied().max().unwrap_or(0)
    }

    /// The pieces of a text, at most so many, what begins and ends it included. Names of special pieces in it are text like other
    /// text.
    pub(super) fn of(&self, text: &str, longest: usize) -> Vec<u32> {
        let mut found = vec![self.first];
        let most = longest.saturating_sub(1).max(1);
        for word in self.prepared(beginning(text, longest)).split_whitespace() {
            if found.len() >= most {
                break;
            }
            self.cut(word, &mut found);
        }
        found.truncate(most);
        found.push(self.last);
        found
    }

    fn prepared(&self, text: &str) -> String {
        let text = self.void.replace_all(text, "");
        if !self.lowers {
            return self.alone.replace_all(&text, " $0 ").into_owned();
        }
        let bare: String = text.nfd().collect();
        let bare = self.marks.replace_all(&bare, "").to_lowercase();
        self.alone.replace_all(&bare, " $0 ").into_owned()
    }

    fn cut(&self, word: &str, found: &mut Vec<u32>) {
        if word.chars().count() > LONGEST_WORD {
            found.push(self.unknown);
            return;
        }
        let before = found.len();
        let mut from = 0;
        let mut piece = String::new();
        while from < word.len() {
            let ends = word[from..].char_indices().map(|(at, letter)| from + at + letter.len_utf8());
            let longest = ends.rev().find_map(|until| {
                piece.clear();
                if from > 0 {
                    piece.push_str("##");
                }
                piece.push_str(&word[from..until]);
                self.pieces.get(&piece).map(|number| (until, *number))
            });
            let Some((until, number)) = longest else {
                found.truncate(before);
                found.push(self.unknown);
                return;
            };
            found.push(number);
            from = until;
        }
    }
}

/// The beginning of a text in which so many pieces surely lie, unless it is next to nothing but spaces.
pub(super) fn beginning(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary((longest * 64).max(16 << 10))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(lowers: bool) -> Tokens {
        let words = "[PAD] [UNK] [CLS] [SEP] un ##aff ##able grosse , . 日 ##s caf ##e X";
        Tokens::new(words.split(' ').map(str::to_owned).zip(0..).collect(), lowers).unwrap()
    }

    #[test]
    fn words_are_cut_into_the_longest_pieces() {
        let tokens = tokens(true);
        let of = |text: &str| tokens.of(text, 16);
        assert_eq!(of(""), [2, 3]);
        assert_eq!(of("Unaffable, unaffables."), [2, 4, 5, 6, 8, 4, 5, 6, 11, 9, 3]);
        assert_eq!(of("CAFÉ\u{200B}s"), [2, 12, 13, 11, 3]);
        assert_eq!(of("日日 zzz un\u{0}aff"), [2, 10, 10, 1, 4, 5, 3]);
        assert_eq!(of(&"un".repeat(60)), [2, 1, 3]);
        assert_eq!(of(&", ".repeat(100)).len(), 16);
        assert_eq!(of(&" ".repeat(1 << 20)), [2, 3]);
        assert_eq!(of(&"日".repeat(1 << 20)).len(), 16);
    }

    #[test]
    fn letters_stay_as_they_are_where_the_model_tells_them_apart() {
        assert_eq!(tokens(false).of("X x é", 16), [2, 14, 1, 1, 3]);
        assert!(Tokens::new(HashMap::new(), true).is_err());
    }
}
