//! XML read into a small tree. Nothing outside is fetched and no entity is known but the five of XML: a file that declares any is refused.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::LARGEST;

/// Elements within each other.
const DEEPEST: usize = 100;
/// Elements of a file.
const MOST_ELEMENTS: usize = 100_000;
/// Attributes of an element.
const MOST_ATTRIBUTES: usize = 200;

/// Why a text is no XML that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub say: String,
}

/// An element.
#[derive(Debug, Clone, Default)]
pub(super) struct Element {
    /// Its namespace; empty where it has none.
    pub(super) namespace: String,
    /// Its name without prefix.
    pub(super) name: String,
    /// Its attributes: namespace, empty where it has none, name and value.
    pub(super) attributes: Vec<(String, String, String)>,
    pub(super) children: Vec<Self>,
    /// All text within it that is not within a child.
    pub(super) text: String,
    pub(super) line: usize,
}

impl Element {
    /// An attribute without a namespace.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(space, key, _)| space.is_empty() && key == name)
            .map(|(_, _, value)| value.as_str())
    }

    /// An attribute of whatever namespace other than none: what tools add.
    pub(super) fn added(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(space, key, _)| !space.is_empty() && key == name)
            .map(|(_, _, value)| value.as_str())
    }

    /// Whether it is of BPMN, of this name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name && self.namespace == super::MODEL
    }

    /// The first child of BPMN of a name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|one| one.is(name))
    }

    /// The children of BPMN of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |one| one.is(name))
    }
}

/// Where in a text something is.
struct Place<'a> {
    text: &'a str,
    line: usize,
    start_of_line: usize,
    seen: usize,
}

impl Place<'_> {
    /// Goes on to a byte; never back.
    fn reach(&mut self, byte: usize) {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        if byte < self.seen {
            return;
        }
        for (at, _) in self.text[self.seen..byte].match_indices('\n') {
            self.line += 1;
            self.start_of_line = self.seen + at + 1;
        }
        self.seen = byte;
    }

    fn broken(&self, say: impl Into<String>) -> Broken {
        let column = self.text.get(self.start_of_line..self.seen).map_or(1, |line| line.chars().count() + 1);
        Broken { line: self.line, column, say: say.into().chars().take(300).collect() }
    }
}

fn usize_of(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Element, Broken> {
    let mut place = Place { text, line: 1, start_of_line: 0, seen: 0 };
    if text.len() > LARGEST {
        return Err(place.broken(format!("the file has more than {LARGEST} bytes")));
    }
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    place.text = text;
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<Element> = Vec::new();
    let mut spaces: Vec<Vec<(String, String)>> = Vec::new();
    let mut root = None;
    let mut count = 0;
    loop {
        let before = usize_of(reader.buffer_position());
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => {
                place.reach(usize_of(reader.error_position()));
                return Err(place.broken(format!("it is no well-formed XML: {error}")));
            }
        };
        place.reach(before);
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                count += 1;
                if root.is_some() && open.is_empty() {
                    return Err(place.broken("there is a second element beside the outermost one"));
                }
                if open.len() >= DEEPEST {
                    return Err(place.broken(format!("there are more than {DEEPEST} elements within each other")));
                }
                if count > MOST_ELEMENTS {
                    return Err(place.broken(format!("there are more than {MOST_ELEMENTS} elements")));
                }
                let (element, declared) = element(start, &spaces, &place)?;
                if matches!(event, Event::Empty(_)) {
                    close(element, &mut open, &mut root);
                } else {
                    open.push(element);
                    spaces.push(declared);
                }
            }
            Event::End(_) => {
                spaces.pop();
                if let Some(element) = open.pop() {
                    close(element, &mut open, &mut root);
                }
            }
            Event::Text(part) => {
                let part = part.xml10_content().map_err(|error| place.broken(error.to_string()))?;
                add(&part, &mut open, &place)?;
            }
            Event::CData(part) => {
                let part = part.xml10_content().map_err(|error| place.broken(error.to_string()))?;
                add(&part, &mut open, &place)?;
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|error| place.broken(error.to_string()))?;
                let said = quick_xml::escape::unescape(&format!("&{name};")).map(std::borrow::Cow::into_owned);
                let said = said.map_err(|_| {
                    place.broken(format!("'&{name};' is not known: entities of a file's own are not read"))
                })?;
                add(&said, &mut open, &place)?;
            }
            Event::DocType(_) => return Err(place.broken("a DOCTYPE is not read: take it out")),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if let Some(element) = open.last() {
        place.reach(text.len());
        return Err(place.broken(format!("<{}> of line {} is not ended", element.name, element.line)));
    }
    root.ok_or_else(|| place.broken("there is no element in it"))
}

