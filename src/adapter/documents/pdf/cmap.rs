//! Tables of characters in PDF: which codes mean which text, and how long a code is.

use std::collections::HashMap;

/// Entries of one table.
const MOST: usize = 100_000;

/// A table.
#[derive(Default)]
pub(super) struct Table {
    /// What codes mean.
    pub(super) texts: HashMap<u32, String>,
    /// How many bytes the codes have, where the table says.
    pub(super) code_bytes: Option<usize>,
}

enum Token<'a> {
    Hex(Vec<u8>),
    Word(&'a [u8]),
    Open,
    Close,
}

struct Tokens<'a>(&'a [u8]);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let begin = self.0.iter().position(|byte| !byte.is_ascii_whitespace())?;
            self.0 = &self.0[begin..];
            let rest = &self.0[1..];
            match self.0[0] {
                b'%' => self.0 = &rest[rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?..],
                b'[' => {
                    self.0 = rest;
                    return Some(Token::Open);
                }
                b']' => {
                    self.0 = rest;
                    return Some(Token::Close);
                }
                b'<' if rest.first() != Some(&b'<') => {
                    let end = rest.iter().position(|byte| *byte == b'>')?;
                    let digits: Vec<u8> = rest[..end]
                        .iter()
                        .filter_map(|byte| char::from(*byte).to_digit(16))
                        .filter_map(|digit| u8::try_from(digit).ok())
                        .collect();
                    self.0 = &rest[end + 1..];
                    return Some(Token::Hex(
                        digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)).collect(),
                    ));
                }
                _ => {
                    let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || b"[]<>%/(".contains(byte));
                    let end = end.map_or(self.0.len(), |end| end + 1);
                    let word = &self.0[..end];
                    self.0 = &self.0[end..];
                    return Some(Token::Word(word));
                }
            }
        }
    }
}

fn code(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |code, byte| code << 8 | u32::from(*byte))
}

fn text(bytes: &[u8]) -> String {
    if bytes.len() == 1 {
        return char::from(bytes[0]).to_string();
    }
    let units = bytes.as_chunks::<2>().0.iter().take(32).map(|pair| u16::from_be_bytes(*pair));
    char::decode_utf16(units).filter_map(Result::ok).filter(|letter| *letter != '\0').collect()
}

/// Reads a table; what is not understood of it is passed over.
pub(super) fn read(bytes: &[u8]) -> Table {
    let mut table = Table::default();
    let mut tokens = Tokens(bytes);
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(b"begincodespacerange") => {
                if let Some(Token::Hex(low)) = tokens.next() {
                    table.code_bytes = Some(low.len().clamp(1, 4));
                }
            }
            Token::Word(b"beginbfchar") => {
                while let Some(Token::Hex(from)) = tokens.next() {
                    match tokens.next() {
                        Some(Token::Hex(to)) => table.put(code(&from), text(&to)),
                        Some(_) => {}
                        None => break,
                    }
                }
            }
            Token::Word(b"beginbfrange") => table.ranges(&mut tokens),
            _ => {}
        }
    }
    table
}

impl Table {
    fn put(&mut self, code: u32, text: String) {
        if self.texts.len() < MOST {
            self.texts.insert(code, text);
        }
    }

    fn ranges(&mut self, tokens: &mut Tokens<'_>) {
        while let Some(Token::Hex(low)) = tokens.next() {
            let Some(Token::Hex(high)) = tokens.next() else { return };
            let (low, high) = (code(&low), code(&high));
            let high = high.min(low.saturating_add(0xffff));
            match tokens.next() {
                Some(Token::Hex(first)) => {
                    for (step, code) in (low..=high).enumerate() {
                        if self.texts.len() >= MOST {
                            return;
                        }
                        // The last unit counts up.
                        let mut bytes = first.clone();
                        let step = u16::try_from(step).unwrap_or(u16::MAX);
                        match bytes.as_mut_slice() {
                            [.., high, low] => {
                                [*high, *low] = u16::from_be_bytes([*high, *low]).wrapping_add(step).to_be_bytes();
                            }
                            [one] => *one = one.wrapping_add(step.to_be_bytes()[1]),
                            [] => {}
                        }
                        self.put(code, text(&bytes));
                    }
                }
                Some(Token::Open) => {
                    let mut code = low;
                    while let Some(Token::Hex(to)) = tokens.next() {
                        self.put(code, text(&to));
                        code = code.saturating_add(1);
                    }
                }
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn characters_and_ranges_are_read() {
        let table = super::read(
            b"1 begincodespacerange <0000> <FFFF> endcodespacerange 2 beginbfchar <0001> <0041> <0002> <D83DDE00> endbfchar
              2 beginbfrange <0010> <0012> <0061> <0020><0021>[<00660069> <00DF>] endbfrange",
        );
        assert_eq!(table.code_bytes, Some(2));
        let texts: Vec<&str> = [1, 2, 0x10, 0x12, 0x20, 0x21].iter().map(|code| table.texts[code].as_str()).collect();
        assert_eq!(texts, ["A", "😀", "a", "c", "fi", "ß"]);
        // A range over everything has an end.
        assert!(super::read(b"beginbfrange <00000000> <FFFFFFFF> <0041> endbfrange").texts.len() <= super::MOST);
    }
}
