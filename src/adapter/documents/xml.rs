//! XML of office programs, read as a stream. Nothing outside is ever fetched: entities that a document declares are not known,
//! and a document that declares any is refused.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::QName;

use crate::port::documents::ParseFault;

/// Elements within each other.
const DEEPEST: usize = 400;

/// What comes next.
pub(super) enum Piece<'a> {
    /// An element begins.
    Open(Element<'a>),
    /// An element of this name ends.
    Close(&'a str),
    /// Text.
    Text(String),
}

/// The beginning of an element.
pub(super) struct Element<'a> {
    start: BytesStart<'a>,
    name: &'a str,
}

impl Element<'_> {
    /// Its name without its namespace's prefix.
    pub(super) fn name(&self) -> &str {
        self.name
    }

    /// An attribute by its name without prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        self.find(|key| key.local_name().as_ref() == name.as_bytes())
    }

    /// The relation that an element names: its `id` that has a prefix. It may have one without, too.
    pub(super) fn relation(&self) -> Option<String> {
        self.find(|key| key.prefix().is_some() && key.local_name().as_ref() == b"id")
    }

    fn find(&self, is: impl Fn(QName<'_>) -> bool) -> Option<String> {
        self.start.attributes().with_checks(false).flatten().find(|one| is(one.key)).map(|one| {
            let raw = String::from_utf8_lossy(&one.value).into_owned();
            quick_xml::escape::unescape(&raw).map_or_else(|_| raw.clone(), std::borrow::Cow::into_owned)
        })
    }
}

/// What a document says in more than one way (`mc:AlternateContent`): the first is read, what stands in its place for older programs is not.
#[derive(Default)]
struct Ways {
    /// Of each that is open, whether one way was read.
    open: Vec<bool>,
    /// Elements within each other that are passed over.
    skipped: usize,
}

impl Ways {
    /// Whether an element that begins is passed over.
    fn skips(&mut self, name: &str, empty: bool) -> bool {
        let skip = self.skipped > 0
            || matches!(name, "Choice" | "Fallback")
                && self.open.last_mut().is_some_and(|read| std::mem::replace(read, true));
        if !empty && skip {
            self.skipped += 1;
        } else if !empty && name == "AlternateContent" {
            self.open.push(false);
        }
        skip
    }

    /// Whether an element that ends was passed over.
    fn skipped(&mut self, name: &str) -> bool {
        if self.skipped > 0 {
            self.skipped -= 1;
            return true;
        }
        if name == "AlternateContent" {
            self.open.pop();
        }
        false
    }
}

/// Reads a part of a document and hands each piece of it to `each`.
pub(super) fn read(bytes: &[u8], mut each: impl FnMut(Piece<'_>) -> Result<(), ParseFault>) -> Result<(), ParseFault> {
    let broken = |error: &dyn std::fmt::Display| ParseFault::unreadable(format!("its XML is broken: {error}"));
    let mut reader = Reader::from_reader(bytes);
    reader.config_mut().check_end_names = true;
    let mut depth = 0_usize;
    let mut ways = Ways::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(|error| broken(&error))?;
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                let local = start.local_name();
                let name = std::str::from_utf8(local.into_inner()).unwrap_or("");
                let empty = matches!(event, Event::Empty(_));
                if !ways.skips(name, empty) {
                    each(Piece::Open(Element { start: start.borrow(), name }))?;
                    if empty {
                        each(Piece::Close(name))?;
                    }
                }
                if !empty {
                    depth += 1;
                    if depth > DEEPEST {
                        return Err(ParseFault::TooLarge(format!(
                            "its XML has more than {DEEPEST} elements within each other"
                        )));
                    }
                }
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                let local = end.local_name();
                let name = std::str::from_utf8(local.into_inner()).unwrap_or("");
                if !ways.skipped(name) {
                    each(Piece::Close(name))?;
                }
            }
            Event::Text(_) | Event::CData(_) if ways.skipped > 0 => {}
            Event::Text(text) => each(Piece::Text(String::from_utf8_lossy(&text).into_owned()))?,
            Event::CData(text) => each(Piece::Text(String::from_utf8_lossy(&text).into_owned()))?,
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref() {
                    Ok(Some(letter)) => letter.to_string(),
                    Ok(None) => {
                        let name = String::from_utf8_lossy(&reference).into_owned();
                        let known = quick_xml::escape::resolve_predefined_entity(&name);
                        known
                            .ok_or_else(|| broken(&format!("it uses the entity {name}, which is not known")))?
                            .to_owned()
                    }
                    Err(error) => return Err(broken(&error)),
                };
                if ways.skipped == 0 {
                    each(Piece::Text(text))?;
                }
            }
            Event::DocType(declared) => {
                // A declaration that only names the form is harmless; one that declares entities is an attack or a mistake.
                if declared.windows(7).any(|window| window.eq_ignore_ascii_case(b"!ENTITY")) {
                    return Err(ParseFault::unreadable(
                        "its XML declares entities, which no office program does: nothing of it is read",
                    ));
                }
            }
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(xml: &str) -> String {
        let mut words = String::new();
        read(xml.as_bytes(), |piece| {
            if let Piece::Text(text) = piece {
                words.push_str(&text);
            }
            Ok(())
        })
        .unwrap();
        words
    }

    #[test]
    fn what_is_said_in_two_ways_is_read_once() {
        let two = "<a xmlns:mc='m'>1<mc:AlternateContent><mc:Choice>2</mc:Choice><mc:Choice><b/>x</mc:Choice><mc:Fallback><b>x&amp;                   <mc:AlternateContent><mc:Choice>x</mc:Choice></mc:AlternateContent></b></mc:Fallback></mc:AlternateContent>3</a>";
        assert_eq!(words(two), "123");
        let within = [
            "<a><AlternateContent><Choice>1<AlternateContent><Choice>2</Choice><Fallback>x</Fallback></AlternateContent>3</Choice>",
            "<Fallback>x</Fallback></AlternateContent>4</a>",
        ];
        assert_eq!(words(&within.concat()), "1234");
        // Where nothing else stands there, it is read; elsewhere the names mean nothing.
        assert_eq!(words("<a><AlternateContent><Fallback>1</Fallback></AlternateContent></a>"), "1");
        assert_eq!(words("<a><Choice>1</Choice><Fallback>2</Fallback></a>"), "12");
    }
}