fn add(text: &str, open: &mut [Element], place: &Place<'_>) -> Result<(), Broken> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(place.broken("there is text outside of the outermost element")),
    }
    Ok(())
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

/// Prefixes and their namespaces.
type Spaces = Vec<(String, String)>;

fn element(start: &BytesStart<'_>, spaces: &[Spaces], place: &Place<'_>) -> Result<(Element, Spaces), Broken> {
    let mut declared = Vec::new();
    let mut plain = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| place.broken(format!("an attribute is broken: {error}")))?;
        let key = std::str::from_utf8(attribute.key.into_inner()).map_err(|error| place.broken(error.to_string()))?;
        let raw = std::str::from_utf8(&attribute.value).map_err(|error| place.broken(error.to_string()))?;
        let value = quick_xml::escape::unescape(raw)
            .map_err(|error| place.broken(format!("the value of '{key}' is broken: {error}")))?;
        if plain.len() == MOST_ATTRIBUTES {
            return Err(place.broken(format!("an element has more than {MOST_ATTRIBUTES} attributes")));
        }
        match key.split_once(':') {
            None if key == "xmlns" => declared.push((String::new(), value.into_owned())),
            Some(("xmlns", prefix)) => declared.push((prefix.to_owned(), value.into_owned())),
            Some((prefix, name)) => plain.push((prefix.to_owned(), name.to_owned(), value.into_owned())),
            None => plain.push((String::new(), key.to_owned(), value.into_owned())),
        }
    }
    let space_of = |prefix: &str| {
        let all = spaces.iter().flatten().chain(&declared);
        all.rev().find(|(known, _)| known == prefix).map(|(_, space)| space.clone())
    };
    let name = start.name();
    let name = std::str::from_utf8(name.into_inner()).map_err(|error| place.broken(error.to_string()))?;
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    let namespace = match space_of(prefix) {
        Some(space) => space,
        None if prefix.is_empty() => String::new(),
        None => return Err(place.broken(format!("the prefix '{prefix}' is not declared"))),
    };
    let attributes = plain
        .into_iter()
        .map(|(prefix, name, value)| {
            // An attribute without a prefix has no namespace; one whose prefix nobody declared is a tool's own all the same.
            let space = if prefix.is_empty() { String::new() } else { space_of(&prefix).unwrap_or(prefix) };
            (space, name, value)
        })
        .collect();
    let element = Element {
        namespace,
        name: local.to_owned(),
        attributes,
        children: Vec::new(),
        text: String::new(),
        line: place.line,
    };
    Ok((element, declared))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, usize, String) {
        let broken = read(text).unwrap_err();
        (broken.line, broken.column, broken.say)
    }

    #[test]
    fn names_are_resolved_and_text_is_put_together() {
        let root = read("<?xml version=\"1.0\"?>\n<a xmlns=\"one\" xmlns:x=\"two\">\n<x:b x:k='1 &amp; &#50;' k='3'>a &lt; <![CDATA[b & c]]></x:b><b xmlns='three'/></a>").unwrap();
        assert_eq!(
            (root.namespace.as_str(), root.children[0].namespace.as_str(), root.children[1].namespace.as_str()),
            ("one", "two", "three")
        );
        assert_eq!(root.children[0].text, "a < b & c");
        assert_eq!((root.children[0].added("k"), root.children[0].attribute("k")), (Some("1 & 2"), Some("3")));
        assert_eq!(root.children[0].line, 3);
    }

    #[test]
    fn what_is_hostile_is_refused_at_its_place() {
        assert_eq!(
            fault("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n<a>&x;</a>"),
            (1, 1, "a DOCTYPE is not read: take it out".into())
        );
        let (line, column, say) = fault("<a>\n  <b>&lol;</b></a>");
        assert_eq!((line, column), (2, 6));
        assert!(say.contains("&lol;"), "{say}");
        assert_eq!(fault("<a>\n\n</b>").0, 3);
        assert!(fault("<a><b>").2.contains("<b> of line 1 is not ended"));
        assert!(fault(&"<a>".repeat(200)).2.contains("within each other"));
        assert!(fault(&format!("<a>{}</a>", "<b/>".repeat(MOST_ELEMENTS))).2.contains("elements"));
        assert!(fault(&" ".repeat(LARGEST + 1)).2.contains("bytes"));
        assert!(fault("<a b='&x;'/>").2.contains("'b'"));
        assert!(fault("<x:a/>").2.contains("prefix"));
        assert!(fault("<a/><b/>").2.contains("second"));
        assert!(fault("").2.contains("no element"));
        assert!(fault("just text").2.contains("outside"));
        assert!(fault("<a b='1' b='2'/>").2.contains("attribute"));
    }
}
