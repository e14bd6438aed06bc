//! The words and signs of a query, each with its place.

use super::{Place, Refused};

/// A word or sign.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name or keyword as it is written.
    Word(String),
    /// A name in backquotes: never a keyword.
    Quoted(String),
    /// A parameter's name.
    Parameter(String),
    /// A whole number.
    Whole(i64),
    /// A number with a fraction or an exponent.
    Real(f64),
    /// A text.
    Text(String),
    /// A sign.
    Sign(&'static str),
    /// The end.
    End,
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    /// The byte where it begins, and the one behind it.
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Longer signs stand before those that they begin with.
const SIGNS: &[&str] = &[
    "<=", ">=", "<>", "=~", "..", "+=", "(", ")", "[", "]", "{", "}", ":", "|", ",", ".", "*", "=", "<", ">", "-", "+",
    "/", "%", "^", ";", "&", "!", "?",
];

/// The line and column of a byte, from 1.
pub(super) fn place(text: &str, byte: usize) -> Place {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place { line, column }
}

/// Reads all tokens.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, Refused> {
    let mut lexer = Lexer { text, at: 0, found: Vec::new() };
    while lexer.one()? {}
    Ok(lexer.found)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    found: Vec<Placed>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn refused(&self, from: usize, say: impl Into<String>) -> Refused {
        Refused::syntax(place(self.text, from), say)
    }

    fn push(&mut self, token: Token, length: usize) {
        let from = self.at;
        self.at += length;
        self.found.push(Placed { token, from, to: self.at });
    }

    /// Skips what says nothing.
    fn skip(&mut self) -> Result<(), Refused> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let end = trimmed
                    .find("*/")
                    .ok_or_else(|| self.refused(self.at, "the comment has no end: close it by */"))?;
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    /// Reads one token; false at the end.
    fn one(&mut self) -> Result<bool, Refused> {
        self.skip()?;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            self.push(Token::End, 0);
            return Ok(false);
        };
        match first {
            '\'' | '"' => self.quoted(first)?,
            '`' => {
                let inner = rest.get(1..).unwrap_or_default();
                let end = inner.find('`').ok_or_else(|| self.refused(self.at, "the name in backquotes has no end"))?;
                let name = inner.get(..end).unwrap_or_default().to_owned();
                if name.is_empty() {
                    return Err(self.refused(self.at, "the name in backquotes is empty"));
                }
                self.push(Token::Quoted(name), end + 2);
            }
            '$' => {
                let length = word_length(rest.get(1..).unwrap_or_default());
                if length == 0 {
                    return Err(self.refused(self.at, "a parameter has a name behind $, such as $name"));
                }
                let name = rest.get(1..=length).unwrap_or_default().to_owned();
                self.push(Token::Parameter(name), length + 1);
            }
            first if first.is_ascii_digit() => self.number()?,
            first if first.is_alphabetic() || first == '_' => {
                let length = word_length(rest);
                self.push(Token::Word(rest.get(..length).unwrap_or_default().to_owned()), length);
            }
            first => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let Some(sign) = sign else {
                    return Err(self.refused(self.at, format!("the sign '{first}' has no meaning here")));
                };
                self.push(Token::Sign(sign), sign.len());
            }
        }
        Ok(true)
    }

    fn quoted(&mut self, quote: char) -> Result<(), Refused> {
        let mut text = String::new();
        let mut signs = self.rest().char_indices().skip(1);
        while let Some((at, sign)) = signs.next() {
            match sign {
                sign if sign == quote => {
                    self.push(Token::Text(text), at + 1);
                    return Ok(());
                }
                '\\' => match signs.next().map(|(_, sign)| sign) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some(sign @ ('\\' | '\'' | '"' | '`')) => text.push(sign),
                    _ => {
                        let say = "behind a backslash in a text stands one of \\ ' \" n r t";
                        return Err(self.refused(self.at + at, say));
                    }
                },
                other => text.push(other),
            }
        }
        Err(self.refused(self.at, "the text has no end: close it by the quote that it began with"))
    }

    fn number(&mut self) -> Result<(), Refused> {
        let rest = self.rest();
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut length = digits(rest);
        let mut real = false;
        let behind = rest.get(length..).unwrap_or_default();
        if let Some(fraction) = behind.strip_prefix('.')
            && digits(fraction) > 0
        {
            (real, length) = (true, length + 1 + digits(fraction));
        }
        let behind = rest.get(length..).unwrap_or_default();
        if let Some(exponent) = behind.strip_prefix(['e', 'E']) {
            let sign = usize::from(exponent.starts_with(['+', '-']));
            let count = digits(exponent.get(sign..).unwrap_or_default());
            if count > 0 {
                (real, length) = (true, length + 1 + sign + count);
            }
        }
        let behind = rest.get(length..).unwrap_or_default();
        if word_length(behind) > 0 {
            return Err(self.refused(self.at, "a name cannot begin with a digit: put it into backquotes"));
        }
        let text = rest.get(..length).unwrap_or_default();
        let token = if real {
            text.parse().ok().filter(|number: &f64| number.is_finite()).map(Token::Real)
        } else {
            text.parse().ok().map(Token::Whole)
        };
        let token = token.ok_or_else(|| self.refused(self.at, "the number is larger than a number can be"))?;
        self.push(token, length);
        Ok(())
    }
}

fn word_length(text: &str) -> usize {
    text.chars().take_while(|one| one.is_alphanumeric() || *one == '_').map(char::len_utf8).sum()
}
