//! XML of office programs, read as a stream. Nothing outside is ever fetched: entities that a document declares are not known,
//! and a document that declares any is refused.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

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
        self.start
            .attributes()
            .with_checks(false)
            .flatten()
            .find(|one| one.key.local_name().as_ref() == name.as_bytes())
            .map(|one| {
                let raw = String::from_utf8_lossy(&one.value).into_owned();
                quick_xml::escape::unescape(&raw).map_or_else(|_| raw.clone(), std::borrow::Cow::into_owned)
            })
    }
}

/// Reads a part of a document and hands each piece of it to `each`.
pub(super) fn read(bytes: &[u8], mut each: impl FnMut(Piece<'_>) -> Result<(), ParseFault>) -> Result<(), ParseFault> {
    let broken = |error: &dyn std::fmt::Display| ParseFault::unreadable(format!("its XML is broken: {error}"));
    let mut reader = Reader::from_reader(bytes);
    reader.config_mut().check_end_names = true;
    let mut depth = 0_usize;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(|error| broken(&error))?;
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                let local = start.local_name();
                let name = std::str::from_utf8(local.into_inner()).unwrap_or("");
                each(Piece::Open(Element { start: start.borrow(), name }))?;
                if matches!(event, Event::Empty(_)) {
                    each(Piece::Close(name))?;
                } else {
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
                each(Piece::Close(std::str::from_utf8(local.into_inner()).unwrap_or("")))?;
            }
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
                each(Piece::Text(text))?;
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
