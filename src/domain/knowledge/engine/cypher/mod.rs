//! The text of a query into what it means: a part of Cypher that can only read. What is outside of it is refused by its name, with the place
//! and what to write in its stead. Parameters are put in their places as values: no text of theirs is ever read as a query.

mod clauses;
mod expressions;
mod lexer;
mod words;

use serde_json::{Map, Value};

use crate::port::graph_query::{GraphQuery, Stands, Variable};
use lexer::{Placed, Token, place, tokens};

/// So deep expressions may lie within each other.
const DEEPEST: usize = 40;
/// So many variables a query may have, those without a name too.
const MOST_VARIABLES: usize = 40;

/// A place in the text, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Where.
    pub place: Place,
    /// Why.
    pub say: String,
    /// What is outside of what is understood, by its name; none where it is no Cypher.
    pub outside: Option<String>,
    /// What to write in its stead.
    pub instead: Option<String>,
}

impl Refused {
    fn syntax(place: Place, say: impl Into<String>) -> Self {
        Self { place, say: say.into(), outside: None, instead: None }
    }

    fn outside(place: Place, name: &str, instead: &str) -> Self {
        let say = format!("{name} is outside of what graph_query understands");
        Self { place, say, outside: Some(name.to_owned()), instead: Some(instead.to_owned()) }
    }
}

/// Reads a query.
///
/// # Errors
/// Why it is refused.
pub fn read(text: &str, parameters: &Map<String, Value>) -> Result<GraphQuery, Refused> {
    let tokens = tokens(text)?;
    let mut parser = Parser { text, tokens, at: 0, parameters, variables: Vec::new(), depth: 0 };
    parser.query()
}

/// Reads token after token.
struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    at: usize,
    parameters: &'a Map<String, Value>,
    variables: Vec<Variable>,
    depth: usize,
}

impl Parser<'_> {
    fn token(&self) -> &Token {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> &Token {
        self.tokens.get(self.at + by).map_or(&Token::End, |placed| &placed.token)
    }

    fn place(&self) -> Place {
        let from = self.tokens.get(self.at).map_or(self.text.len(), |placed| placed.from);
        place(self.text, from)
    }

    fn next(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.token(), Token::Sign(found) if *found == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.token(), Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.next();
        }
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    fn demand_sign(&mut self, sign: &str, after: &str) -> Result<(), Refused> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("'{sign}' {after}"))) }
    }

    fn demand_word(&mut self, word: &str, after: &str) -> Result<(), Refused> {
        if self.take_word(word) { Ok(()) } else { Err(self.unexpected(&format!("{word} {after}"))) }
    }

    /// What stands here is not what was expected. Where it is the name of something that is left out, that is said.
    fn unexpected(&self, expected: &str) -> Refused {
        if let Some(refused) = self.left_out() {
            return refused;
        }
        let found = match self.token() {
            Token::End => "the query ends".to_owned(),
            Token::Word(word) | Token::Quoted(word) => format!("'{word}' stands"),
            Token::Parameter(name) => format!("'${name}' stands"),
            Token::Whole(_) | Token::Real(_) => "a number stands".to_owned(),
            Token::Text(_) => "a text stands".to_owned(),
            Token::Sign(sign) => format!("'{sign}' stands"),
        };
        Refused::syntax(self.place(), format!("{found} where {expected} was expected"))
    }

    /// The keyword of what is left out, where one stands here.
    fn left_out(&self) -> Option<Refused> {
        let Token::Word(word) = self.token() else { return None };
        let (name, instead) = words::left_out(word)?;
        Some(Refused::outside(self.place(), name, instead))
    }

    fn outside<T>(&self, name: &str, instead: &str) -> Result<T, Refused> {
        Err(Refused::outside(self.place(), name, instead))
    }

    fn syntax<T>(&self, say: impl Into<String>) -> Result<T, Refused> {
        Err(Refused::syntax(self.place(), say))
    }

    /// A name that is no keyword.
    fn name(&mut self, what: &str) -> Result<String, Refused> {
        let name = match self.token() {
            Token::Quoted(name) => name.clone(),
            Token::Word(word) if !words::is_reserved(word) => word.clone(),
            _ => return Err(self.unexpected(what)),
        };
        self.next();
        Ok(name)
    }

    /// A name behind a dot or colon, where keywords are plain names.
    fn any_name(&mut self, what: &str) -> Result<String, Refused> {
        let (Token::Quoted(name) | Token::Word(name)) = self.token() else { return Err(self.unexpected(what)) };
        let name = name.clone();
        self.next();
        Ok(name)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Refused>) -> Result<T, Refused> {
        if self.depth >= DEEPEST {
            return self.syntax(format!("expressions lie more than {DEEPEST} deep within each other"));
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    fn variable(&self, name: &str) -> Option<usize> {
        self.variables.iter().position(|variable| variable.name.as_deref() == Some(name))
    }

    fn new_variable(&mut self, name: Option<String>, of: Stands) -> Result<usize, Refused> {
        if self.variables.len() >= MOST_VARIABLES {
            return self.syntax(format!("a query has at most {MOST_VARIABLES} nodes and relations in its patterns"));
        }
        self.variables.push(Variable { name, of });
        Ok(self.variables.len() - 1)
    }

    /// The value of a parameter.
    fn parameter(&self, name: &str) -> Result<Value, Refused> {
        let Some(value) = self.parameters.get(name) else {
            return self.syntax(format!("there is no parameter '{name}': give it in 'parameters'"));
        };
        let plain = |value: &Value| !value.is_array() && !value.is_object();
        if plain(value) || value.as_array().is_some_and(|list| list.iter().all(plain)) {
            return Ok(value.clone());
        }
        self.syntax(format!("the parameter '{name}' must be a text, a number, true, false, null or a list of these"))
    }
}

#[cfg(test)]
mod tests;
